"""Positions in a container's output, as tokens of cursors."""

from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = "|"


@dataclass(frozen=True, slots=True)
class Place:
    """The end of a line: the `count`-th with the time `stamp` that `run`, one run of the container, has printed.

    Without a stamp it is the beginning of the run. `total` is how many bytes of the source come before it.
    """

    run: str = ""
    stamp: str = ""
    count: int = 0
    total: int = 0

    @property
    def token(self) -> str:
        return _SEPARATOR.join((self.run, self.stamp, str(self.count), str(self.total)))


def place_of(token: str) -> Place:
    """The place that a token names; the beginning of everything for one that says nothing."""
    parts = token.split(_SEPARATOR)
    if len(parts) != 4 or not parts[2].isdecimal() or not parts[3].isdecimal():
        return Place()
    return Place(parts[0], parts[1], int(parts[2]), int(parts[3]))
