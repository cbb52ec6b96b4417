"""The generator of the tables of field types, on small documents."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from make_schema import Definitions, JsonDict, Lift, Table, make
from schema_families import FAMILIES, Family

CORE: Definitions = {
    "Container": {"image": "s", "name!": "s", "ports": "[@Port"},
    "HTTPHeader": {"name!": "s", "value!": "s"},
    "ObjectMeta": {"labels": "{s", "name": "s"},
    "Port": {"port!": "i"},
    "PodSpec": {"containers!": "[@Container", "hostNetwork": "b", "nodeSelector": "{s", "restartPolicy": "s:Never"},
    "PodTemplateSpec": {"metadata": "@ObjectMeta", "spec": "@PodSpec"},
    "Selector": {"key!": "s", "operator!": "s:In"},
    "WideSelector": {"key!": "s", "operator!": "s:In|Gt"},
}
TEXT: JsonDict = {"type": "string"}
CONTAINER: JsonDict = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "image": TEXT,
        "name": TEXT,
        "ports": {
            "type": "array",
            "items": {"type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}}},
        },
    },
}


def table(source: dict[str, JsonDict] | None = None, family: Family | None = None) -> Table:
    return Table(family or Family("module@v1", (), {}), source or {}, CORE)


TYPES: dict[str, tuple[JsonDict, str]] = {
    "a text": (TEXT, "s"),
    "an integer": ({"type": "integer", "format": "int32"}, "i"),
    "an object of Kubernetes": ({"$ref": "#/definitions/io.k8s.api.core.v1.PodSpec"}, "@PodSpec"),
    "a list of objects": ({"type": "array", "items": {"$ref": "#/definitions/v1.PodSpec"}}, "[@PodSpec"),
    "a map of texts": ({"type": "object", "additionalProperties": TEXT}, "{s"),
    "a definition that is nowhere": ({"$ref": "#/definitions/knative.Condition"}, "a"),
    "a status": ({"$ref": "#/definitions/v1.PodStatus"}, "a"),
    "an object without a schema": ({"type": "object"}, "a"),
    "no schema at all": ({}, "a"),
    "unknown fields preserved": ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "a"),
    "a quantity": ({"$ref": "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity"}, "q"),
    "a quantity of a custom resource": ({"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+$"}, "q"),
    "int or string": ({"$ref": "#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"}, "x"),
    "int or string of a custom resource": ({"x-kubernetes-int-or-string": True}, "x"),
}


@pytest.mark.parametrize(("schema", "text"), TYPES.values(), ids=TYPES)
def test_a_type_is_written_as_a_short_text(schema: JsonDict, text: str) -> None:
    assert table().type_text(schema) == text


def test_required_fields_and_enumerations_are_marked() -> None:
    definition = {
        "required": ["level"],
        "properties": {
            "level": {"type": "string", "enum": ["Low", "High"]},
            "restartPolicy": TEXT,
            "mode": {"type": "string", "enum": ["", "Fast"]},
        },
    }

    assert table().fields_of("PodSpec", definition) == {
        "level!": "s:Low|High",
        "mode": "s",
        "restartPolicy": "s:Always|Never|OnFailure",
    }


def test_nothing_is_required_where_no_api_server_holds_objects_to_the_document() -> None:
    definition = {"required": ["name"], "properties": {"name": TEXT}}
    family = Family("module@v1", (), {}, strict=False)

    assert table(family=family).fields_of("Step", definition) == {"name": "s"}


def test_a_family_says_what_its_document_has_wrong_or_leaves_out() -> None:
    family = Family("module@v1", (), {}, types={"Ref.params": "[a", "Ref.name": "a"})
    definition = {"required": ["kind", "name"], "properties": {"kind": TEXT, "name": TEXT}}

    assert table(family=family).fields_of("Ref", definition) == {"kind!": "s", "name": "a", "params": "[a"}


def test_definitions_may_hold_themselves_and_are_told_from_those_of_kubernetes() -> None:
    source: dict[str, JsonDict] = {
        "v1.Step": {
            "properties": {
                "inline": {"$ref": "#/definitions/v1.Step"},
                "headers": {"$ref": "#/definitions/a.HTTPHeader"},
            }
        },
        "a.HTTPHeader": {"properties": {"name": TEXT, "secret": TEXT}},
        "a.Amount": {"type": "number"},
    }
    family = Family("module@v1", (), {"example.org/v1 Step": "v1.Step"})

    made = make(family, source, CORE)

    assert made["kinds"] == {"example.org/v1 Step": "Step"}
    assert made["definitions"] == {
        "OwnHTTPHeader": {"name": "s", "secret": "s"},
        "Step": {"headers": "@OwnHTTPHeader", "inline": "@Step"},
    }


def lifted(schema: JsonDict) -> tuple[JsonDict, dict[str, JsonDict]]:
    """What a custom resource definition's `spec.x` becomes, and the definitions beside its kind's."""
    lift = Lift(CORE)
    lift.kind("Kind", {"properties": {"x": schema}})
    return lift.definitions.pop("Kind")["properties"]["x"], lift.definitions


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def test_an_object_of_kubernetes_is_recognised_where_it_is_written_out() -> None:
    assert lifted(CONTAINER) == (reference("Container"), {})


def test_an_object_that_wants_less_is_not_the_one_of_kubernetes() -> None:
    found, definitions = lifted({**CONTAINER, "required": []})

    assert found == reference("KindX")
    assert definitions["KindX"]["properties"]["ports"]["items"] == reference("Port")


def test_an_object_that_could_be_two_of_kubernetes_is_neither() -> None:
    selector = {"properties": {"key": TEXT, "operator": TEXT}, "required": ["key", "operator"]}

    assert lifted(selector)[0] == reference("KindX")


def test_a_pod_of_an_older_release_is_recognised_though_it_has_a_field_that_is_gone() -> None:
    fields = ("containers", "hostNetwork", "nodeSelector", "restartPolicy", "volumes", "gone")
    pod = {"properties": dict.fromkeys(fields, TEXT)}
    template = {"properties": {"metadata": {"type": "object"}, "spec": pod}}

    assert lifted(template) == (reference("PodTemplateSpec"), {})


def test_equal_objects_share_a_definition() -> None:
    own = {"properties": {"own": TEXT}}

    found, definitions = lifted({"properties": {"a": own, "b": own}})

    assert found == reference("KindX")
    assert definitions["KindX"]["properties"] == {"a": reference("KindXA"), "b": reference("KindXA")}


def test_what_has_a_default_need_not_be_written() -> None:
    own = {"properties": {"a": {**TEXT, "default": "x"}, "b": TEXT}, "required": ["a", "b"]}

    assert lifted(own)[1]["KindX"]["required"] == ["b"]


def test_a_kind_has_the_metadata_of_all_resources_and_any_status() -> None:
    lift = Lift(CORE)
    lift.kind("Kind", {"properties": {"metadata": {"type": "object"}, "spec": TEXT}, "required": ["metadata", "spec"]})

    family = Family("module@v1", (), {"example.org/v1 Kind": "Kind"})

    assert make(family, lift.definitions, CORE)["definitions"] == {
        "Kind": {"metadata": "@ObjectMeta", "spec!": "s", "status": "a"}
    }


def test_each_source_is_one_release_of_a_module() -> None:
    assert all(family.module.count("@v") == 1 for family in FAMILIES.values())
