"""`random`: independent draws from each parameter's distribution."""

from typing import Final

from trialmill.api.history import Exhausted, History, Settings, Suggestions
from trialmill.api.space import Space, Value
from trialmill.search.asking import ask_one_by_one
from trialmill.search.cells import TriedCells, assignment_at, cell_number, countable_axes, grid_size, untried_from
from trialmill.search.sampling import axes_of
from trialmill.search.seeding import stream

DRAWS: Final = 100


class RandomSearch:
    """Draws suggestion n from (seed, n). Looks at no result, so failed and early-stopped trials change nothing.

    In a finite space an assignment that any trial has is drawn again. Where 100 draws find nothing new, nearly all
    is tried, and the next untried assignment after the last draw is taken; so the whole space is covered in the end.
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
        axes = countable_axes(space)
        if axes is None:
            return {axis.name: axis.at(random.random()) for axis in axes_of(space)}
        tried = self._tried.of(axes, history.trials)
        size = grid_size(axes)
        if len(tried) >= size:
            return None
        cell = 0
        for _ in range(DRAWS):
            indices = [axis.index_at(random.random()) for axis in axes]
            cell = cell_number(axes, indices)
            if cell not in tried:
                break
        return assignment_at(axes, untried_from(cell, tried, size))
