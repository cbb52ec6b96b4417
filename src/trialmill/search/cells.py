"""Finite spaces: their assignments numbered, and which of them were tried.

Numbers count in mixed radix, the last parameter fastest, so a space of any size takes no memory. A conditional
parameter comes right behind those that it depends on; where it is inactive it takes no digit, so each assignment has
one number. Every trial counts as tried, whatever became of it: pending and failed ones too.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from trialmill.api.history import TrialView
from trialmill.api.space import Assignments, Condition, Space, Value
from trialmill.search.sampling import Continuum, Countable, axes_of

_MOST_STATES: Final = 20_000
"""Beyond these, conditions are so entangled that the assignments are not counted: the space counts as endless."""

_Inactive: TypeAlias = frozenset[str]
"""Of the parameters that are still to come, those that are inactive already."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring values of one axis that make the same later parameters inactive."""

    start: int
    length: int
    ends: _Inactive


class Cells:
    """The different assignments of a finite space. Made by `cells_of`."""

    def __init__(self, names: Sequence[str], axes: Sequence[Countable], conditions: Sequence[Condition]) -> None:
        self._names = names
        self._axes = axes
        self._dependent = {axis.name: frozenset(c.parameter for c in conditions if c.on == axis.name) for axis in axes}
        self._runs = [_runs(axis, [c for c in conditions if c.on == axis.name]) for axis in axes]
        self._completions = self._count()

    @property
    def is_countable(self) -> bool:
        return bool(self._completions)

    @property
    def size(self) -> int:
        """How many there are."""
        return self._completions[0][frozenset()]

    def at(self, number: int) -> dict[str, Value]:
        """The assignment with that number, from 0 to size - 1; parameters in the order of the file."""
        found: dict[str, Value] = {}
        inactive: _Inactive = frozenset()
        for position, axis in enumerate(self._axes):
            for run, after in self._steps(position, inactive):
                each = self._completions[position + 1][after]
                if number < run.length * each:
                    break
                number -= run.length * each
            offset, number = divmod(number, each)
            if axis.name not in inactive:
                found[axis.name] = axis.option(run.start + offset)
            inactive = after
        return {name: found[name] for name in self._names if name in found}

    def number_of(self, assignments: Assignments) -> int | None:
        """An assignment's number; None for one that lies outside (from before an edit, say). Values of inactive
        parameters are not looked at.
        """
        number = 0
        inactive: _Inactive = frozenset()
        for position, axis in enumerate(self._axes):
            value = assignments.get(axis.name)
            is_inactive = axis.name in inactive
            index = 0 if is_inactive else None if value is None else axis.index_of(value)
            if index is None:
                return None
            for run, after in self._steps(position, inactive):
                each = self._completions[position + 1][after]
                if index < run.start + run.length:
                    break
                number += run.length * each
            number += (index - run.start) * each
            inactive = after
        return number

    def untried_from(self, number: int, tried: Set[int]) -> int:
        """The first untried number from `number` on, around the end if need be. At least one must be left."""
        while number in tried:
            number = (number + 1) % self.size
        return number

    def _steps(self, position: int, inactive: _Inactive) -> Iterator[tuple[_Run, _Inactive]]:
        """The runs of an axis, each with what is inactive behind it; of an inactive axis one run of one value."""
        name = self._axes[position].name
        if name in inactive:
            ends = self._dependent[name]
            yield _Run(0, 1, ends), (inactive | ends) - {name}
            return
        for run in self._runs[position]:
            yield run, inactive | run.ends

    def _count(self) -> list[dict[_Inactive, int]]:
        """How many ways there are to complete an assignment, by position and by what is inactive there."""
        levels: list[dict[_Inactive, int]] = [{frozenset(): 1}]
        states = 0
        for position in range(len(self._axes)):
            after = dict.fromkeys((a for i in levels[position] for _, a in self._steps(position, i)), 1)
            states += len(after)
            if states > _MOST_STATES + len(self._axes):
                return []
            levels.append(after)
        for position in reversed(range(len(self._axes))):
            below = levels[position + 1]
            for inactive in levels[position]:
                steps = self._steps(position, inactive)
                levels[position][inactive] = sum(run.length * below[after] for run, after in steps)
        return levels


@lru_cache(maxsize=64)
def cells_of(space: Space) -> Cells | None:
    """The assignments of a finite space; None where a parameter is a continuum, or conditions are too entangled."""
    axes = [axis for axis in axes_of(space) if not isinstance(axis, Continuum)]
    if len(axes) < len(space.dimensions):
        return None
    cells = Cells(space.names, in_order_of_dependence(axes, space.conditions), space.conditions)
    return cells if cells.is_countable else None


def space_size(space: Space) -> int | None:
    """The number of different assignments; None where a parameter is a continuum."""
    cells = cells_of(space)
    return None if cells is None else cells.size


def in_order_of_dependence(axes: Sequence[Countable], conditions: Sequence[Condition]) -> list[Countable]:
    """In the order of the file, with each conditional parameter right behind the last one that it depends on."""
    if not conditions:
        return list(axes)
    needs: dict[str, set[str]] = {axis.name: set() for axis in axes}
    for condition in conditions:
        needs[condition.parameter].add(condition.on)
    by_name = {axis.name: axis for axis in axes}
    ordered: dict[str, Countable] = {}
    waiting = list(reversed(needs))
    while waiting:
        name = waiting.pop()
        if name in ordered or not needs[name] <= ordered.keys():
            continue  # comes up again behind the last one that it waits for
        ordered[name] = by_name[name]
        waiting += [other for other in reversed(needs) if name in needs[other]]
    return list(ordered.values())


def _runs(axis: Countable, conditions: Sequence[Condition]) -> list[_Run]:
    """The axis cut where the set of conditions that hold changes; only values that a condition names are looked at."""
    allowed = {c: {index for v in c.values if (index := axis.index_of(v)) is not None} for c in conditions}
    named = sorted({index for indices in allowed.values() for index in indices})
    starts = sorted(start for start in {0, *named, *(index + 1 for index in named)} if start < axis.count)
    lengths = [end - start for start, end in zip(starts, [*starts[1:], axis.count], strict=True)]
    return [
        _Run(start, length, frozenset(c.parameter for c, indices in allowed.items() if start not in indices))
        for start, length in zip(starts, lengths, strict=True)
    ]


class TriedCells:
    """The tried numbers of a history. Remembers those of the last history it saw, and reads only what is new."""

    def __init__(self) -> None:
        self._cells: Cells | None = None
        self._seen: list[Assignments] = []
        self._tried: set[int] = set()

    def of(self, cells: Cells, trials: Sequence[TrialView]) -> Set[int]:
        """The numbers of all assignments in `trials`; the set is valid until the next call."""
        if self._cells is not cells or not self._continues(trials):
            self._cells, self._seen, self._tried = cells, [], set()
        for trial in trials[len(self._seen) :]:
            self._seen.append(trial.assignments)
            number = cells.number_of(trial.assignments)
            if number is not None:
                self._tried.add(number)
        return self._tried

    def _continues(self, trials: Sequence[TrialView]) -> bool:
        """Whether the trials begin with those seen before."""
        return len(trials) >= len(self._seen) and all(
            trial.assignments is seen or trial.assignments == seen
            for trial, seen in zip(trials, self._seen, strict=False)
        )


def is_repeated(assignment: Assignments, space: Space, trials: Sequence[TrialView]) -> bool:
    """Whether a trial of an endless space has this very assignment: where conditions leave no continuum, it may."""
    return bool(space.conditions) and any(trial.assignments == assignment for trial in trials)
