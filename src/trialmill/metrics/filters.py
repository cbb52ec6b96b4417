"""Users' filters (`metricsFormat`): Go regular expressions, run by Python's `re`.

The two look alike and differ in what matters: `\\w`, `\\d` and `\\s` are ASCII in Go, `$` is the very end, flags may
stand in the middle, and there is no looking around and no back-reference. So a filter is read by Go's grammar and
written anew for `re`. What Go refuses is refused here, so that a filter that passes works on a cluster as well.

`re` backtracks where Go's matcher is linear in the line; a filter such as `(a+)+=(.*)` can take very long. Collectors
keep the lines short that filters run on; more is not done about it.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from trialmill.metrics.character_sets import CLASS_ESCAPES, POSIX, Ranges, category, complement, write_set

_GROUPS: Final = 2
_LARGEST_REPEAT: Final = 1000
_LARGEST_RUNE: Final = 0x10FFFF
_CONTROLS: Final = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ASSERTIONS: Final = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?a:\B)"}
_NAMED_GROUP: Final = re.compile(r"\(\?P?<([^>]*)>")
_FLAGS: Final = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_REPEAT: Final = re.compile(r"(?:[*+?]|\{(\d+)(?:,(\d*))?\})", re.ASCII)
_OCTAL: Final = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_HEXADECIMAL: Final = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})")
_UNICODE: Final = re.compile(r"[pP](?:\{(\^?)(\w+)\}|([A-Za-z]))")


class FilterError(ValueError):
    """This filter cannot be used; the message says why."""


def compile_filter(pattern: str) -> re.Pattern[str]:
    """The filter for `re`, to be run on one line at a time. Raises FilterError where `filter_problem` objects."""
    compiled = _compile(pattern)
    if compiled.groups < _GROUPS:
        raise FilterError(
            "it needs two groups in parentheses, the first for the metric's name and the second for its value"
        )
    return compiled


def filter_problem(pattern: str) -> str | None:
    """What is wrong with a filter, as the rest of a sentence that begins with it; None where it is right.

    It must be a regular expression by Go's rules with at least two groups (Katib: rule 25).
    """
    try:
        compile_filter(pattern)
    except FilterError as error:
        return str(error)
    return None


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_Translator(pattern).translate())
    except (re.error, RecursionError, OverflowError) as error:
        raise FilterError(f"it cannot be run here: {error}") from error


@dataclass(slots=True)
class _Scope:
    """A group that is open. `wrappers` are the flag groups opened within it, which `|` and its end must close."""

    ignore_case: bool = False
    ungreedy: bool = False
    wrappers: list[str] = field(default_factory=list)


class _Translator:
    """Reads a pattern from left to right and writes what it means for `re`.

    `m` and `s` need no translation, as a line holds no line end.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []
        self._scopes = [_Scope()]
        self._group_names: set[str] = set()
        self._is_repeatable = False
        self._is_repeated = False

    def translate(self) -> str:
        while self._at < len(self._pattern):
            self._item()
        if len(self._scopes) > 1:
            raise FilterError("a closing parenthesis is missing")
        return "".join(self._out) + self._closing()

    def _item(self) -> None:
        match self._pattern[self._at]:
            case "(":
                self._open_group()
            case ")":
                self._close_group()
            case "|":
                self._skip(1)
                self._separate(f"{self._closing()}|{''.join(self._scopes[-1].wrappers)}")
            case "[":
                self._atom(self._set())
            case "\\":
                self._escape()
            case "^" | "$" as anchor:
                self._skip(1)
                self._assertion(_ASSERTIONS["A" if anchor == "^" else "z"])
            case ".":
                self._skip(1)
                self._atom(".")
            case _ if match := _REPEAT.match(self._pattern, self._at):
                self._repeat(match)
            case character:
                self._skip(1)
                self._atom(re.escape(character))

    # --- Writing

    def _skip(self, count: int) -> None:
        self._at += count

    def _atom(self, text: str) -> None:
        self._out.append(text)
        self._is_repeatable, self._is_repeated = True, False

    def _assertion(self, text: str) -> None:
        # Go allows `^*`; `re` repeats an assertion only when it is in a group.
        self._atom(f"(?:{text})")

    def _separate(self, text: str) -> None:
        self._out.append(text)
        self._is_repeatable = self._is_repeated = False

    def _closing(self) -> str:
        return ")" * len(self._scopes[-1].wrappers)

    # --- Groups, flags, repetition

    def _open_group(self) -> None:
        scope = self._scopes[-1]
        inner = _Scope(scope.ignore_case, scope.ungreedy)
        if not self._pattern.startswith("(?", self._at):
            self._skip(1)
            self._enter(inner, "(")
        elif match := _NAMED_GROUP.match(self._pattern, self._at):
            self._name_group(match[1])
            self._at = match.end()
            self._enter(inner, "(")
        elif match := _FLAGS.match(self._pattern, self._at):
            self._at = match.end()
            self._set_flags(match, inner if match[3] == ":" else scope)
        else:
            what = self._pattern[self._at : self._at + 4]
            raise FilterError(f"{what!r} is not in Go's regular expressions (no look-around, no back-references)")

    def _enter(self, scope: _Scope, opening: str) -> None:
        self._separate(opening)
        self._scopes.append(scope)

    def _name_group(self, name: str) -> None:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise FilterError(f"{name!r} is no name for a group")
        if name in self._group_names:
            raise FilterError(f"two groups are named {name!r}")
        self._group_names.add(name)

    def _set_flags(self, match: re.Match[str], scope: _Scope) -> None:
        on, off, end = match.groups(default="")
        scope.ungreedy = (scope.ungreedy or "U" in on) and "U" not in off
        ignore_case = (scope.ignore_case or "i" in on) and "i" not in off
        opening = "(?i:" if ignore_case else "(?-i:" if ignore_case is not scope.ignore_case else "(?:"
        if end == ":":
            scope.ignore_case = ignore_case
            self._enter(scope, opening)
            return
        if ignore_case is not scope.ignore_case:
            scope.ignore_case = ignore_case
            scope.wrappers.append(opening)
            self._out.append(opening)
        self._is_repeatable = self._is_repeated = False

    def _close_group(self) -> None:
        if len(self._scopes) == 1:
            raise FilterError("a closing parenthesis has no opening one")
        self._skip(1)
        text = f"{self._closing()})"
        self._scopes.pop()
        self._atom(text)

    def _repeat(self, match: re.Match[str]) -> None:
        if self._is_repeated:
            raise FilterError(f"{match[0]!r} follows another repetition")
        if not self._is_repeatable:
            raise FilterError(f"{match[0]!r} has nothing to repeat")
        self._check_bounds(match)
        self._at = match.end()
        is_lazy = self._scopes[-1].ungreedy
        if self._pattern.startswith("?", self._at):
            self._skip(1)
            is_lazy = not is_lazy
        self._out.append(match[0] + ("?" if is_lazy else ""))
        self._is_repeated = True

    def _check_bounds(self, match: re.Match[str]) -> None:
        low, high = match.groups()
        # Five digits tell that a bound is too large; `int` itself refuses thousands of them.
        bounds = [int(bound.lstrip("0")[:5] or "0") for bound in (low, high) if bound]
        if any(bound > _LARGEST_REPEAT for bound in bounds) or bounds != sorted(bounds):
            raise FilterError(f"{match[0]!r} is no repetition that Go allows")

    # --- Escapes and sets

    def _escape(self) -> None:
        after = self._pattern[self._at + 1 : self._at + 2]
        if after == "Q":
            self._quoted()
        elif after in _ASSERTIONS:
            self._skip(2)
            self._assertion(_ASSERTIONS[after])
        elif (ranges := self._class_escape()) is not None:
            self._atom(write_set(ranges))
        else:
            self._atom(re.escape(chr(self._rune())))

    def _quoted(self) -> None:
        text, _, _ = self._pattern[self._at + 2 :].partition(r"\E")
        self._at = min(self._at + 2 + len(text) + 2, len(self._pattern))
        for character in text:
            self._atom(re.escape(character))

    def _class_escape(self) -> Ranges | None:
        """The set that `\\d`, `\\pL` and their like stand for; None where there is none at this place."""
        after = self._pattern[self._at + 1 : self._at + 2]
        if after in CLASS_ESCAPES:
            self._skip(2)
            return CLASS_ESCAPES[after]
        if not after or after not in "pP":
            return None
        match = _UNICODE.match(self._pattern, self._at + 1)
        name = (match[2] or match[3]) if match else ""
        ranges = category(name) if name else None
        if match is None or ranges is None:
            raise FilterError(
                f"'\\{after}{{{name}}}' is not known here; Unicode's general categories are, such as '\\pL'"
            )
        self._at = match.end()
        is_negated = (after == "P") is not bool(match[1])
        return complement(ranges) if is_negated else ranges

    def _rune(self) -> int:
        """One character, escaped or not."""
        character = self._pattern[self._at]
        self._skip(1)
        if character != "\\":
            return ord(character)
        if self._at == len(self._pattern):
            raise FilterError("it ends with a backslash")
        after = self._pattern[self._at]
        if match := _OCTAL.match(self._pattern, self._at):
            self._at = match.end()
            return int(match[0], 8)
        if match := _HEXADECIMAL.match(self._pattern, self._at):
            self._at = match.end()
            return self._checked_rune(int(match[1] or match[2], 16))
        if after in _CONTROLS:
            self._skip(1)
            return _CONTROLS[after]
        if after.isascii() and not after.isalnum():
            self._skip(1)
            return ord(after)
        raise FilterError(f"'\\{after}' is not in Go's regular expressions")

    def _checked_rune(self, rune: int) -> int:
        if rune > _LARGEST_RUNE:
            raise FilterError(f"there is no character {rune:#x}")
        return rune

    def _set(self) -> str:
        self._skip(1)
        is_negated = self._pattern.startswith("^", self._at)
        self._skip(is_negated)
        ranges: list[tuple[int, int]] = []
        is_first = True
        while is_first or not self._pattern.startswith("]", self._at):
            if self._at >= len(self._pattern):
                raise FilterError("a closing bracket is missing")
            ranges.extend(self._set_member())
            is_first = False
        self._skip(1)
        return write_set(ranges, is_negated=is_negated)

    def _set_member(self) -> Ranges:
        if self._pattern.startswith("[:", self._at) and (end := self._pattern.find(":]", self._at)) >= 0:
            return self._posix(end)
        if self._pattern[self._at] == "\\" and (ranges := self._class_escape()) is not None:
            return ranges
        low = high = self._rune()
        is_range = self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at)
        if is_range and self._at + 1 < len(self._pattern):
            self._skip(1)
            high = self._rune()
        if high < low:
            raise FilterError(f"'{chr(low)}-{chr(high)}' is a range that ends before it begins")
        return [(low, high)]

    def _posix(self, end: int) -> Ranges:
        name = self._pattern[self._at + 2 : end]
        ranges = POSIX.get(name.removeprefix("^"))
        if ranges is None:
            raise FilterError(f"'[:{name}:]' is no class of characters")
        self._at = end + 2
        return complement(ranges) if name.startswith("^") else ranges
