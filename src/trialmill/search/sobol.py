"""`sobol`: points that fill the space evenly, each of them known at once from its number."""

from typing import Final

from trialmill.api.history import Exhausted, History, Settings, Suggestions
from trialmill.api.space import Space, Value
from trialmill.search.asking import ask_one_by_one
from trialmill.search.cells import TriedCells, cells_of
from trialmill.search.sampling import axes_of
from trialmill.search.seeding import derive
from trialmill.search.sobol_directions import BITS, DIMENSIONS, directions

_MASK: Final = (1 << BITS) - 1


class SobolSearch:
    """Suggestion n is the n-th point of a Sobol sequence, scrambled by the seed and mapped to each distribution.

    Looks at no result. In a finite space points fall into the same assignment again and again; then the next untried
    assignment after it is taken. A parameter that is inactive has its coordinate all the same.
    """

    def __init__(self) -> None:
        self._tried = TriedCells()

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        del settings
        return ask_one_by_one(lambda seen, number: self._suggest(space, seed, seen, number), history, first, count)

    def _suggest(self, space: Space, seed: int, history: History, number: int) -> dict[str, Value] | None:
        units = [scrambled_unit(number, dimension, seed) for dimension in range(len(space.dimensions))]
        drawn = space.active({axis.name: axis.at(unit) for axis, unit in zip(axes_of(space), units, strict=True)})
        cells = cells_of(space)
        if cells is None:
            return drawn
        tried = self._tried.of(cells, history.trials)
        if len(tried) >= cells.size:
            return None
        return cells.at(cells.untried_from(cells.number_of(drawn) or 0, tried))


def coordinate(number: int, dimension: int) -> int:
    """Point `number` in one dimension, as an integer of BITS bits, unscrambled: point 0 is the lower corner.

    Points are in the order of the Gray code (Antonov and Saleev, 1979), so each is a sum of direction numbers.
    Raises ValueError for dimensions beyond DIMENSIONS.
    """
    if dimension >= DIMENSIONS:
        raise ValueError(f"sobol has {DIMENSIONS} dimensions at most")
    gray = (number ^ number >> 1) & _MASK
    point = 0
    for bit, direction in enumerate(directions(dimension)):
        if gray >> bit & 1:
            point ^= direction
    return point


def scrambled_unit(number: int, dimension: int, seed: int) -> float:
    """Point `number` in one dimension, scrambled, strictly between 0 and 1."""
    point = _scramble(coordinate(number, dimension), derive(seed, "sobol", dimension) & _MASK)
    return (point + 0.5) / (_MASK + 1)


def _scramble(point: int, key: int) -> int:
    """Owen's nested scrambling: whether a bit flips depends on the bits above it alone, so the points stay even.

    By the hash of Laine and Karras with the constants of B. Burley, "Practical hash-based Owen scrambling", Journal of
    Computer Graphics Techniques 9 (2020). It carries upwards only, hence the reversal.
    """
    bits = (_reversed(point) + key) & _MASK
    for factor in (0x6C50B47C, 0xB82F1E52, 0xC7AFE638, 0x8D22F6E6):
        bits ^= bits * factor & _MASK
    return _reversed(bits)


def _reversed(bits: int) -> int:
    return int(f"{bits:0{BITS}b}"[::-1], 2)
