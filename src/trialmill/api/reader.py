"""Reading typed fields out of a JSON tree, with a problem for each node that is not what it should be.

A `Fields` stands for one object of the tree. What is asked for by name is known; `close` reports the other fields.
A wrong node is reported once, reads as if it were absent, and reading goes on behind it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from trialmill.api.durations import parse_duration
from trialmill.api.nearest import begun_alike, nearest
from trialmill.api.problem import MOST_ALIKE, Problems, Severity
from trialmill.api.tree import Json, JsonObject, Path, kind_name

INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1
_LONGEST_QUOTE: Final = 40
_MOST_NAMES: Final = 8
_Enum = TypeVar("_Enum", bound=StrEnum)
_Item = TypeVar("_Item")


@dataclass(slots=True)
class Reading:
    """What reading one tree needs and brings to light.

    `texts` are the author's spellings of plain scalars (`Document.texts`). `spellings` collects those of the numbers
    and booleans that were taken as text.
    """

    problems: Problems
    texts: Mapping[Path, str] = field(default_factory=dict)
    spellings: dict[Path, str] = field(default_factory=dict)

    def spelling(self, path: Path, value: Json) -> str:
        """A plain scalar as its author wrote it, as far as that is known."""
        if path in self.texts:
            return self.texts[path]
        return str(value).lower() if isinstance(value, bool) else str(value)

    def describe(self, path: Path, value: Json) -> str:
        """What was found, in the words that YAML users know: `a string ("4")`, `a boolean (yes)`, `a list`."""
        if value is None or isinstance(value, dict | list):
            return kind_name(value)
        if isinstance(value, str):
            short = value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "..."
            return f'a string ("{short}")' if "\n" not in value else "a text of several lines"
        return f"{kind_name(value)} ({self.spelling(path, value)})"

    def mismatch(self, path: Path, value: Json, expected: str, remedy: str = "") -> None:
        found = self.describe(path, value)
        self.problems.add(
            "wrong-type", f"found {found}, expected {expected}", path, found=found, expected=expected, remedy=remedy
        )


def fields_there(names: Collection[str]) -> str:
    """Which fields can stand in a place, where they are few enough to be read through."""
    return f"there can be {', '.join(names)}" if 0 < len(names) <= _MOST_NAMES else ""


class Fields:
    """One object of the tree, read field by field. Fields that are null count as absent, as in Kubernetes."""

    __slots__ = ("_asked", "path", "reading", "tree")

    def __init__(self, tree: JsonObject, path: Path, reading: Reading) -> None:
        self.tree = tree
        self.path = path
        self.reading = reading
        self._asked: dict[str, None] = {}

    @property
    def problems(self) -> Problems:
        return self.reading.problems

    def at(self, name: str) -> Path:
        return (*self.path, name)

    def raw(self, name: str) -> Json:
        """The field as it is; None where it is absent."""
        self._asked[name] = None
        return self.tree.get(name)

    def has(self, name: str) -> bool:
        return self.raw(name) is not None

    def allow(self, *names: str) -> None:
        """These fields are known, and not looked into."""
        self._asked.update(dict.fromkeys(names))

    def missing(self, name: str, expected: str, remedy: str = "") -> None:
        """Report that a required field is not there."""
        what = "empty" if name in self.tree else "missing"
        self.problems.add("required", f"{name} is {what}", self.at(name), expected=expected, remedy=remedy, at_key=True)

    def unavailable(self, name: str, remedy: str = "") -> bool:
        """Whether a field is there that is part of the format, but not available in this release; it is reported."""
        if self.has(name):
            self.not_yet(name, f"{name} is not available in this release", remedy)
        return self.has(name)

    def not_yet(self, name: str, message: str, remedy: str = "") -> None:
        """Report at the field's key that this release cannot do what it asks for."""
        self.problems.add(
            "not-available-yet", message, self.at(name), severity=Severity.UNAVAILABLE, remedy=remedy, at_key=True
        )

    def unknown(self) -> list[str]:
        """The fields that were not asked for so far."""
        return [name for name in self.tree if name not in self._asked]

    def close(self) -> None:
        """Report every field that was not asked for."""
        for name in self.unknown()[: MOST_ALIKE + 1]:
            meant = nearest(name, self._asked) or begun_alike(name, self._asked)
            remedy = f"did you mean {meant!r}?" if meant else fields_there(self._asked)
            self.problems.warn(
                "unknown-field", f"the field {name!r} is not known here", self.at(name), remedy=remedy, at_key=True
            )

    # --- Scalars

    def string(self, name: str, *, required: bool = False) -> str:
        """A string; empty where it is absent or wrong. A number or boolean is wrong: the API server would refuse it."""
        value = self.raw(name)
        if value is None:
            if required:
                self.missing(name, "a string")
            return ""
        if isinstance(value, str):
            if required and not value:
                self.problems.add("required", f"{name} is empty", self.at(name), expected="a string")
            return value
        return _string(self.reading, self.at(name), value)

    def text(self, name: str) -> str:
        """A string that holds a value. A plain number or boolean is taken as it is spelled, with a note."""
        value = self.raw(name)
        return "" if value is None else _text(self.reading, self.at(name), value)

    def words(self, name: str) -> tuple[str, ...] | None:
        """A list of values, or one, each as it is spelled; for fields that Katib does not have. None where absent."""
        value = self.raw(name)
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        places = [(*self.at(name), i) for i in range(len(items))] if isinstance(value, list) else [self.at(name)]
        return tuple(_word(self.reading, place, item) for place, item in zip(places, items, strict=True))

    def word(self, name: str) -> str:
        """One value, as it is spelled; empty where it is absent or wrong."""
        value = self.raw(name)
        return "" if value is None else _word(self.reading, self.at(name), value)

    def integer(self, name: str, largest: int = INT32_MAX) -> int | None:
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) <= largest:
                return value
            self.reading.mismatch(self.at(name), value, f"an integer of at most {largest}")
            return None
        remedy = "remove the quotes" if isinstance(value, str) and value.lstrip("+-").isdecimal() else ""
        self.reading.mismatch(self.at(name), value, "an integer", remedy)
        return None

    def number(self, name: str) -> float | None:
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                pass
        self.reading.mismatch(self.at(name), value, "a number", "remove the quotes" if _reads_as_number(value) else "")
        return None

    def boolean(self, name: str) -> bool:
        """False where it is absent."""
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        quoted = isinstance(value, str) and value.lower() in ("true", "false", "yes", "no")
        self.reading.mismatch(self.at(name), value, "a boolean", "remove the quotes" if quoted else "")
        return False

    def choice(self, name: str, kind: type[_Enum], *, required: bool = False) -> _Enum | None:
        """One of an enumeration's words; None where it is absent or wrong."""
        words = ", ".join(kind)
        value = self.raw(name)
        if value is None or value == "":
            if required:
                self.missing(name, f"one of {words}", f"give one of {words}")
            return None
        if not isinstance(value, str):
            self.reading.mismatch(self.at(name), value, f"one of {words}")
            return None
        if value in list(kind):
            return kind(value)
        meant = nearest(value, [str(word) for word in kind])
        self.problems.add(
            "unknown-value",
            f"{value!r} is not known, expected one of {words}",
            self.at(name),
            found=value,
            expected=f"one of {words}",
            remedy=f"did you mean {meant!r}?" if meant else "",
        )
        return None

    def duration(self, name: str) -> timedelta | None:
        """A length of time: `10m`, `1h30m`, or a number of seconds."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
            try:
                return parse_duration(str(value) if isinstance(value, str) else f"{value:.6f}")
            except (ValueError, OverflowError):
                pass
        self.reading.mismatch(self.at(name), value, "a length of time such as 90s, 10m or 1h30m, or seconds")
        return None

    # --- Objects and lists

    def object(self, name: str, *, required: bool = False) -> "Fields | None":
        value = self.raw(name)
        if value is None:
            if required:
                self.missing(name, "a mapping")
            return None
        if isinstance(value, dict):
            return Fields(value, self.at(name), self.reading)
        self.reading.mismatch(self.at(name), value, "a mapping")
        return None

    def objects(self, name: str, read: "Callable[[Fields], _Item]") -> tuple[_Item, ...]:
        """What `read` makes of each object in a list. Items of another type are reported and left out, so that the
        positions of later ones are then not those of the file.
        """
        items = []
        for position, item in enumerate(self._list(name) or ()):
            path = (*self.at(name), position)
            if isinstance(item, dict):
                items.append(read(Fields(item, path, self.reading)))
            else:
                self.reading.mismatch(path, item, "a mapping")
        return tuple(items)

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._each(name, _string) or ())

    def integers(self, name: str) -> None:
        """A list of integers, whose values nobody asks for."""
        for position, item in enumerate(self._list(name) or ()):
            if not isinstance(item, int) or isinstance(item, bool):
                self.reading.mismatch((*self.at(name), position), item, "an integer")

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of values, each as `text` reads it; None where there is no list."""
        values = self._each(name, _text)
        return None if values is None else tuple(values)

    def string_map(self, name: str) -> dict[str, str]:
        """A map of strings to strings: labels, annotations."""
        fields = self.object(name)
        if fields is None:
            return {}
        return {key: fields.string(key) for key, value in fields.tree.items() if value is not None}

    def _each(self, name: str, read: Callable[[Reading, Path, Json], str]) -> list[str] | None:
        items = self._list(name)
        if items is None:
            return None
        return [read(self.reading, (*self.at(name), position), item) for position, item in enumerate(items)]

    def _list(self, name: str) -> list[Json] | None:
        value = self.raw(name)
        if value is None or isinstance(value, list):
            return value
        self.reading.mismatch(self.at(name), value, "a list")
        return None


def _string(reading: Reading, path: Path, value: Json) -> str:
    if isinstance(value, str):
        return value
    scalar = not isinstance(value, dict | list)
    reading.mismatch(path, value, "a string", f'quote it: "{reading.spelling(path, value)}"' if scalar else "")
    return ""


def _text(reading: Reading, path: Path, value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        text = reading.spelling(path, value)
        reading.spellings[path] = text
        reading.problems.note(
            "number-as-text",
            f"{reading.describe(path, value)} is read as text; Katib accepts only text here",
            path,
            remedy=f'write "{text}" if the file is for Katib too',
        )
        return text
    reading.mismatch(path, value, "a string")
    return ""


def _word(reading: Reading, path: Path, value: Json) -> str:
    if isinstance(value, bool | int | float):
        reading.spellings[path] = reading.spelling(path, value)
        return reading.spellings[path]
    if not isinstance(value, str):
        reading.mismatch(path, value, "a value")
        return ""
    return value


def _reads_as_number(value: Json) -> bool:
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True
