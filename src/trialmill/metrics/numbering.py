"""Steps and sequence numbers, going on from what is stored."""

from collections.abc import Mapping

from trialmill.api.metric import Point


class Numbering:
    """Makes points of one source. `counts` are the occurrences of each metric that are stored already."""

    def __init__(self, source: str, counts: Mapping[str, int]) -> None:
        self._source = source
        self._counts = dict(counts)
        self._seq = sum(counts.values())

    def point(self, name: str, value: float | str, time: float | None, step: int | None = None) -> Point:
        """The next point; its step is the occurrence's number, from 0, where the source gives none."""
        occurrence = self._counts.get(name, 0)
        point = Point(name, value, occurrence if step is None else step, time, self._source, self._seq)
        self._counts[name] = occurrence + 1
        self._seq += 1
        return point
