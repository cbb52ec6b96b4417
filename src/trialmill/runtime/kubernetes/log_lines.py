"""From the lines of a container's log, with the times that kubelet puts before them, to what the container printed.

A stream that is opened anew begins with lines that were read before: the server counts time in whole seconds. They are
known by their times and, of several with one time, by their number.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from trialmill.runtime.kubernetes.log_place import Place

_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")
_PARTS: Final = re.compile(r"([^.Z+]{19})(?:\.(\d+))?(Z|[+-].*)")
_LONGEST_STAMP: Final = 40
_LOST: Final = (b"unable to retrieve container logs", b"failed to try resolving symlinks", b"failed to open log file")
"""What kubelet prints in place of a log that is not there any more; such lines have no time."""
_LINE_END: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that the container printed, no more than to the end of one line; `place` is that end, where they reach it.
    `gap` says what is missing before them, and `place` then where they begin.
    """

    data: bytes
    place: Place | None = None
    gap: str = ""


class LogLines:
    """Reads one stream, and goes on in the next one where it stopped. `place` and `within` are where that is: the last
    line that is complete, and how many bytes after it have been told.
    """

    def __init__(self, place: Place, within: int = 0) -> None:
        self.place = place
        self.within = within
        self.lost = ""
        self._begin()

    def _begin(self) -> None:
        self._buffer = b""
        self._stamp: str | None = None
        self._is_skipped = False
        self._numbers: tuple[str, int] = ("", 0)
        self._to_skip = self.within
        self._has_found_place = self.place.count == 0
        self._is_new = False

    def reopened(self) -> None:
        """The next bytes are the beginning of another stream."""
        self._begin()

    def feed(self, data: bytes) -> list[Piece]:
        """What is new in the next bytes of the stream."""
        pieces: list[Piece] = []
        buffer = self._buffer + data
        while buffer:
            if self._stamp is None:
                match = _STAMP.match(buffer)
                if match is None:
                    if len(buffer) < _LONGEST_STAMP and _LINE_END not in buffer:
                        break
                    line, end, buffer = buffer.partition(_LINE_END)
                    self._note_unstamped(line)
                    if not end:
                        # The rest of a line whose beginning is not in this stream.
                        self._stamp, self._is_skipped = "", True
                    continue
                buffer = buffer[match.end() :]
                self._begin_line(match[1].decode(), pieces)
                continue
            line, end, buffer = buffer.partition(_LINE_END)
            self._take(line + end, pieces)
        self._buffer = buffer
        return pieces

    def _note_unstamped(self, line: bytes) -> None:
        if line.startswith(_LOST):
            self.lost = line.decode(errors="replace")

    def _begin_line(self, stamp: str, pieces: list[Piece]) -> None:
        self._stamp = stamp
        at, number = self._numbers
        self._numbers = (stamp, number + 1 if stamp == at else 1)
        self._is_skipped = not self._is_new and self._was_read(stamp, self._numbers[1])
        # After the first line that is new all are, even should the clock be set back.
        self._is_new = not self._is_skipped
        if self._is_skipped:
            self._has_found_place |= self._numbers == (self.place.stamp, self.place.count)
        elif not self._has_found_place:
            self._has_found_place = True
            gap = f"the log was rotated: what was printed from {self.place.stamp} to {stamp} is lost"
            # Lines that were told already may be gone with those that were not: what is there is told.
            self.place = Place(self.place.run, stamp, self._numbers[1] - 1, self.place.total + self.within)
            self._to_skip = self.within = 0
            pieces.append(Piece(b"", self.place, gap))

    def _was_read(self, stamp: str, number: int) -> bool:
        if not self.place.stamp:
            return False
        order = comparable(stamp), comparable(self.place.stamp)
        return order[0] < order[1] or (order[0] == order[1] and number <= self.place.count)

    def _take(self, data: bytes, pieces: list[Piece]) -> None:
        ends = data.endswith(_LINE_END)
        if not self._is_skipped:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            self.within += len(data) - skipped
            is_complete = ends and self._to_skip == 0
            if is_complete:
                self._settle()
            if len(data) > skipped:
                pieces.append(Piece(data[skipped:], self.place if is_complete else None))
        if ends:
            self._stamp = None

    def _settle(self) -> None:
        """A line is complete."""
        stamp, number = self._numbers
        self.place = Place(self.place.run, stamp, number, self.place.total + self.within)
        self.within = 0


def comparable(stamp: str) -> tuple[datetime, str]:
    """A time of RFC 3339 so that two compare: in UTC, and its fraction of nine digits apart."""
    match = _PARTS.fullmatch(stamp)
    if match is None:
        return datetime.min.replace(tzinfo=UTC), ""
    whole, fraction, zone = match.groups()
    return datetime.fromisoformat(whole + zone).astimezone(UTC), (fraction or "").ljust(9, "0")
