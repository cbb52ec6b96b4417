"""The generator of the schema table, on a small document."""

import runpy
from pathlib import Path
from typing import Any

import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "make_schema.py"))
POD_SPEC: dict[str, Any] = {"$ref": "#/definitions/io.k8s.api.core.v1.PodSpec"}

TYPES: dict[str, tuple[dict[str, Any], str]] = {
    "a text": ({"type": "string"}, "s"),
    "an integer": ({"type": "integer", "format": "int32"}, "i"),
    "an object": (POD_SPEC, "@PodSpec"),
    "a list of objects": ({"type": "array", "items": POD_SPEC}, "[@PodSpec"),
    "a map of texts": ({"type": "object", "additionalProperties": {"type": "string"}}, "{s"),
    "an object without a schema": ({"type": "object"}, "a"),
    "unknown fields preserved": ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "a"),
    "a quantity": ({"$ref": "#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity"}, "q"),
    "int or string": ({"$ref": "#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString"}, "x"),
}


@pytest.mark.parametrize(("schema", "text"), TYPES.values(), ids=TYPES)
def test_a_type_is_written_as_a_short_text(schema: dict[str, Any], text: str) -> None:
    assert TOOL["type_text"](schema) == text


def test_required_fields_and_enumerations_are_marked() -> None:
    definition = {
        "required": ["level"],
        "properties": {
            "level": {"type": "string", "enum": ["Low", "High"]},
            "restartPolicy": {"type": "string"},
            "name": {"type": "string"},
        },
    }

    assert TOOL["fields_of"]("PodSpec", definition) == {
        "level!": "s:Low|High",
        "name": "s",
        "restartPolicy": "s:Always|Never|OnFailure",
    }
