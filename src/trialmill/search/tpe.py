"""`tpe` and `multivariate-tpe`: the tree-structured Parzen estimator (Bergstra et al., 2011; Watanabe, 2023).

The estimator is Optuna's, in memory. It takes half a second to import, so it is imported when the first suggestion
needs a model; until enough trials have ended, suggestions are drawn at random.
"""

import math
from collections.abc import Iterable
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from trialmill.api.history import Exhausted, History, Settings, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Space, Value
from trialmill.search.asking import ask_one_by_one
from trialmill.search.cells import TriedCells, cells_of, is_repeated
from trialmill.search.random_search import RandomSearch
from trialmill.search.seeding import derive
from trialmill.search.settings import read_number, read_whole

if TYPE_CHECKING:
    from trialmill.search.optuna_study import Estimator

STARTUP_TRIALS: Final = 10
CANDIDATES: Final = 24
WINDOW: Final = 250
"""How many finished trials the model sees at most. Its time grows with them, and beyond a few hundred its answers do
not improve: at most 25 trials count as good, and of the others the newest weigh most.
"""
BEST: Final = 100
"""How many of the window's trials are the best of all; the others are the newest."""
DRAWS: Final = 4

_HYPEROPT_LIMIT: Final = 25


class TpeSearch:
    """Models where good trials lie and where the others do, and suggests what most likely belongs to the good ones.

    Succeeded and early-stopped trials count with their values. Trials that run, that failed, or that have no finite
    value count among the bad ones: running ones so that parallel suggestions differ (constant liar), the others so
    that the search leaves where nothing works. Killed trials say nothing. The first suggestions, until 10 trials (or
    `n_startup_trials`) have values, are those of `random`.

    A conditional parameter is modelled over the trials that have a value of it.

    In a finite space a tried assignment is drawn again; after four draws the suggestion is one of `random`.
    """

    def __init__(self, *, multivariate: bool) -> None:
        self._multivariate = multivariate
        self._random = RandomSearch()
        self._tried = TriedCells()
        self._estimator: Estimator | None = None

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        def suggest(seen: History, number: int) -> dict[str, Value] | None:
            return self._suggest(space, settings, seed, seen, number)

        return ask_one_by_one(suggest, history, first, count)

    def _suggest(
        self, space: Space, settings: Settings, seed: int, history: History, number: int
    ) -> dict[str, Value] | None:
        measured, bad = measured_and_bad(history.trials)
        cells = cells_of(space)
        tried = self._tried.of(cells, history.trials) if cells is not None else frozenset()
        is_used_up = cells is not None and len(tried) >= cells.size
        if is_used_up or len(measured) < self._startup_trials(settings):
            return self._random.suggest(space, seed, history, number)
        estimator = self._prepared(space, settings)
        gamma = None if self._multivariate else read_number(settings, "gamma")
        good = None if gamma is None else hyperopt_split(gamma, len(measured))
        seen = window(measured, history.sign)
        for draw in range(DRAWS):
            assignment = estimator.sample(
                seen, bad[-WINDOW:], maximize=history.maximize, good=good, seed=derive(seed, number, draw)
            )
            if cells is None:
                if not is_repeated(assignment, space, history.trials):
                    return assignment
            elif cells.number_of(assignment) not in tried:
                return assignment
        return self._random.suggest(space, seed, history, number)

    def _startup_trials(self, settings: Settings) -> int:
        return (
            max(read_whole(settings, "n_startup_trials", STARTUP_TRIALS), 1) if self._multivariate else STARTUP_TRIALS
        )

    def _prepared(self, space: Space, settings: Settings) -> "Estimator":
        from trialmill.search.optuna_study import Estimator, EstimatorOptions

        options = EstimatorOptions(
            multivariate=self._multivariate,
            candidates=read_whole(settings, "n_ei_candidates" if self._multivariate else "n_EI_candidates", CANDIDATES),
            prior_weight=None if self._multivariate else read_number(settings, "prior_weight"),
        )
        known = self._estimator
        if known is None or known.options != options or known.space != space:
            self._estimator = known = Estimator(space, options)
        return known


def measured_and_bad(trials: Iterable[TrialView]) -> tuple[list[TrialView], list[TrialView]]:
    """The trials that ended with a finite value, and those that have none and still tell where not to look."""
    measured: list[TrialView] = []
    bad: list[TrialView] = []
    for trial in trials:
        if trial.status is TrialStatus.SUCCEEDED or trial.status is TrialStatus.EARLY_STOPPED:
            has_value = trial.value is not None and math.isfinite(trial.value)
            (measured if has_value else bad).append(trial)
        elif trial.status is not TrialStatus.KILLED:
            bad.append(trial)
    return measured, bad


def window(measured: list[TrialView], sign: float) -> list[TrialView]:
    """The trials that the model sees, in their order: all, or of many the `BEST` best and the newest."""
    if len(measured) <= WINDOW:
        return measured
    best = nsmallest(BEST, measured, key=lambda trial: sign * (trial.value or 0.0))
    chosen = {trial.index for trial in best}
    for trial in reversed(measured):
        if len(chosen) == WINDOW:
            break
        chosen.add(trial.index)
    return [trial for trial in measured if trial.index in chosen]


def hyperopt_split(gamma: float, count: int) -> int:
    """How many of `count` trials count as good: hyperopt's meaning of `gamma`, which Katib's setting has."""
    return min(math.ceil(gamma * math.sqrt(count)), _HYPEROPT_LIMIT)
