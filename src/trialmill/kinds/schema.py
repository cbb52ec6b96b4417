"""The fields of the kinds that trials are made of, from Kubernetes' and the operators' own documents.

The tables are made by `tools/make_schema.py`, which says where each comes from and how a field is written there. A
table is read when one of its kinds is first asked for. `schema_table.json` is that of Kubernetes itself; its
definitions, such as PodSpec, serve in all others too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path as FilePath
from typing import Final

from trialmill.api.fields import Authority, Field, FieldType, Missing, SchemaSource
from trialmill.api.tree import Path

_FOLDER: Final = FilePath(__file__).parent
_CORE: Final = "schema_table"
_TABLES: Final[Mapping[str, str]] = {
    "v1": _CORE,
    "batch/v1": _CORE,
    "argoproj.io/v1alpha1": "schema_table_argo",
    "batch.volcano.sh/v1alpha1": "schema_table_volcano",
    "jobset.x-k8s.io/v1alpha2": "schema_table_jobset",
    "kubeflow.org/v1": "schema_table_kubeflow",
    "kubeflow.org/v2beta1": "schema_table_mpi",
    "ray.io/v1": "schema_table_ray",
    "sparkoperator.k8s.io/v1beta2": "schema_table_spark",
    "tekton.dev/v1": "schema_table_tekton",
    "tekton.dev/v1beta1": "schema_table_tekton_v1beta1",
    "trainer.kubeflow.org/v1alpha1": "schema_table_trainer",
    "workload.codeflare.dev/v1beta2": "schema_table_appwrapper",
}
"""The file that has the kinds of an apiVersion."""
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


@dataclass(frozen=True, slots=True)
class _Definition:
    """An object's fields: name to type, in the table's notation; and those that must be there."""

    fields: Mapping[str, str]
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Table:
    """`source` is the release the table was made from; `roots` names the definition that each `apiVersion kind` starts
    from. Where not `strict`, no API server holds objects to these types, and nothing is required. The fields of
    definitions are read when they are first asked for, and then kept.
    """

    source: str
    strict: bool
    roots: Mapping[str, str]
    written: Mapping[str, Mapping[str, str]]
    _definitions: dict[str, _Definition] = field(default_factory=dict)
    _fields: dict[str, Field] = field(default_factory=dict)

    def field(self, text: str) -> Field:
        """What the table's notation says."""
        known = self._fields.get(text)
        if known is None:
            known = self._fields[text] = self._read_field(text)
        return known

    def below(self, text: str, step: str | int) -> str | None:
        """The type of the entry `step` of a field of type `text`."""
        match text[0]:
            case "a":
                return text
            case "[" if isinstance(step, int):
                return text[1:]
            case "{" if isinstance(step, str):
                return text[1:]
            case "@" if isinstance(step, str):
                return self._definition(text[1:]).fields.get(step)
        return None

    def _read_field(self, text: str) -> Field:
        field_type = _TYPES[text[0]]
        if field_type is FieldType.OBJECT:
            definition = self._definition(text[1:])
            fields = {name: _TYPES[kind[0]] for name, kind in definition.fields.items()}
            return Field(field_type, fields, definition.required if self.strict else frozenset())
        values = text.partition(":")[2]
        return Field(field_type, enum=tuple(values.split("|")) if values else ())

    def _definition(self, name: str) -> _Definition:
        known = self._definitions.get(name)
        if known is None:
            written = self.written.get(name)
            if written is None:
                return _table(_CORE)._definition(name)
            required = frozenset(field[:-1] for field in written if field.endswith("!"))
            known = _Definition({field.removesuffix("!"): text for field, text in written.items()}, required)
            self._definitions[name] = known
        return known


class BuiltInSchema:
    """The `SchemaSource` over the packaged tables. Below a field of type ANY everything is ANY."""

    def knows(self, api_version: str, kind: str) -> bool:
        table = _table_of(api_version)
        return table is not None and f"{api_version} {kind}" in table.roots

    def field(self, api_version: str, kind: str, path: Path) -> Field | None:
        return _field_at(api_version, kind, path)

    def authority(self, api_version: str, kind: str) -> Authority:  # noqa: ARG002 -- all of a version are of a release
        """Kubernetes' own kinds only ever get new fields with new releases; those of operators come and go."""
        if not is_operators(api_version):
            return Authority(is_final=True)
        release = release_of(api_version)
        known = f"it is not in {release}" if release else "it is not in the release known here"
        return Authority(is_final=False, words=f"{known}; remove it, unless yours has it")

    def why_unknown(self, api_version: str, kind: str) -> str:  # noqa: ARG002 -- nobody is asked
        return ""

    def missing(self, api_version: str, kind: str) -> Missing | None:  # noqa: ARG002 -- nobody is asked
        return None


BUILT_IN: Final[SchemaSource] = BuiltInSchema()


def is_operators(api_version: str) -> bool:
    """Whether kinds of this version are not Kubernetes' own: groups of others are domain names."""
    return "." in api_version.partition("/")[0]


def release_of(api_version: str) -> str:
    """The release whose fields are known here, as `module@version`; empty where none of this apiVersion is."""
    table = _table_of(api_version)
    return table.source if table else ""


def tells_case(api_version: str) -> bool:
    """Whether `mountpath` is not `mountPath`: so it is in an API server, while Go, by which some operators read what no
    server has checked, takes either.
    """
    table = _table_of(api_version)
    return table is None or table.strict


@dataclass(frozen=True, slots=True)
class Definition:
    """An object as its table writes it: each field's type in the notation that `tools/make_schema.py` explains.

    `table` is the file that it is from. Where not `strict`, a kind that no server holds to these types has led to it.
    """

    table: str
    name: str
    fields: Mapping[str, str]
    required: frozenset[str]
    strict: bool

    def below(self, text: str) -> "Definition | None":
        """The definition that a field's type speaks of, whether as itself, in a list or in a map; None for a scalar."""
        name = text.lstrip("[{")
        if not name.startswith("@"):
            return None
        table = self.table if name[1:] in _table(self.table).written else _CORE
        return _definition_in(table, name[1:], strict=self.strict)


def known_kinds() -> tuple[tuple[str, str, Definition], ...]:
    """Every kind of the tables: its apiVersion, its name, and its definition."""
    found = []
    for file in dict.fromkeys(_TABLES.values()):
        table = _table(file)
        for root, name in table.roots.items():
            api_version, _, kind = root.partition(" ")
            found.append((api_version, kind, _definition_in(file, name, strict=table.strict)))
    return tuple(found)


def _definition_in(file: str, name: str, *, strict: bool) -> Definition:
    known = _table(file)._definition(name)
    return Definition(file, name, known.fields, known.required if strict else frozenset(), strict)


@lru_cache(maxsize=8192)  # of one template many trials are checked
def _field_at(api_version: str, kind: str, path: Path) -> Field | None:
    table = _table_of(api_version)
    root = table.roots.get(f"{api_version} {kind}") if table else None
    if table is None or root is None:
        return None
    text = f"@{root}"
    for step in path:
        below = table.below(text, step)
        if below is None:
            return None
        text = below
    return table.field(text)


def _table_of(api_version: str) -> _Table | None:
    file = _TABLES.get(api_version)
    return _table(file) if file else None


@cache
def _table(file: str) -> _Table:
    table = json.loads(_FOLDER.joinpath(f"{file}.json").read_bytes())
    return _Table(table["source"], table["strict"], table["kinds"], table["definitions"])
