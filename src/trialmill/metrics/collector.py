"""Collectors: bytes of one source in, points out, with the position up to which they are settled."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trialmill.api.experiment import CollectorKind, FileFormat, MetricsCollector
from trialmill.api.metric import Point
from trialmill.metrics.json_lines import JSON_LINE_LIMIT, JsonReader
from trialmill.metrics.lines import LINE_LIMIT, LineBlocks
from trialmill.metrics.numbering import Numbering
from trialmill.metrics.outputs import NumberReader, ResultsReader, WholeCollector, WholeReader
from trialmill.metrics.text import FILTERED_LINE_LIMIT, KATIB_DEFAULT_FILTER, FilterReader, NameValueReader


class Reader(Protocol):
    """Finds points in a block of whole lines."""

    def read(self, block: bytes) -> list[Point]: ...


class LineCollector:
    """Collects points from lines, in bounded memory; no bytes make it raise.

    For any bytes in any chunks, reading on from a settled position with the counts that were stored with it gives the
    points that one undisturbed read gives.
    """

    def __init__(self, reader: Reader, line_limit: int = LINE_LIMIT) -> None:
        self._reader = reader
        self._lines = LineBlocks(line_limit)

    def feed(self, data: bytes) -> tuple[list[Point], int]:
        """The points of all lines that are complete now, and how many bytes they settle beyond those settled before.

        Points and position belong together: store them in one step.
        """
        blocks, settled = self._lines.feed(data)
        return [point for block in blocks for point in self._reader.read(block)], settled

    def finish(self) -> list[Point]:
        """The points of a last line without an end. With them everything that was fed is settled."""
        return self._reader.read(self._lines.finish())

    @property
    def skipped(self) -> int:
        """Lines since the start of this collector that name a metric and are not in the collector's format."""
        return self._reader.skipped if isinstance(self._reader, JsonReader) else 0


def make_collector(
    spec: MetricsCollector, names: Sequence[str], source: str, counts: Mapping[str, int]
) -> LineCollector | WholeCollector:
    """A collector for one source of an attempt.

    `names` are the experiment's metrics, `source` the name that points carry, and `counts` how many points of each
    metric are stored of this source, empty at its start. Raises `FilterError` (a `ValueError`) for a filter that
    `filter_problem` objects to, and `ValueError` for kinds that are not read from a log or a file.
    """
    numbering = Numbering(source, counts)
    names = [name for name in dict.fromkeys(names) if name]
    match spec.kind:
        case CollectorKind.FILE if spec.file is not None and spec.file.format is FileFormat.JSON:
            return LineCollector(JsonReader(names, numbering), JSON_LINE_LIMIT)
        case CollectorKind.STDOUT | CollectorKind.FILE if all(f == KATIB_DEFAULT_FILTER for f in spec.filters):
            return LineCollector(NameValueReader(names, numbering))
        case CollectorKind.STDOUT | CollectorKind.FILE:
            return LineCollector(FilterReader(names, spec.filters, numbering), FILTERED_LINE_LIMIT)
        case CollectorKind.OUTPUTS:
            return WholeCollector(_whole_reader(spec, names, source, numbering))
        case kind:
            raise ValueError(f"metrics of kind {kind} are not read from a log or a file")


def _whole_reader(spec: MetricsCollector, names: Sequence[str], source: str, numbering: Numbering) -> WholeReader:
    """The reader of one metric's own file, where the source is one; else that of a file of results."""
    for file in spec.metric_files:
        if source.endswith(f":{file.path}"):
            return NumberReader(file.name, numbering)
    return ResultsReader(names, numbering)
