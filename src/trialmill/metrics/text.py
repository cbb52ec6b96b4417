"""Points in plain text: `name=value` anywhere in a line, or what the user's own filters find.

A line may begin with an RFC 3339 time and a space; its points then carry that time (Katib does the same).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from trialmill.api.metric import Point
from trialmill.metrics.filters import compile_filter
from trialmill.metrics.lines import lines_holding
from trialmill.metrics.numbering import Numbering
from trialmill.metrics.timestamps import parse_timestamp
from trialmill.metrics.values import parse_value

KATIB_DEFAULT_FILTER: Final = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"

FILTERED_LINE_LIMIT: Final = 8 * 1024
"""A bound on lines for users' filters: `re` backtracks, where Go's matcher is linear, so long lines take hours."""

_VALUE: Final = rb"[+-]?(?:(?:\d+(?:\.\d+)?|\.\d+)(?:[Ee][+-]?\d+)?|(?i:nan|inf(?:inity)?)(?!\w))"
_BLANKS: Final = rb"[ \t\f\v]*"
_COLOUR: Final = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
"""A terminal's control sequence (ECMA-48)."""


class NameValueReader:
    """The default filter: `name = value` with the experiment's own names.

    As in Katib, names are exact: what stands before one must not be a letter, digit, `_`, `|` or `-`, so `val_loss=1`
    is no `loss`, and `val/loss=1` is one, unless the experiment has a metric `val/loss`. Beyond Katib:

    - a name may hold any characters (`val/loss`, `val.loss`); the longest that fits wins;
    - `nan`, `inf` and `infinity` are values, in any case and with a sign;
    - colours and other control sequences of terminals are invisible.

    A name without a value (`loss=`) is passed over. So is a name glued to the value before it (`a=1loss=2`), which
    Katib would take.
    """

    def __init__(self, names: Sequence[str], numbering: Numbering) -> None:
        self._numbering = numbering
        self._patterns = [(name, name.encode(), _name_value(name.encode())) for name in names]

    def read(self, block: bytes) -> list[Point]:
        """The points of the block's lines, in the order of the text."""
        if b"\x1b" in block:
            block = _COLOUR.sub(b"", block)
        matches = [
            (match.start(), -match.end(), name, match[1])
            for name, needle, pattern in self._patterns
            if needle in block
            for match in pattern.finditer(block)
        ]
        if len(self._patterns) > 1:
            matches.sort()
        points: list[Point] = []
        times = _LineTimes(block)
        taken = 0
        for start, minus_end, name, value in matches:
            if start >= taken:
                taken = -minus_end
                points.append(self._numbering.point(name, float(value), times.at(start)))
        return points


def _name_value(name: bytes) -> re.Pattern[bytes]:
    literal = re.escape(name)
    # The name comes first and the look at what stands before it second: `re` searches fast for a leading literal only.
    return re.compile(literal + rb"(?<![\w|-]" + literal + rb")" + _BLANKS + b"=" + _BLANKS + b"(" + _VALUE + b")")


class _LineTimes:
    """The time at the start of the line that a place in the block belongs to; the last line's is remembered."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._line = -1
        self._time: float | None = None

    def at(self, place: int) -> float | None:
        start = self._block.rfind(b"\n", 0, place) + 1
        if start != self._line:
            self._line = start
            # A look at one byte spares most lines the rest.
            dated = self._block[start : start + 1].isdigit()
            self._time = _line_time(self._block[start:place].decode("utf-8", "replace")) if dated else None
        return self._time


def _line_time(line: str) -> float | None:
    return parse_timestamp(line.partition(" ")[0])


class FilterReader:
    """The user's filters: group 1 is a name, group 2 its value; several filters and matches per line.

    Values that are no numbers are kept as text. Filters run on lines that hold a metric's name, as in Katib.
    Raises `FilterError` for a filter that is no Go regular expression with two groups.
    """

    def __init__(self, names: Sequence[str], filters: Sequence[str], numbering: Numbering) -> None:
        self._names = frozenset(names)
        self._needles = tuple(name.encode() for name in names)
        self._filters = [compile_filter(f) for f in filters]
        self._numbering = numbering

    def read(self, block: bytes) -> list[Point]:
        """The points of the block's lines: line by line, filter by filter, match by match."""
        return [point for line in lines_holding(block, self._needles) for point in self._line_points(line)]

    def _line_points(self, line: bytes) -> Iterator[Point]:
        text = line.decode("utf-8", "replace")
        time = _line_time(text)
        for pattern in self._filters:
            for match in pattern.finditer(text):
                name = (match[1] or "").strip()
                value = parse_value(match[2] or "")
                if name in self._names and value is not None:
                    yield self._numbering.point(name, value, time)
