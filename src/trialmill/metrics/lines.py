"""Whole lines out of chunks of any size, in bounded memory, so that a read can go on after a crash where it stopped."""

from collections.abc import Iterator, Sequence
from typing import Final

LINE_LIMIT: Final = 64 * 1024
"""Longer lines are read in pieces of at most this many bytes."""


class LineBlocks:
    """Cuts a stream into blocks of whole lines. Blocks begin and end where lines do.

    Lines end at a line feed or a carriage return; within a block each end is one line feed. Both bytes of `\\r\\n`
    count as an end, which makes an empty line between them: harmless, since an empty line holds nothing, and it lets a
    chunk end between the two.

    A line of more than `limit` bytes is cut after its last blank within the limit, or at the limit where there is none.
    Each piece is a line, and its end the end of a block. Where it is cut depends on nothing but the bytes since the
    last cut or line end, hence a reader that starts at the end of any block sees the same lines.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> tuple[list[bytes], int]:
        """Blocks that are complete now, and their bytes in all. What follows the last line end is kept."""
        if b"\r" in data:
            data = data.replace(b"\r", b"\n")
        end = data.rfind(b"\n") + 1
        blocks: list[bytes] = []
        if end:
            blocks.extend(self._pieces(bytes(self._rest) + data[:end]))
            self._rest.clear()
        self._rest += data[end:]
        while len(self._rest) > self._limit:
            cut = self._cut(self._rest, 0)
            blocks.append(bytes(self._rest[:cut]))
            del self._rest[:cut]
        return blocks, sum(map(len, blocks))

    def finish(self) -> bytes:
        """The line that has no end; empty for none."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        """The block, split where a line is too long. Looks at one place per `limit` bytes, not at each line."""
        begin = at = 0
        while len(block) - at > self._limit:
            newline = block.rfind(b"\n", at, at + self._limit + 1)
            if newline >= 0:
                at = newline + 1
                continue
            at = self._cut(block, at)
            yield block[begin:at]
            begin = at
        yield block[begin:]

    def _cut(self, data: bytes | bytearray, start: int) -> int:
        stop = start + self._limit
        blank = max(data.rfind(b" ", start, stop), data.rfind(b"\t", start, stop))
        return blank + 1 if blank >= 0 else stop


def lines_holding(block: bytes, needles: Sequence[bytes]) -> Iterator[bytes]:
    """The block's lines that hold at least one of the needles, without their ends.

    Searches the block for each needle instead of looking at each line, so lines without one cost next to nothing.
    """
    ahead = {needle: at for needle in needles if (at := block.find(needle)) >= 0}
    end = 0
    while ahead:
        first = min(ahead.values())
        start = block.rfind(b"\n", end, first) + 1 or end
        end = block.find(b"\n", first)
        if end < 0:
            end = len(block)
        yield block[start:end]
        for needle in [n for n, at in ahead.items() if at < end]:
            ahead[needle] = block.find(needle, end)
            if ahead[needle] < 0:
                del ahead[needle]
