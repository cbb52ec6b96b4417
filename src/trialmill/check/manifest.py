"""A trial's manifest against the schema of its kind: unknown fields, wrong types, missing fields (Katib: rule 23)."""

from dataclasses import dataclass, field
from typing import Final

from trialmill.api.fields import Authority, Field, FieldType, SchemaSource
from trialmill.api.nearest import nearest
from trialmill.api.problem import MOST_ALIKE, Problems, Severity
from trialmill.api.tree import Json, JsonObject, Path, get_string, kind_name
from trialmill.kinds.schema import tells_case

_WORDS: Final = {
    FieldType.STRING: "a string",
    FieldType.INTEGER: "an integer",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "a boolean",
    FieldType.QUANTITY: "a quantity",
    FieldType.INT_OR_STRING: "an integer or a string",
    FieldType.OBJECT: "a mapping",
    FieldType.MAP: "a mapping",
    FieldType.LIST: "a list",
}
_LONGEST_QUOTE: Final = 40
PLACEHOLDERS: Final = ("${",)
"""What placeholders of the normal form begin with."""
ANY_PLACEHOLDERS: Final = (*PLACEHOLDERS, "$(", "{{")
"""What those of all forms begin with."""


@dataclass(slots=True)
class ManifestCheck:
    """Walks one manifest. `base` is where it stands in its document.

    Texts with one of `openings`, which placeholders begin with, fit everywhere: nobody knows yet what they become.
    `explained` collects the places of fields that are there under a misspelt name, so that nobody misses them.
    """

    schema: SchemaSource
    problems: Problems
    base: Path
    openings: tuple[str, ...] = ()
    explained: set[Path] = field(default_factory=set)
    _api_version: str = field(default="", init=False)
    _kind: str = field(default="", init=False)

    def run(self, manifest: JsonObject) -> None:
        """Check a manifest of a kind that the schema knows; any other is passed over."""
        self._api_version, self._kind = get_string(manifest, "apiVersion"), get_string(manifest, "kind")
        if self.schema.knows(self._api_version, self._kind):
            self._node(manifest, ())

    def _node(self, value: Json, path: Path) -> None:
        known = self._field(path)
        if known is None or known.type is FieldType.ANY or value is None or self._is_open(value):
            return
        if not _is_a(value, known.type):
            self._report_type(value, known.type, path)
        elif isinstance(value, dict):
            self._object(value, known, path)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                self._entry(item, (*path, position))
        elif known.enum and value not in known.enum:
            self._report_value(str(value), known.enum, path)

    def _field(self, path: Path) -> Field | None:
        return self.schema.field(self._api_version, self._kind, path)

    def _is_open(self, value: Json) -> bool:
        return isinstance(value, str) and any(opening in value for opening in self.openings)

    def _entry(self, item: Json, path: Path) -> None:
        """An entry of a list, where nothing is a mistake; in a mapping it is as good as no entry."""
        if item is None:
            self._report_type(None, FieldType.ANY, path)
        else:
            self._node(item, path)

    def _object(self, tree: JsonObject, known: Field, path: Path) -> None:
        names = known.fields
        if names is None:
            for key, value in tree.items():
                self._node(value, (*path, key))
            return
        unknown = 0
        for key, value in tree.items():
            if key in names:
                self._node(value, (*path, key))
            elif not self._is_open(key) and (unknown := unknown + 1) <= MOST_ALIKE:
                self._report_unknown(key, tree, known, path)
        for name in sorted(known.required):
            if tree.get(name) in (None, "") and (*path, name) not in self.explained:
                message = f"{name} is missing"
                place = (*self.base, *path, name)
                expected = _WORDS.get(names[name], "a value")
                self.problems.add("required", message, place, expected=expected, at_key=True)

    def _report_unknown(self, key: str, tree: JsonObject, known: Field, path: Path) -> None:
        meant = nearest(key, [name for name in known.fields or () if name not in tree])
        if meant:
            self.explained.add((*path, meant))
        slip = f"did you mean {meant!r}?" if meant else self._in_map_beside(key, tree, path)
        is_read = meant is not None and meant.lower() == key.lower() and not tells_case(self._api_version)
        self.problems.add(
            "unknown-field",
            f"the field {key!r} is not known here",
            (*self.base, *path, key),
            severity=self._severity(is_slip=bool(slip) and not is_read),
            found=key,
            remedy=slip or self._elsewhere(key, path) or self._authority().words,
            at_key=True,
        )

    def _severity(self, *, is_slip: bool) -> Severity:
        """What an operator's kind has that is not known, and is no slip for certain, may be from another release."""
        return Severity.ERROR if is_slip or self._authority().is_final else Severity.WARNING

    def _authority(self) -> Authority:
        return self.schema.authority(self._api_version, self._kind)

    def _in_map_beside(self, key: str, tree: JsonObject, path: Path) -> str:
        """The mapping of free keys beside it whose entries are like this one: a `Worker` that slipped out of it, also
        where that left the mapping empty.
        """
        value = tree[key]
        if not isinstance(value, dict) or not value:
            return ""
        for name, sibling in tree.items():
            entry = self._field((*path, name, key)) if sibling is None or isinstance(sibling, dict) else None
            if entry and entry.fields and set(value) <= set(entry.fields):
                if sibling is None:
                    self.explained.add((*path, name))
                return f"it belongs into {name}; check the indentation"
        return ""

    def _elsewhere(self, key: str, path: Path) -> str:
        """Where a field belongs that slipped out of its place by its indentation."""
        if key in ("apiVersion", "kind"):  # what a pod template has of a Pod's manifest is no slip
            return ""
        for end in range(len(path), -1, -1):
            outer = self._field(path[:end])
            for name, type_ in (outer.fields or {}).items() if outer else ():
                if type_ is not FieldType.OBJECT:
                    continue
                inner = self._field((*path[:end], name))
                if inner and key in (inner.fields or ()):
                    self.explained.add((*path[:end], name, key))
                    return f"it belongs into {name}; check the indentation"
            if end < len(path) and outer and key in (outer.fields or ()):
                self.explained.add((*path[:end], key))
                return f"it belongs beside {path[end]}; check the indentation"
        return ""

    def _report_type(self, value: Json, expected: FieldType, path: Path) -> None:
        spelling = self._spelling(value, path)
        found = _describe(value, spelling)
        wanted = _WORDS.get(expected, "a value")
        self.problems.add(
            "wrong-type",
            f"found {found}, expected {wanted}",
            (*self.base, *path),
            found=found,
            expected=wanted,
            remedy=_remedy(value, spelling, expected),
        )

    def _spelling(self, value: Json, path: Path) -> str:
        """A number or boolean as its author wrote it, so that quoting it changes nothing: `1.10`, `010`, `on`."""
        document = self.problems.document
        text = document.texts.get((*self.base, *path)) if document else None
        return text or (str(value).lower() if isinstance(value, bool) else str(value))

    def _report_value(self, value: str, allowed: tuple[str, ...], path: Path) -> None:
        meant = nearest(value, allowed)
        remedy = f"did you mean {meant!r}?" if meant else ""
        expected = f"one of {', '.join(allowed)}"
        self.problems.add(
            "unknown-value",
            f"{_shortened(value)!r} is not known, expected {expected}",
            (*self.base, *path),
            severity=self._severity(is_slip=meant is not None),
            found=_shortened(value),
            expected=expected,
            remedy=remedy or self._authority().words,
        )


def _is_a(value: Json, expected: FieldType) -> bool:
    match expected:
        case FieldType.STRING:
            return isinstance(value, str)
        case FieldType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.QUANTITY:
            return isinstance(value, str | int | float) and not isinstance(value, bool)
        case FieldType.INT_OR_STRING:
            return isinstance(value, str | int) and not isinstance(value, bool)
        case FieldType.OBJECT | FieldType.MAP:
            return isinstance(value, dict)
        case FieldType.LIST:
            return isinstance(value, list)
        case FieldType.ANY:
            return True


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "..."


def _describe(value: Json, spelling: str) -> str:
    """`a string ("4")`, `an integer (4)`, `a list`; `spelling` is that of a number or boolean."""
    match value:
        case str() if len(value) > _LONGEST_QUOTE or "\n" in value:
            return "a string"
        case str():
            return f'a string ("{value}")'
        case bool() | int() | float():
            return f"{kind_name(value)} ({spelling})"
    return kind_name(value)


def _remedy(value: Json, spelling: str, expected: FieldType) -> str:
    match value:
        case bool() | int() | float() if expected is FieldType.STRING:
            return f'quote it: "{spelling}"'
        case str() if expected in (FieldType.INTEGER, FieldType.NUMBER) and value.lstrip("+-").isdecimal():
            return "remove the quotes"
        case str() if expected is FieldType.BOOLEAN and value.lower() in ("true", "false"):
            return "remove the quotes"
        case dict() if expected is FieldType.LIST:
            return "begin its entry with '- '"
        case list() if expected in (FieldType.OBJECT, FieldType.MAP):
            return "remove the '-'"
        case None:
            return "remove the entry, or give it a value"
    return ""
