"""Resources of known kinds, from the tables of `kinds.schema`; any other manifest is taken as it is.

Each field may hold a placeholder instead of its value, and nothing at all where it is not required.
"""

from collections.abc import Iterator
from typing import Final

from trialmill.api.tree import Json
from trialmill.check.json_schema.parts import PLACEHOLDER, Schema, reference, where
from trialmill.kinds.schema import Definition, known_kinds

_SCALARS: Final[dict[str, list[str]]] = {
    "s": ["string"],
    "i": ["integer"],
    "n": ["number"],
    "b": ["boolean"],
    "q": ["string", "number"],
    "x": ["string", "integer"],
}


def manifests() -> Schema:
    """The definitions of all known kinds, with `Manifest` for one of any kind."""
    found: dict[str, Definition] = {}
    waiting = [definition for _, _, definition in known_kinds()]
    while waiting:
        definition = waiting.pop()
        if found.setdefault(_name(definition), definition) is definition:
            waiting += [other for text in definition.fields.values() if (other := definition.below(text))]
    objects: Schema = {name: _object(definition) for name, definition in sorted(found.items())}
    return {"Manifest": _manifest(), "Placeholder": {"type": "string", "pattern": PLACEHOLDER}, **objects}


def kind_definition(api_version: str, kind: str) -> str:
    """The name of the definition of a known kind."""
    return next(
        _name(definition) for version, name, definition in known_kinds() if (version, name) == (api_version, kind)
    )


def spec_definition(api_version: str, kind: str) -> str | None:
    """The name of the definition of a kind's `spec`; None where the table does not look into it."""
    definition = next(d for version, name, d in known_kinds() if (version, name) == (api_version, kind))
    below = definition.below(definition.fields.get("spec", ""))
    return _name(below) if below else None


def _manifest() -> Schema:
    known: list[Schema] = [
        where({"apiVersion": version, "kind": kind}, reference(_name(definition)))
        for version, kind, definition in known_kinds()
    ]
    listed: Schema = {"properties": {"items": {"type": "array", "items": reference("Manifest")}}}
    identity: Schema = {
        "apiVersion": {"type": "string", "description": "The kind's group and version."},
        "kind": {"type": "string", "description": "The kind of resource."},
    }
    return {
        "type": "object",
        "description": "The manifest of a Kubernetes resource, with placeholders: ${trialParameters.NAME}.",
        "properties": identity,
        "required": ["apiVersion", "kind"],
        "allOf": [*known, where({"apiVersion": "v1", "kind": "List"}, listed)],
    }


def _name(definition: Definition) -> str:
    table = definition.table.removeprefix("schema_table").lstrip("_") or ("core" if definition.strict else "core-loose")
    return f"{table}.{definition.name}"


def _object(definition: Definition) -> Schema:
    """Fields that are not known are mistakes in what Kubernetes itself defines; an operator may know more."""
    properties: Schema = dict(_fields(definition))
    schema: Schema = {"type": ["object", "null"], "properties": properties}
    if definition.required:
        schema["required"] = [*sorted(definition.required)]
    if definition.strict:
        schema["additionalProperties"] = False
        # A key with a placeholder is known once there is a trial.
        schema["patternProperties"] = {PLACEHOLDER: {}}
    return schema


def _fields(definition: Definition) -> Iterator[tuple[str, Schema]]:
    for name, written in definition.fields.items():
        yield name, _field(definition, written, optional=name not in definition.required)


def _field(definition: Definition, written: str, *, optional: bool = True) -> Schema:
    """What the table's notation says, in the words of JSON Schema."""
    match written[0]:
        case "a":
            return {}
        case "@":
            below = definition.below(written)
            return _or_placeholder(reference(_name(below))) if below else {}
        case "[":
            items = _field(definition, written[1:], optional=False)
            return _or_placeholder({"type": _types(["array"], optional=optional), "items": items})
        case "{":
            entries = _field(definition, written[1:])
            return _or_placeholder({"type": _types(["object"], optional=optional), "additionalProperties": entries})
    letter, _, words = written.partition(":")
    types = _SCALARS[letter]
    if words:
        return _or_placeholder({"enum": [*words.split("|"), *([None] if optional else [])]})
    schema: Schema = {"type": _types(types, optional=optional)}
    return schema if "string" in types else _or_placeholder(schema)


def _types(names: list[str], *, optional: bool) -> list[Json]:
    return [*names, *(["null"] if optional else [])]


def _or_placeholder(schema: Schema) -> Schema:
    return {"anyOf": [schema, reference("Placeholder")]}
