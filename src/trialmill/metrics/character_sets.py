"""Sets of characters as Go's regular expressions know them, written for Python's `re`."""

import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Final, TypeAlias

Ranges: TypeAlias = Sequence[tuple[int, int]]
"""First and last code points, both included."""

_DIGIT: Final = [(0x30, 0x39)]
_UPPER: Final = [(0x41, 0x5A)]
_LOWER: Final = [(0x61, 0x7A)]
_ALPHA: Final = [*_UPPER, *_LOWER]
_WORD: Final = [*_DIGIT, *_ALPHA, (0x5F, 0x5F)]

POSIX: Final[dict[str, Ranges]] = {
    "alnum": [*_DIGIT, *_ALPHA],
    "alpha": _ALPHA,
    "ascii": [(0x00, 0x7F)],
    "blank": [(0x09, 0x09), (0x20, 0x20)],
    "cntrl": [(0x00, 0x1F), (0x7F, 0x7F)],
    "digit": _DIGIT,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    "space": [(0x09, 0x0D), (0x20, 0x20)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*_DIGIT, (0x41, 0x46), (0x61, 0x66)],
}


def complement(ranges: Ranges) -> Ranges:
    """All characters that are not in the set."""
    result: list[tuple[int, int]] = []
    begin = 0
    for low, high in sorted(ranges):
        if low > begin:
            result.append((begin, low - 1))
        begin = max(begin, high + 1)
    return [*result, (begin, sys.maxunicode)] if begin <= sys.maxunicode else result


_SPACE: Final = [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)]
"""`\\s` of Go: without the vertical tab, which `[[:space:]]` has."""

CLASS_ESCAPES: Final[dict[str, Ranges]] = {
    "d": _DIGIT,
    "w": _WORD,
    "s": _SPACE,
    "D": complement(_DIGIT),
    "W": complement(_WORD),
    "S": complement(_SPACE),
}


_LONGEST_CATEGORY: Final = 2


@cache
def category(name: str) -> Ranges | None:
    """The characters of a Unicode general category, such as `L` or `Nd`, or of `Any`; None for names of other things.

    Goes through all of Unicode, some 0.1 s, once per category.
    """
    if name == "Any":
        return [(0, sys.maxunicode)]
    if len(name) > _LONGEST_CATEGORY:
        return None
    runs = groupby(range(sys.maxunicode + 1), key=lambda rune: unicodedata.category(chr(rune)).startswith(name))
    members = (list(run) for is_member, run in runs if is_member)
    return [(run[0], run[-1]) for run in members] or None


def write_set(ranges: Ranges, *, is_negated: bool = False) -> str:
    """The set in the syntax of `re`."""
    if not ranges:
        return "." if is_negated else "(?!)"
    members = "".join(_write(low) if low == high else f"{_write(low)}-{_write(high)}" for low, high in ranges)
    return f"[{'^' if is_negated else ''}{members}]"


def _write(rune: int) -> str:
    character = chr(rune)
    # Escaped by number, since in a set `re` reads or warns about many signs: `]`, `^`, `-`, `[`, `&&`, `||`.
    return character if character.isascii() and character.isalnum() else f"\\U{rune:08x}"
