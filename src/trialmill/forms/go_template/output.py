"""The text that came out, which knows for each of its places where in the template it came from."""

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(slots=True)
class Output:
    """Text in pieces: copied ones, each character of which has a place of its own, and printed ones."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    _starts: list[int] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)
    _copied: list[bool] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def copy(self, text: str, offset: int) -> None:
        """Add a piece of the template that begins at this offset of it."""
        self._add(text, offset, copied=True)

    def print(self, text: str, offset: int) -> None:
        """Add what an action at this offset of the template printed."""
        self._add(text, offset, copied=False)

    def origin(self, position: int) -> int:
        """The offset in the template of what stands at a position of the text, its end included."""
        if not self._starts:
            return 0
        piece = max(bisect_right(self._starts, max(0, min(position, self.length - 1))) - 1, 0)
        into = min(position - self._starts[piece], len(self.pieces[piece])) if self._copied[piece] else 0
        return self._offsets[piece] + max(into, 0)

    def _add(self, text: str, offset: int, *, copied: bool) -> None:
        if text:
            self.pieces.append(text)
            self._starts.append(self.length)
            self._offsets.append(offset)
            self._copied.append(copied)
            self.length += len(text)
