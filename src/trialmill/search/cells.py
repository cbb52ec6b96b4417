"""Finite spaces: their assignments numbered, and which of them were tried.

An assignment's number counts in mixed radix, the last parameter fastest, so a space of any size takes no memory.
Every trial counts as tried, whatever became of it: pending and failed ones too.
"""

import math
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache

from trialmill.api.history import TrialView
from trialmill.api.space import Assignments, Space, Value
from trialmill.search.sampling import Continuum, Countable, axes_of


@lru_cache(maxsize=64)
def countable_axes(space: Space) -> tuple[Countable, ...] | None:
    """The axes of a finite space; None where a parameter is a continuum."""
    axes = tuple(axis for axis in axes_of(space) if not isinstance(axis, Continuum))
    return axes if len(axes) == len(space.dimensions) else None


def grid_size(axes: Sequence[Countable]) -> int:
    """The number of different assignments."""
    return math.prod(axis.count for axis in axes)


def space_size(space: Space) -> int | None:
    """The number of different assignments; None where a parameter is a continuum."""
    axes = countable_axes(space)
    return None if axes is None else grid_size(axes)


def assignment_at(axes: Sequence[Countable], cell: int) -> dict[str, Value]:
    """The assignment with that number."""
    values: list[Value] = []
    for axis in reversed(axes):
        cell, index = divmod(cell, axis.count)
        values.append(axis.option(index))
    return {axis.name: value for axis, value in zip(axes, reversed(values), strict=True)}


def cell_number(axes: Sequence[Countable], indices: Iterable[int]) -> int:
    """The number of the assignment whose values have these indices."""
    cell = 0
    for axis, index in zip(axes, indices, strict=True):
        cell = cell * axis.count + index
    return cell


def cell_of(axes: Sequence[Countable], assignments: Assignments) -> int | None:
    """An assignment's number; None for one that lies outside (from before an edit, say)."""
    indices: list[int] = []
    for axis in axes:
        value = assignments.get(axis.name)
        index = None if value is None else axis.index_of(value)
        if index is None:
            return None
        indices.append(index)
    return cell_number(axes, indices)


def untried_from(cell: int, tried: Set[int], size: int) -> int:
    """The first untried number from `cell` on, around the end if need be. At least one must be left."""
    while cell in tried:
        cell = (cell + 1) % size
    return cell


class TriedCells:
    """The tried numbers of a history. Remembers those of the last history it saw, and reads only what is new."""

    def __init__(self) -> None:
        self._axes: tuple[Countable, ...] = ()
        self._seen: list[Assignments] = []
        self._tried: set[int] = set()

    def of(self, axes: tuple[Countable, ...], trials: Sequence[TrialView]) -> Set[int]:
        """The numbers of all assignments in `trials`; the set is valid until the next call."""
        if self._axes is not axes or not self._continues(trials):
            self._axes, self._seen, self._tried = axes, [], set()
        for trial in trials[len(self._seen) :]:
            self._seen.append(trial.assignments)
            cell = cell_of(axes, trial.assignments)
            if cell is not None:
                self._tried.add(cell)
        return self._tried

    def _continues(self, trials: Sequence[TrialView]) -> bool:
        """Whether the trials begin with those seen before."""
        return len(trials) >= len(self._seen) and all(
            trial.assignments is seen or trial.assignments == seen
            for trial, seen in zip(trials, self._seen, strict=False)
        )
