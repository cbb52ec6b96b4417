"""Makes the tables of field types, `src/trialmill/kinds/schema_table*.json`, from the OpenAPI documents and the
custom resource definitions that operators ship in their Go modules. Needs Go, for its module proxy:

    python tools/make_schema.py

`schema_families.py` says which kinds come from which release; each table repeats that. Descriptions are dropped,
definitions are shared by name, and of a status only its existence is kept. Kubernetes' own definitions serve in every
table: where an operator's document writes a pod out, the table names `PodSpec`, perhaps that of a newer release. Each
field is one short text: a letter for its type (`_SCALARS`, `_SPECIAL`), `@Name` for an object, `[` and `{` before the
type of a list's items or a map's values, `!` after a field's name where it is required, and `:A|B` after a string for
its enumeration.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from schema_families import CORE, ENUMERATIONS, FAMILIES, Family

JsonDict: TypeAlias = dict[str, Any]
Definitions: TypeAlias = dict[str, dict[str, str]]
"""Name to fields, each in the table's notation."""

FOLDER: Final = Path(__file__).parents[1] / "src" / "trialmill" / "kinds"

_SCALARS: Final = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
_SPECIAL: Final = {
    "Quantity": "q",
    "IntOrString": "x",
    "Duration": "s",
    "MicroTime": "s",
    "Time": "s",
    "FieldsV1": "a",
    "ParamValue": "a",  # Tekton's text, list or map; the document shows how Go keeps it instead
    "RawExtension": "a",
}
_REFERENCE: Final = "#/definitions/"


def short_name(definition: str) -> str:
    """`Container` of `io.k8s.api.core.v1.Container`."""
    return definition.rpartition(".")[2]


def required_of(fields: Mapping[str, str]) -> set[str]:
    return {name[:-1] for name in fields if name.endswith("!")}


def plain(fields: Mapping[str, str]) -> dict[str, str]:
    """Field to type, without the marks of required ones."""
    return {name.removesuffix("!"): text for name, text in fields.items()}


@dataclass(slots=True)
class Table:
    """The table of one family in the making: what it has found so far, and whose core definitions it may name."""

    family: Family
    source: Mapping[str, JsonDict]
    core: Definitions
    found: Definitions = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def root(self, definition: str) -> str:
        """The name of a kind's definition, after reading it and all below."""
        return self._define(definition)

    def type_text(self, schema: JsonDict) -> str:
        """The type of a field in the table's notation."""
        if reference := schema.get("$ref"):
            return self._reference(reference.rpartition("/")[2])
        if schema.get("x-kubernetes-int-or-string"):
            return "q" if "pattern" in schema else "x"
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return "a"
        match schema.get("type"):
            case "array":
                return "[" + self.type_text(schema["items"])
            case "object" if isinstance(schema.get("additionalProperties"), dict):
                return "{" + self.type_text(schema["additionalProperties"])
            case str() as name:
                return _SCALARS.get(name, "a")
        return "a"

    def fields_of(self, name: str, definition: JsonDict) -> dict[str, str]:
        required = definition.get("required", ()) if self.family.strict else ()
        left_out: dict[str, JsonDict] = {
            k.rpartition(".")[2]: {} for k in self.family.types if k.startswith(f"{name}.")
        }
        fields = {}
        for key, schema in sorted({**left_out, **definition["properties"]}.items()):
            text = self.family.types.get(f"{name}.{key}") or self.type_text(schema)
            values = _values(schema) or ENUMERATIONS.get(f"{name}.{key}", "")
            is_required = key in required and f"{name}.{key}" not in self.family.types
            fields[key + "!" * is_required] = f"{text}:{values}" if values and text == "s" else text
        return fields

    def _reference(self, full: str) -> str:
        short = short_name(full)
        if short in _SPECIAL:
            return _SPECIAL[short]
        definition = self.source.get(full)
        if short.endswith("Status"):
            return "a"
        if definition is None or (full.startswith("io.k8s.") and self._is_cores(short, definition)):
            return f"@{short}" if short in self.core else "a"
        return f"@{self._define(full)}" if "properties" in definition else self.type_text(definition)

    def _is_cores(self, name: str, definition: JsonDict) -> bool:
        """Whether the document's copy of a core definition has no more than core's own."""
        return set(definition.get("properties", ())) <= set(plain(self.core.get(name, {})))

    def _define(self, full: str) -> str:
        if full not in self._names:
            short = short_name(full)
            name = short if short not in self.core else f"Own{short}"
            assert name not in self.found, f"{full}: the short name {name} is taken"
            self._names[full] = name
            self.found[name] = {}  # so that a definition may hold itself
            self.found[name] = self.fields_of(name, self.source[full])
        return self._names[full]


def _values(schema: JsonDict) -> str:
    values = schema.get("enum", ())
    return "|".join(values) if all(isinstance(value, str) and value for value in values) else ""


@dataclass(slots=True)
class Lift:
    """Turns custom resource definitions, where each object is written out, into definitions that refer to each other.

    An object that is one of core's, if perhaps of an older release, becomes a reference to that.
    """

    core: Definitions
    definitions: dict[str, JsonDict] = field(default_factory=dict)
    _by_content: dict[str, str] = field(default_factory=dict)

    def kind(self, name: str, schema: JsonDict) -> None:
        properties = {key: self._schema(f"{name}{_capital(key)}", below) for key, below in schema["properties"].items()}
        properties |= {"metadata": {"$ref": f"{_REFERENCE}ObjectMeta"}, "status": {}}
        # A trial's template may leave its metadata out: each trial gets its own.
        self.definitions[name] = {"properties": properties, "required": sorted(_required(schema) - {"metadata"})}

    def _schema(self, name: str, schema: JsonDict) -> JsonDict:
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return {}
        match schema:
            case {"properties": dict() as properties}:
                return {"$ref": _REFERENCE + (self._match(schema) or self._own(name, schema, properties))}
            case {"items": dict() as items}:
                return {"type": "array", "items": self._schema(name, items)}
            case {"additionalProperties": dict() as values}:
                return {"type": "object", "additionalProperties": self._schema(name, values)}
        return schema

    def _own(self, name: str, schema: JsonDict, properties: JsonDict) -> str:
        lifted = {key: self._schema(f"{name}{_capital(key)}", below) for key, below in properties.items()}
        required = sorted(_required(schema))
        known = self._by_content.setdefault(json.dumps([lifted, required], sort_keys=True), name)
        if known == name:
            self.definitions[name] = {"properties": lifted, "required": required}
        return known

    def _match(self, schema: JsonDict) -> str | None:
        """The core definition that this is; of several in question, none unless they are alike."""
        names = set(schema["properties"])
        near = sorted(
            (len(fields) - len(names), name)
            for name, fields in self.core.items()
            if names <= set(plain(fields)) and len(names) >= _least(len(fields)) and self._fits(schema, f"@{name}")
        )
        best = [name for distance, name in near if distance == near[0][0]]
        if best and all(self.core[name] == self.core[best[0]] for name in best):
            return best[0]
        return "PodSpec" if names >= _SURE_SIGNS else None

    def _fits(self, schema: JsonDict, text: str) -> bool:
        """Whether all that `schema` takes is right for the type `text` too."""
        if text == "a" or (text == "@PodSpec" and set(schema.get("properties", ())) >= _SURE_SIGNS):
            return True
        match schema:
            case {"x-kubernetes-int-or-string": True}:
                return text == ("q" if "pattern" in schema else "x")
            case {"properties": dict() as properties} if text[0] == "@":
                fields = self.core[text[1:]]
                types = plain(fields)
                return required_of(fields) <= _required(schema) and all(
                    key in types and self._fits(below, types[key]) for key, below in properties.items()
                )
            case {"items": dict() as items}:
                return text[0] == "[" and self._fits(items, text[1:])
            case {"additionalProperties": dict() as values}:
                return text[0] == "{" and self._fits(values, text[1:])
            case {"type": "object"}:
                return text[0] in "@{" and "properties" not in schema
        return text.partition(":")[0] == _SCALARS.get(schema.get("type", ""), "a")


_SURE_SIGNS: Final = {"containers", "hostNetwork", "nodeSelector", "restartPolicy", "volumes"}
"""Fields that are together in a PodSpec only, though an older one may have others that are gone now."""


def _required(schema: JsonDict) -> set[str]:
    """What must be written: an API server fills in defaults before it looks for required fields."""
    properties = schema["properties"]
    return {key for key in schema.get("required", ()) if "default" not in properties.get(key, {})}


def _least(count: int) -> int:
    """How many of a core definition's fields an object must have to be taken for it: an older release had fewer."""
    return count if count < 4 else count - count // 3


def _capital(key: str) -> str:
    return key[:1].upper() + key[1:]


def download(module: str) -> Path:
    """The folder of a module's release, fetched where it is not there yet."""
    command = ["go", "mod", "download", "-json", module]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")
    return Path(json.loads(done.stdout)["Dir"])


def read(family: Family, core: Definitions) -> Mapping[str, JsonDict]:
    """The definitions of a family's documents: full name to OpenAPI schema."""
    folder = download(family.module)
    texts = [(folder / file).read_text(encoding="utf-8") for file in family.files]
    if family.files[0].endswith(".json"):
        definitions: dict[str, JsonDict] = json.loads(texts[0])["definitions"]
        return definitions
    lift = Lift(core)
    for text in texts:
        crd = yaml.load(text, yaml.CSafeLoader)["spec"]
        kind = crd["names"]["kind"]
        for version in crd["versions"]:
            if f"{crd['group']}/{version['name']} {kind}" in family.kinds:
                lift.kind(kind, version["schema"]["openAPIV3Schema"])
    return lift.definitions


def make(family: Family, source: Mapping[str, JsonDict], core: Definitions) -> JsonDict:
    """The whole table: the release, the root definition of each kind, and every definition below them."""
    table = Table(family, source, core)
    kinds = {kind: table.root(definition) for kind, definition in family.kinds.items()}
    for definition in family.also:
        table.root(definition)
    found = dict(sorted(table.found.items()))
    return {"source": family.module, "strict": family.strict, "kinds": kinds, "definitions": found}


def lines(table: JsonDict) -> Iterator[str]:
    """One definition on each line, so that the difference between two releases can be read."""
    head = {key: value for key, value in table.items() if key != "definitions"}
    yield f'{json.dumps(head)[:-1]}, "definitions": {{\n'
    rows = (f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in table["definitions"].items())
    yield ",\n".join(rows)
    yield "\n}}\n"


def main() -> None:
    core: Definitions = {}
    for name, family in FAMILIES.items():
        table = make(family, read(family, core), core)
        if name == CORE:
            core = table["definitions"]
            unused = [key for key in ENUMERATIONS if re.sub(r".*\.", "", key) not in plain(core[key.partition(".")[0]])]
            assert not unused, f"no such fields: {unused}"
        file = FOLDER / ("schema_table.json" if name == CORE else f"schema_table_{name}.json")
        file.write_text("".join(lines(table)), encoding="utf-8")
        sys.stdout.write(f"{file.name}: {', '.join(table['kinds'])}\n")


if __name__ == "__main__":
    main()
