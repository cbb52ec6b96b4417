"""`grid`: every combination of values, each once."""

from typing import Final

from trialmill.api.history import Exhausted, History, Settings, Suggestions
from trialmill.api.space import Space, Value
from trialmill.search.asking import ask_one_by_one
from trialmill.search.cells import TriedCells, cells_of
from trialmill.search.seeding import derive

_ROUNDS: Final = 4


class GridSearch:
    """Suggestion n is the n-th combination, the last parameter changing fastest.

    When the setting `random_state` is there, the combinations come in an order shuffled by the seed, so that an
    experiment that ends early has seen all parts of the space. Combinations that a trial has already are passed over;
    those left behind at the end come last. Looks at no result. No list is kept, so the size of the grid is no matter.

    Katib always shuffles; the order of the file is the one that readers of a grid expect.
    """

    def __init__(self) -> None:
        self._tried = TriedCells()

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        shuffled = "random_state" in settings

        def suggest(seen: History, number: int) -> dict[str, Value] | None:
            return self._suggest(space, seed if shuffled else None, seen, number)

        return ask_one_by_one(suggest, history, first, count)

    def _suggest(self, space: Space, seed: int | None, history: History, number: int) -> dict[str, Value] | None:
        cells = cells_of(space)
        if cells is None:
            raise ValueError("grid search needs a step for every double")
        size = cells.size
        tried = self._tried.of(cells, history.trials)
        if len(tried) >= size:
            return None
        place = number % size
        while (cell := place if seed is None else shuffle(place, size, seed)) in tried:
            place = (place + 1) % size
        return cells.at(cell)


def shuffle(place: int, size: int, seed: int) -> int:
    """Where `place` goes in a random permutation of 0 .. size - 1.

    A Feistel network permutes the next power of four; walking its cycle until a number falls below `size` keeps it
    a permutation (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).
    """
    half = max(((size - 1).bit_length() + 1) // 2, 1)
    mask = (1 << half) - 1
    while True:
        left, right = place >> half, place & mask
        for round_number in range(_ROUNDS):
            left, right = right, left ^ (derive(seed, round_number, right) & mask)
        place = left << half | right
        if place < size:
            return place
