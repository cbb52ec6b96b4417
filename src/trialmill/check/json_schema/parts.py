"""Schemas of single fields, each with its description."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from trialmill.api.tree import Json, JsonObject

Schema = JsonObject

PLACEHOLDER: Final = r"\$[{(]"
"""Texts with a placeholder in them, of ours or of a template's typed parameters."""
NOT_YET: Final = "Not available in this release."


def text(description: str, **more: Json) -> Schema:
    return {"type": "string", "description": description, **more}


def word(description: str, words: Iterable[str], **more: Json) -> Schema:
    """One of a few words."""
    return {"type": "string", "description": description, "enum": [str(each) for each in words], **more}


def words_of(description: str, kind: type[StrEnum], **more: Json) -> Schema:
    return word(description, kind, **more)


def value(description: str, **more: Json) -> Schema:
    """A value that is text to Katib and may be written as a number."""
    return {"type": ["string", "number"], "description": description, **more}


def integer(description: str, least: int | None = None, **more: Json) -> Schema:
    bound: Schema = {} if least is None else {"minimum": least}
    return {"type": "integer", "description": description, **bound, **more}


def boolean(description: str, **more: Json) -> Schema:
    return {"type": "boolean", "description": description, **more}


def anything(description: str) -> Schema:
    return {"description": description}


def listed(description: str, items: Schema, **more: Json) -> Schema:
    return {"type": "array", "description": description, "items": items, **more}


def string_map(description: str) -> Schema:
    return {"type": "object", "description": description, "additionalProperties": {"type": "string"}}


def mapping(description: str, fields: Mapping[str, Json], required: Iterable[str] = (), **more: Json) -> Schema:
    """A mapping with these fields and no others."""
    must: Schema = {"required": list(required)} if required else {}
    return {
        "type": "object",
        "description": description,
        "properties": dict(fields),
        **must,
        "additionalProperties": False,
        **more,
    }


def reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def where(conditions: Mapping[str, Json], then: Schema) -> Schema:
    """What holds where all these fields are there and have these values."""
    fields: Schema = {name: {"const": constant} for name, constant in conditions.items()}
    return {"if": {"properties": fields, "required": list(conditions)}, "then": then}
