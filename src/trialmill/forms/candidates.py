"""The fields of a working manifest that could be tuned, each with the path that a trial parameter would point at.

Options in lists of arguments, environment variables, amounts of resources, and every number and boolean of the spec.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from trialmill.api.fields import FieldType
from trialmill.api.spaces import read_integer, read_number
from trialmill.api.tree import Json, JsonObject, Path, format_path, get_string
from trialmill.kinds.schema import BUILT_IN

_WORDS: Final = ("command", "args")
_AMOUNTS: Final = ("limits", "requests")
_NOT_TUNED: Final = frozenset({"metadata", "status", "ports", "livenessProbe", "readinessProbe", "startupProbe"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field: where it is, what it would be called, its type, and the text of its present value."""

    path: str
    name: str
    type: FieldType
    value: str


def candidates(manifest: Json) -> list[Candidate]:
    """What could be tuned, in the order of the manifest."""
    if not isinstance(manifest, dict):
        return []
    walk = _Walk(get_string(manifest, "apiVersion"), get_string(manifest, "kind"))
    fields = {name: value for name, value in manifest.items() if name not in _NOT_TUNED}
    return _named(list(walk.object(fields, (), "")))


@dataclass(frozen=True, slots=True)
class _Walk:
    api_version: str
    kind: str

    def object(self, tree: JsonObject, path: Path, written: str) -> Iterator[Candidate]:
        """`path` leads to the mapping by positions, `written` by names where there are some."""
        for name, value in tree.items():
            if name in _NOT_TUNED:
                continue
            at = _below(written, name)
            if name in _WORDS and isinstance(value, list):
                yield from _options(value, at)
            elif name == "env" and isinstance(value, list):
                yield from _variables(value, at)
            else:
                yield from self._value(name, value, (*path, name), at)

    def _value(self, name: str, value: Json, path: Path, written: str) -> Iterator[Candidate]:
        match value:
            case dict():
                yield from self.object(value, path, written)
            case list():
                for position, item in enumerate(value):
                    if isinstance(item, dict):
                        own = get_string(item, "name")
                        step = f"[name={own}]" if own and not set(own) & set("[]") else f"[{position}]"
                        yield from self.object(item, (*path, position), written + step)
            case bool():
                yield Candidate(written, name, FieldType.BOOLEAN, str(value).lower())
            case int() | float() | str():
                kind = self._type(path, value)
                if kind is not None:
                    yield Candidate(written, name, kind, str(value))

    def _type(self, path: Path, value: int | float | str) -> FieldType | None:
        """The type of a field that can be tuned; None for texts that are no amounts."""
        field = BUILT_IN.field(self.api_version, self.kind, path)
        if (field is not None and field.type is FieldType.QUANTITY) or (len(path) > 1 and path[-2] in _AMOUNTS):
            return FieldType.QUANTITY
        return None if isinstance(value, str) else _type_of(str(value))


def _options(words: list[Json], written: str) -> Iterator[Candidate]:
    texts = [word if isinstance(word, str) else "" for word in words]
    for word, following in pairwise([*texts, ""]):
        name, equals, value = word.partition("=")
        is_option = name.startswith("-") and not set(name) & set("[] ${") and name.strip("-")
        if not is_option or (name == "-c" and not equals):
            continue
        if equals:
            yield Candidate(f"{written}[{name}]", name.lstrip("-"), _type_of(value), value)
        elif following and (not following.startswith("-") or read_number(following) is not None):
            yield Candidate(f"{written}[{name}]", name.lstrip("-"), _type_of(following), following)


def _variables(entries: list[Json], written: str) -> Iterator[Candidate]:
    for entry in entries:
        name = get_string(entry, "name")
        if isinstance(entry, dict) and name and isinstance(value := entry.get("value"), str):
            yield Candidate(f"{written}[name={name}].value", name, _type_of(value), value)


def _type_of(text: str) -> FieldType:
    if read_integer(text) is not None and "." not in text:
        return FieldType.INTEGER
    if read_number(text) is not None:
        return FieldType.NUMBER
    return FieldType.BOOLEAN if text.lower() in ("true", "false") else FieldType.STRING


def _named(found: list[Candidate]) -> list[Candidate]:
    """With names that are each there once: a second one has what it belongs to before it, or a number."""
    taken: set[str] = set()
    named = []
    for each in found:
        name = each.name if each.name not in taken else f"{_owner(each.path)}-{each.name}".strip("-")
        number = 2
        while name in taken:
            name, number = f"{each.name}-{number}", number + 1
        taken.add(name)
        named.append(Candidate(each.path, name, each.type, each.value))
    return named


def _owner(path: str) -> str:
    """The last item with a name that a path goes through, or the field that it is in."""
    before = path.removesuffix(".value").rpartition(".")[0]
    if before.rpartition(".")[2] in _AMOUNTS:
        return before.rpartition(".")[2]
    _, bracket, item = before.rpartition("[name=")
    return item.partition("]")[0] if bracket else before.rpartition(".")[2]


def _below(written: str, name: str) -> str:
    if format_path((name,)) != name:
        return f"{written}['{name}']"
    return f"{written}.{name}" if written else name
