"""Points in what a trial leaves behind: a file of results, or a file for each metric, read when it is complete."""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from trialmill.api.load import load_documents
from trialmill.api.metric import Point
from trialmill.api.tree import Json
from trialmill.metrics.numbering import Numbering
from trialmill.metrics.values import parse_value

_NOT_FINITE: Final = re.compile(r"\.(?=nan$|inf$)", re.IGNORECASE)
"""The point in YAML's `.nan` and `-.inf`."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file that are looked at; results are small."""


class WholeReader(Protocol):
    """Finds points in a whole file."""

    def read(self, data: bytes) -> list[Point]: ...


class WholeCollector:
    """Collects points from a file once all of it is there: nothing is settled before, so a later read begins anew."""

    skipped = 0

    def __init__(self, reader: WholeReader) -> None:
        self._reader = reader
        self._data = bytearray()

    def feed(self, data: bytes) -> tuple[list[Point], int]:
        """No points yet, and nothing settled."""
        self._data += data[: LARGEST - len(self._data)]
        return [], 0

    def finish(self) -> list[Point]:
        """The points of the file."""
        data = bytes(self._data)
        self._data.clear()
        return self._reader.read(data) if data else []


class ResultsReader:
    """A mapping in YAML or JSON whose scalar keys are metrics; other keys and values are passed over."""

    def __init__(self, names: Sequence[str], numbering: Numbering) -> None:
        self._names = tuple(names)
        self._numbering = numbering

    def read(self, data: bytes) -> list[Point]:
        documents = load_documents(data, "results", [])
        results = documents[-1].tree if documents else None
        if not isinstance(results, dict):
            return []
        values = ((name, _value(results.get(name))) for name in self._names)
        return [self._numbering.point(name, value, None) for name, value in values if value is not None]


class NumberReader:
    """A text whose last line that is not blank is the metric's value."""

    def __init__(self, name: str, numbering: Numbering) -> None:
        self._name = name
        self._numbering = numbering

    def read(self, data: bytes) -> list[Point]:
        lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
        value = parse_value(lines[-1]) if lines else None
        return [] if value is None else [self._numbering.point(self._name, value, None)]


def _value(value: Json) -> float | str | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return parse_value(_NOT_FINITE.sub("", value, count=1)) if isinstance(value, str) else float(value)
