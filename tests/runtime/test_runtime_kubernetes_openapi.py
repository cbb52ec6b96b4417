"""Types of fields as an API server publishes them, in the spellings of definitions and of Kubernetes' own kinds."""

from typing import Final

import pytest

from trialmill.api.fields import Field, FieldType
from trialmill.api.tree import Json, JsonObject, Path
from trialmill.runtime.kubernetes.openapi import KindSchema, kind_schema

QUANTITY: Final[JsonObject] = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
PATTERN: Final = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$"
META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
SPEC: Final[JsonObject] = {
    "text": {"type": "string"},
    "word": {"type": "string", "enum": ["fast", "slow"]},
    "code": {"type": "string", "format": "byte"},
    "whole": {"type": "integer", "format": "int32", "default": 3},
    "real": {"type": "number", "nullable": True},
    "flag": {"type": "boolean"},
    "either": QUANTITY,
    "memory": {**QUANTITY, "pattern": PATTERN},
    "cpu": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"},
    "port": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString"},
    "wrapped": {"description": "d", "default": {}, "allOf": [{"$ref": "#/components/schemas/Inner"}]},
    "list": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}},
    "holes": {"type": "array", "items": {"type": "string", "nullable": True}},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}},
    "anything": {"x-kubernetes-preserve-unknown-fields": True},
    "open": {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"n": {"type": "integer"}},
    },
    "raw": {"type": "object"},
    "free": {"type": "object", "additionalProperties": True},
    "judged": {"type": "object", "properties": {"n": {"type": "integer"}}, "allOf": [{"required": ["n"]}]},
    "nowhere": {"$ref": "#/components/schemas/Lost"},
    "circle": {"$ref": "#/components/schemas/Circle"},
    "newer": {"type": ["string", "null"]},
    "wrong": 7,
}
SCHEMAS: Final[JsonObject] = {
    "dev.example.v1.Widget": {
        "type": "object",
        "properties": {
            "metadata": {"allOf": [{"$ref": f"#/components/schemas/{META}"}]},
            "spec": {"type": "object", "properties": SPEC, "required": ["text"]},
        },
        "x-kubernetes-group-version-kind": [{"group": "example.dev", "version": "v1", "kind": "Widget"}],
    },
    "Inner": {"type": "object", "properties": {"n": {"type": "integer"}, "again": {"$ref": "#/x/Inner"}}},
    "Circle": {"$ref": "#/components/schemas/Circle"},
    META: {"type": "object", "properties": {"name": {"type": "string"}}},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}
DOCUMENT: Final[JsonObject] = {"components": {"schemas": SCHEMAS}}
TYPES: Final[dict[str, tuple[Path, FieldType]]] = {
    "a string": (("text",), FieldType.STRING),
    "a string with a format": (("code",), FieldType.STRING),
    "an integer": (("whole",), FieldType.INTEGER),
    "a number": (("real",), FieldType.NUMBER),
    "a boolean": (("flag",), FieldType.BOOLEAN),
    "an integer or a string": (("either",), FieldType.INT_OR_STRING),
    "a quantity by its pattern": (("memory",), FieldType.QUANTITY),
    "a quantity by its name": (("cpu",), FieldType.QUANTITY),
    "Kubernetes' own int-or-string": (("port",), FieldType.INT_OR_STRING),
    "a reference wrapped in allOf": (("wrapped",), FieldType.OBJECT),
    "a field behind a wrapped reference": (("wrapped", "n"), FieldType.INTEGER),
    "a field of a schema that refers to itself": (("wrapped", "again", "again", "n"), FieldType.INTEGER),
    "a list": (("list",), FieldType.LIST),
    "a field of an entry": (("list", 4, "n"), FieldType.INTEGER),
    "a list whose entries may be nothing": (("holes",), FieldType.ANY),
    "a map": (("map",), FieldType.MAP),
    "an entry of a map": (("map", "k"), FieldType.INTEGER),
    "a field that keeps everything": (("anything",), FieldType.ANY),
    "what is below one": (("anything", "a", 0, "b"), FieldType.ANY),
    "an object that keeps what it does not know": (("open",), FieldType.MAP),
    "a field that it knows": (("open", "n"), FieldType.INTEGER),
    "a field that it does not know": (("open", "other"), FieldType.ANY),
    "an object of which nothing is said": (("raw",), FieldType.MAP),
    "what is below it": (("raw", "a"), FieldType.ANY),
    "an object with free entries": (("free", "a"), FieldType.ANY),
    "an object whose allOf only judges": (("judged", "n"), FieldType.INTEGER),
    "a reference that leads nowhere": (("nowhere",), FieldType.ANY),
    "a reference to itself": (("circle",), FieldType.ANY),
    "types of a later OpenAPI": (("newer",), FieldType.ANY),
    "what is no schema": (("wrong",), FieldType.ANY),
}
NOT_THERE: Final[dict[str, Path]] = {
    "a field that is not there": ("other",),
    "a position in an object": (0,),
    "a name in a list": ("list", "n"),
    "a field of a scalar": ("whole", "n"),
    "a field of an entry that is not there": ("list", 0, "other"),
    "an object closed in spite of its allOf": ("judged", "other"),
}


def widget(document: Json = DOCUMENT) -> KindSchema:
    schema = kind_schema(document, "example.dev/v1", "Widget")
    assert schema is not None
    return schema


@pytest.mark.parametrize(("path", "expected"), TYPES.values(), ids=TYPES)
def test_the_type_of(path: Path, expected: FieldType) -> None:
    field = widget().field(("spec", *path))
    assert field is not None
    assert field.type is expected


@pytest.mark.parametrize("path", NOT_THERE.values(), ids=NOT_THERE)
def test_nothing_is_known_of(path: Path) -> None:
    assert widget().field(("spec", *path)) is None


def test_an_object_names_its_fields_with_their_types() -> None:
    field = widget().field(("spec", "wrapped"))
    assert field == Field(FieldType.OBJECT, {"n": FieldType.INTEGER, "again": FieldType.OBJECT})
    assert widget().field(("metadata",)) == Field(FieldType.OBJECT, {"name": FieldType.STRING})


def test_the_words_that_a_text_may_be_are_kept() -> None:
    assert widget().field(("spec", "word")) == Field(FieldType.STRING, enum=("fast", "slow"))


def test_nothing_is_required_since_defaults_and_webhooks_may_fill_it_in() -> None:
    field = widget().field(("spec",))
    assert field is not None
    assert field.required == frozenset()


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({"components": {"schemas": []}}, id="no schemas"),
        pytest.param({"components": {"schemas": {"a": 1, "b": {"x-kubernetes-group-version-kind": 2}}}}, id="no kinds"),
    ],
)
def test_a_document_without_the_kind_knows_nothing(document: Json) -> None:
    assert kind_schema(document, "example.dev/v1", "Widget") is None


def test_a_kind_of_the_same_name_in_another_version_is_another() -> None:
    assert kind_schema(DOCUMENT, "example.dev/v2", "Widget") is None
    assert kind_schema(DOCUMENT, "v1", "Widget") is None
