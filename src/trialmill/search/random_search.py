"""`random`: independent draws from each parameter's distribution."""

from typing import Final

from trialmill.api.history import Exhausted, History, Settings, Suggestions
from trialmill.api.space import Space, Value
from trialmill.search.asking import ask_one_by_one
from trialmill.search.cells import TriedCells, cells_of, is_repeated
from trialmill.search.sampling import axes_of
from trialmill.search.seeding import stream

DRAWS: Final = 100


class RandomSearch:
    """Draws suggestion n from (seed, n). Looks at no result, so failed and early-stopped trials change nothing.

    In a finite space an assignment that any trial has is drawn again. Where 100 draws find nothing new, nearly all
    is tried, and the next untried assignment after the last draw is taken; so the whole space is covered in the end.
    Every parameter is drawn, inactive ones too, and these are left out: the others do not depend on it.
    """

    def __init__(self) -> None:
        self._tried = TriedCells()

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        del settings
        return ask_one_by_one(lambda seen, number: self.suggest(space, seed, seen, number), history, first, count)

    def suggest(self, space: Space, seed: int, history: History, number: int) -> dict[str, Value] | None:
        """The assignment of suggestion `number`; None when the space is used up."""
        random = stream(seed, number)
        cells = cells_of(space)
        tried = frozenset[int]() if cells is None else self._tried.of(cells, history.trials)
        if cells is not None and len(tried) >= cells.size:
            return None
        assignment: dict[str, Value] = {}
        for _ in range(DRAWS):
            assignment = space.active({axis.name: axis.at(random.random()) for axis in axes_of(space)})
            if cells is None:
                if not is_repeated(assignment, space, history.trials):
                    return assignment
            elif cells.number_of(assignment) not in tried:
                return assignment
        return assignment if cells is None else cells.at(cells.untried_from(cells.number_of(assignment) or 0, tried))
