"""The built-in table of field types: facts about well-known fields, and its own consistency."""

import pytest

from trialmill.api.fields import Field, FieldType
from trialmill.api.tree import Path
from trialmill.kinds.schema import BUILT_IN

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
NODE_TERM = (
    *(*POD, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"),
    *("nodeSelectorTerms", 0),
)

TYPES: dict[str, tuple[Path, FieldType]] = {
    "an environment variable's value": ((*CONTAINER, "env", 3, "value"), FieldType.STRING),
    "an argument": ((*CONTAINER, "args", 1), FieldType.STRING),
    "how many pods": (("spec", "parallelism"), FieldType.INTEGER),
    "a limit": ((*CONTAINER, "resources", "limits", "cpu"), FieldType.QUANTITY),
    "a limit of any name": ((*CONTAINER, "resources", "limits", "nvidia.com/gpu"), FieldType.QUANTITY),
    "a target port": ((*CONTAINER, "livenessProbe", "httpGet", "port"), FieldType.INT_OR_STRING),
    "suspension": (("spec", "suspend"), FieldType.BOOLEAN),
    "an empty directory": ((*POD, "volumes", 0, "emptyDir"), FieldType.OBJECT),
    "an empty directory's size": ((*POD, "volumes", 0, "emptyDir", "sizeLimit"), FieldType.QUANTITY),
    "labels": (("metadata", "labels"), FieldType.MAP),
    "a label": (("spec", "template", "metadata", "labels", "app"), FieldType.STRING),
    "containers": ((*POD, "containers"), FieldType.LIST),
    "a taint's seconds": ((*POD, "tolerations", 0, "tolerationSeconds"), FieldType.INTEGER),
    "a node affinity's values": ((*NODE_TERM, "matchExpressions", 0, "values", 0), FieldType.STRING),
    "a creation time": (("metadata", "creationTimestamp"), FieldType.STRING),
    "anything in the status": (("status", "conditions", 0, "type"), FieldType.ANY),
    "anything in managed fields": (("metadata", "managedFields", 0, "fieldsV1", "f:spec"), FieldType.ANY),
}
UNKNOWN: dict[str, Path] = {
    "no such field": ("spec", "paralellism"),
    "below a scalar": ("spec", "parallelism", "x"),
    "a key in a list": (*POD, "containers", "name"),
    "a position in an object": ("spec", 0),
    "a position in a map": ("metadata", "labels", 0),
}


def field(path: Path) -> Field:
    found = BUILT_IN.field("batch/v1", "Job", path)
    assert found is not None
    return found


@pytest.mark.parametrize(("path", "expected"), TYPES.values(), ids=TYPES)
def test_a_field_has_its_type(path: Path, expected: FieldType) -> None:
    assert field(path).type is expected


@pytest.mark.parametrize("path", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_no_field_is_unknown(path: Path) -> None:
    assert BUILT_IN.field("batch/v1", "Job", path) is None


def test_an_object_names_its_fields_and_those_it_requires() -> None:
    volume = field((*POD, "volumes", 0))

    assert volume.fields is not None
    assert volume.fields["hostPath"] is FieldType.OBJECT
    assert volume.required == {"name"}
    assert field(POD).required == {"containers"}
    assert field(("spec",)).required == {"template"}


def test_the_root_has_the_fields_of_every_resource() -> None:
    root = field(())

    assert root.fields is not None
    assert set(root.fields) == {"apiVersion", "kind", "metadata", "spec", "status"}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ((*POD, "restartPolicy"), {"Always", "OnFailure", "Never"}),
        ((*CONTAINER, "imagePullPolicy"), {"Always", "IfNotPresent", "Never"}),
        (("spec", "completionMode"), {"Indexed", "NonIndexed"}),
        (("spec", "podReplacementPolicy"), {"Failed", "TerminatingOrFailed"}),
        ((*CONTAINER, "ports", 0, "protocol"), {"TCP", "UDP", "SCTP"}),
    ],
    ids=lambda value: str(value[-1]) if isinstance(value, tuple) else "",
)
def test_a_field_with_few_values_lists_them(path: Path, values: set[str]) -> None:
    assert set(field(path).enum) == values


def test_a_pod_and_a_job_are_known_and_others_are_not() -> None:
    assert BUILT_IN.knows("v1", "Pod")
    assert BUILT_IN.knows("batch/v1", "Job")
    assert not BUILT_IN.knows("batch/v1beta1", "Job")
    assert BUILT_IN.field("apps/v1", "Deployment", ("spec",)) is None


def test_a_pod_has_the_same_containers_as_a_job() -> None:
    assert BUILT_IN.field("v1", "Pod", ("spec", "containers", 0)) == field(CONTAINER)


def test_every_definition_can_be_reached_and_described() -> None:
    seen: set[int] = set()
    pending: list[Path] = [()]
    while pending:
        path = pending.pop()
        found = field(path)
        if found.type is FieldType.LIST:
            pending.append((*path, 0))
        elif found.type is FieldType.MAP:
            pending.append((*path, "key"))
        elif found.fields is not None and id(found) not in seen:
            seen.add(id(found))
            assert found.required <= set(found.fields)
            pending.extend((*path, name) for name in found.fields)

    assert len(seen) > 100
