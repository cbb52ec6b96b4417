"""The fields of the kinds that run without a cluster, from Kubernetes' own OpenAPI document.

`schema_table.json` is made by `tools/make_schema.py`, which also says how a field is written there. The table is read
when it is first asked for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Final, NamedTuple

from trialmill.api.fields import Field, FieldType, SchemaSource
from trialmill.api.tree import Path

_TABLE: Final = FilePath(__file__).with_name("schema_table.json")
_TYPES: Final[Mapping[str, FieldType]] = {
    "s": FieldType.STRING,
    "i": FieldType.INTEGER,
    "n": FieldType.NUMBER,
    "b": FieldType.BOOLEAN,
    "q": FieldType.QUANTITY,
    "x": FieldType.INT_OR_STRING,
    "a": FieldType.ANY,
    "@": FieldType.OBJECT,
    "[": FieldType.LIST,
    "{": FieldType.MAP,
}


class _Table(NamedTuple):
    """`roots` names the definition that each `apiVersion kind` starts from."""

    roots: Mapping[str, str]
    definitions: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Definition:
    """An object's fields: name to type, in the table's notation; and those that must be there."""

    fields: Mapping[str, str]
    required: frozenset[str]


class BuiltInSchema:
    """The `SchemaSource` over the packaged table. Below a field of type ANY everything is ANY."""

    def knows(self, api_version: str, kind: str) -> bool:
        return f"{api_version} {kind}" in _table().roots

    def field(self, api_version: str, kind: str, path: Path) -> Field | None:
        root = _table().roots.get(f"{api_version} {kind}")
        text = f"@{root}" if root else None
        for step in path:
            if text is None:
                return None
            text = _below(text, step)
        return _field(text) if text else None


BUILT_IN: Final[SchemaSource] = BuiltInSchema()


def _below(text: str, step: str | int) -> str | None:
    """The type of the entry `step` of a field of type `text`."""
    match text[0]:
        case "a":
            return text
        case "[" if isinstance(step, int):
            return text[1:]
        case "{" if isinstance(step, str):
            return text[1:]
        case "@" if isinstance(step, str):
            return _definition(text[1:]).fields.get(step)
    return None


@cache
def _field(text: str) -> Field:
    field_type = _TYPES[text[0]]
    if field_type is FieldType.OBJECT:
        definition = _definition(text[1:])
        fields = {name: _TYPES[kind[0]] for name, kind in definition.fields.items()}
        return Field(field_type, fields, definition.required)
    values = text.partition(":")[2]
    return Field(field_type, enum=tuple(values.split("|")) if values else ())


@cache
def _definition(name: str) -> _Definition:
    written = _table().definitions[name]
    required = frozenset(field[:-1] for field in written if field.endswith("!"))
    return _Definition({field.removesuffix("!"): text for field, text in written.items()}, required)


@cache
def _table() -> _Table:
    table = json.loads(_TABLE.read_bytes())
    return _Table(table["kinds"], table["definitions"])
