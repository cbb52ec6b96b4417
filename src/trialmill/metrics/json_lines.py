"""Points in JSON lines: one object per line, whose keys are metrics."""

import json
import math
from collections.abc import Sequence
from typing import Final

from trialmill.api.metric import Point
from trialmill.api.tree import Json, JsonObject
from trialmill.metrics.lines import lines_holding
from trialmill.metrics.numbering import Numbering
from trialmill.metrics.timestamps import parse_timestamp
from trialmill.metrics.values import parse_value

JSON_LINE_LIMIT: Final = 1024 * 1024
"""A longer object is not read: it falls into pieces, none of which is JSON."""

_LARGEST_STEP: Final = 2**63 - 1


class JsonReader:
    """Reads metrics from the top level of each object, by exact key.

    Values are numbers, numbers in strings (Katib reads only those) or other text; true, false, null, lists and objects
    are no values. `timestamp` is an RFC 3339 time or seconds since the epoch with their fraction (Katib misreads it),
    and `step` the step. Lines that are no objects are passed over, where Katib fails the trial.
    """

    def __init__(self, names: Sequence[str], numbering: Numbering) -> None:
        self._names = frozenset(names)
        # A key may be written with escapes (`"val\/loss"`), so lines with a backslash are looked at as well.
        self._named = tuple(name.encode() for name in names)
        self._needles = (*self._named, b"\\")
        self._numbering = numbering
        self.skipped = 0

    def read(self, block: bytes) -> list[Point]:
        """The points of the block's lines, in the order of the text. Counts in `skipped` what it cannot read."""
        return [point for line in lines_holding(block, self._needles) for point in self._line_points(line)]

    def _line_points(self, line: bytes) -> list[Point]:
        record = _parse_object(line)
        if record is None:
            self.skipped += any(name in line for name in self._named)
            return []
        time = _time(record.get("timestamp"))
        step = _step(record.get("step"))
        values = ((name, _value(record[name])) for name in record if name in self._names)
        return [self._numbering.point(name, value, time, step) for name, value in values if value is not None]


def _parse_object(line: bytes) -> JsonObject | None:
    try:
        record = json.loads(line.decode("utf-8", "replace").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _value(value: Json) -> float | str | None:
    match value:
        case bool():
            return None
        case int() | float():
            return _float(value)
        case str():
            return parse_value(value)
        case _:
            return None


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _time(value: Json) -> float | None:
    if isinstance(value, str):
        time = parse_timestamp(value)
        if time is not None:
            return time
    seconds = _value(value)
    return seconds if isinstance(seconds, float) and math.isfinite(seconds) else None


def _step(value: Json) -> int | None:
    """A whole number, also as `3.0` or `"3"`; None, which means the occurrence's number, for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        step = value
    else:
        number = _value(value)
        if not isinstance(number, float) or not number.is_integer():
            return None
        step = int(number)
    return step if abs(step) <= _LARGEST_STEP else None
