"""Makes `src/trialmill/kinds/schema_table.json` from the OpenAPI document of a Kubernetes release.

    dir=$(GOFLAGS=-mod=mod go mod download -json k8s.io/kubernetes@v1.34.4 | jq -r .Dir)
    python tools/make_schema.py $dir/api/openapi-spec/swagger.json v1.34.4 > src/trialmill/kinds/schema_table.json

Descriptions are dropped, definitions are shared by name, and of the status only its existence is kept. Each field is
one short text: a letter for its type (`_SCALARS`), `@Name` for an object, `[` and `{` before the type of a list's
items or a map's values, `!` after a field's name where it is required, and `:A|B` after a string for its enumeration.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

KINDS: Final = {"batch/v1 Job": "io.k8s.api.batch.v1.Job", "v1 Pod": "io.k8s.api.core.v1.Pod"}

_SCALARS: Final = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
_SPECIAL: Final = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "s",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "s",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "a",
    "io.k8s.api.batch.v1.JobStatus": "a",
    "io.k8s.api.core.v1.PodStatus": "a",
}
_PULL_POLICY: Final = "Always|IfNotPresent|Never"
_MESSAGE_POLICY: Final = "FallbackToLogsOnError|File"
_NODE_POLICY: Final = "Honor|Ignore"
_PROFILE: Final = "Localhost|RuntimeDefault|Unconfined"

ENUMERATIONS: Final = {
    # The document names the values of these fields in prose only. Fields that also take an empty text, or values of
    # newer releases and of extensions, are left out.
    "AppArmorProfile.type": _PROFILE,
    "Container.imagePullPolicy": _PULL_POLICY,
    "Container.terminationMessagePolicy": _MESSAGE_POLICY,
    "ContainerPort.protocol": "SCTP|TCP|UDP",
    "EphemeralContainer.imagePullPolicy": _PULL_POLICY,
    "EphemeralContainer.terminationMessagePolicy": _MESSAGE_POLICY,
    "HTTPGetAction.scheme": "HTTP|HTTPS",
    "ImageVolumeSource.pullPolicy": _PULL_POLICY,
    "JobSpec.completionMode": "Indexed|NonIndexed",
    "JobSpec.podReplacementPolicy": "Failed|TerminatingOrFailed",
    "LabelSelectorRequirement.operator": "DoesNotExist|Exists|In|NotIn",
    "NodeSelectorRequirement.operator": "DoesNotExist|Exists|Gt|In|Lt|NotIn",
    "PodFailurePolicyOnExitCodesRequirement.operator": "In|NotIn",
    "PodFailurePolicyRule.action": "Count|FailIndex|FailJob|Ignore",
    "PodSecurityContext.fsGroupChangePolicy": "Always|OnRootMismatch",
    "PodSecurityContext.seLinuxChangePolicy": "MountOption|Recursive",
    "PodSecurityContext.supplementalGroupsPolicy": "Merge|Strict",
    "PodSpec.dnsPolicy": "ClusterFirst|ClusterFirstWithHostNet|Default|None",
    "PodSpec.preemptionPolicy": "Never|PreemptLowerPriority",
    "PodSpec.restartPolicy": "Always|Never|OnFailure",
    "SeccompProfile.type": _PROFILE,
    "TopologySpreadConstraint.nodeAffinityPolicy": _NODE_POLICY,
    "TopologySpreadConstraint.nodeTaintsPolicy": _NODE_POLICY,
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule|ScheduleAnyway",
    "VolumeMount.mountPropagation": "Bidirectional|HostToContainer|None",
    "VolumeMount.recursiveReadOnly": "Disabled|Enabled|IfPossible",
}

JsonDict = dict[str, Any]


def short_name(definition: str) -> str:
    """`Container` of `io.k8s.api.core.v1.Container`; the kinds in use share no short names, which `table` checks."""
    return definition.rpartition(".")[2]


def type_text(schema: JsonDict) -> str:
    """The type of a field in the table's notation."""
    if reference := schema.get("$ref"):
        name = reference.removeprefix("#/definitions/")
        return _SPECIAL.get(name) or f"@{short_name(name)}"
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return "a"
    match schema["type"]:
        case "array":
            return "[" + type_text(schema["items"])
        case "object":
            return "{" + type_text(schema["additionalProperties"]) if "additionalProperties" in schema else "a"
        case name:
            return _SCALARS[name]


def fields_of(name: str, definition: JsonDict) -> dict[str, str]:
    required = set(definition.get("required", ()))
    fields = {}
    for field, schema in sorted(definition["properties"].items()):
        text = type_text(schema)
        values = "|".join(schema.get("enum", ())) or ENUMERATIONS.get(f"{name}.{field}", "")
        fields[field + "!" * (field in required)] = f"{text}:{values}" if values else text
    return fields


def table(swagger: JsonDict, release: str) -> JsonDict:
    """The whole table: the release, the root definition of each kind, and every definition below them."""
    definitions = swagger["definitions"]
    taken: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    pending = list(KINDS.values())
    while pending:
        full = pending.pop()
        name = short_name(full)
        if name in found or full in _SPECIAL:
            assert taken.get(name, full) == full, f"{taken[name]} and {full} have the same short name"
            continue
        taken[name] = full
        found[name] = fields_of(name, definitions[full])
        pending.extend(re.findall(r'"#/definitions/([^"]+)"', json.dumps(definitions[full]["properties"])))
    unused = [
        key
        for key in ENUMERATIONS
        if key.partition(".")[2] not in {f.rstrip("!") for f in found[key.partition(".")[0]]}
    ]
    assert not unused, f"no such fields: {unused}"
    kinds = {kind: short_name(full) for kind, full in KINDS.items()}
    return {"release": release, "kinds": kinds, "definitions": dict(sorted(found.items()))}


def main(swagger: str, release: str) -> None:
    made = table(json.loads(Path(swagger).read_text(encoding="utf-8")), release)
    # One definition on each line, so that the difference between two releases can be read.
    lines = (f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in made["definitions"].items())
    head = {key: value for key, value in made.items() if key != "definitions"}
    sys.stdout.write(f'{json.dumps(head)[:-1]}, "definitions": {{\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
