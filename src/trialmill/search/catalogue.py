"""All algorithms and early-stopping rules by name: what they are, their settings, and whether they are available.

Importing this is light. `load` imports the algorithm itself, and an algorithm imports its libraries when its first
suggestion needs them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from trialmill.api.experiment import Setting
from trialmill.api.history import AttemptView, Decision, Exhausted, History, Settings, Suggestions
from trialmill.api.problem import Severity
from trialmill.api.space import Double, Space
from trialmill.search.settings import (
    SettingProblem,
    SettingRule,
    check_against,
    number_between,
    positive_number,
    whole_number,
)


class Searcher(Protocol):
    """The engine's port of the same name, which this part may not import."""

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted: ...


class Stopper(Protocol):
    """The engine's port of the same name, which this part may not import."""

    def decide(self, settings: Settings, history: History, attempt: AttemptView) -> Decision: ...


class NotAvailableError(Exception):
    """This algorithm or early-stopping rule is known, but not available in this release."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm. `load` makes a new searcher; it raises NotAvailableError unless `available`."""

    name: str
    summary: str
    available: bool
    settings: tuple[SettingRule, ...]
    load: Callable[[], Searcher]


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """An early-stopping rule. `load` makes a new stopper; it raises NotAvailableError unless `available`."""

    name: str
    summary: str
    available: bool
    settings: tuple[SettingRule, ...]
    load: Callable[[], Stopper]


@dataclass(frozen=True, slots=True)
class SpaceProblem:
    """What is wrong with a space under an algorithm. `parameter` is None for the space as a whole."""

    parameter: str | None
    code: str
    severity: Severity
    message: str
    remedy: str = ""


def check_settings(name: str, settings: Sequence[Setting]) -> list[SettingProblem]:
    """What is wrong with an algorithm's settings (Katib's rules). Nothing is known of unavailable algorithms'."""
    entry = ALGORITHMS.get(name)
    return check_against(name, entry.settings, settings) if entry and entry.available else []


def check_early_stopping(name: str, settings: Sequence[Setting]) -> list[SettingProblem]:
    """What is wrong with the settings of early stopping."""
    entry = EARLY_STOPPING.get(name)
    return check_against(name, entry.settings, settings) if entry and entry.available else []


def check_space(
    name: str, space: Space, settings: Sequence[Setting], max_trials: int | None = None
) -> list[SpaceProblem]:
    """Whether an algorithm can search a space, and whether the space holds as many assignments as trials are wanted.

    The space must have passed the checks of its own bounds and lists.
    """
    del settings  # none of the available algorithms has one that narrows the spaces it can search
    entry = ALGORITHMS.get(name)
    if entry is None or not entry.available or not space.dimensions:
        return []
    problems = (_needs_steps(space) or _needs_counting(space)) if name == "grid" else []
    if name == "sobol":
        problems += _too_many_for_sobol(space)
    return problems or _fewer_than_wanted(space, max_trials)


def _needs_steps(space: Space) -> list[SpaceProblem]:
    """Katib: grid search needs a step for every double."""
    return [
        SpaceProblem(
            dimension.name,
            "grid-needs-step",
            Severity.ERROR,
            f"grid search cannot list the values of {dimension.name}, a double without a step",
            "set feasibleSpace.step",
        )
        for dimension in space.dimensions
        if isinstance(dimension, Double) and dimension.step is None and dimension.low < dimension.high
    ]


def _needs_counting(space: Space) -> list[SpaceProblem]:
    """Grid search goes through the numbers of all assignments."""
    from trialmill.search.cells import space_size

    if not space.conditions or space_size(space) is not None:
        return []
    message = "the conditions are so entangled that grid search cannot count the assignments"
    return [SpaceProblem(None, "conditions-too-entangled", Severity.ERROR, message, "use the algorithm random")]


def _too_many_for_sobol(space: Space) -> list[SpaceProblem]:
    from trialmill.search.sobol_directions import DIMENSIONS

    if len(space.dimensions) <= DIMENSIONS:
        return []
    return [
        SpaceProblem(
            None,
            "too-many-parameters",
            Severity.ERROR,
            f"sobol can search {DIMENSIONS} parameters at most, and there are {len(space.dimensions)}",
            "use the algorithm random",
        )
    ]


def _fewer_than_wanted(space: Space, max_trials: int | None) -> list[SpaceProblem]:
    """Katib refuses a grid with fewer cells than maxTrialCount; here the experiment ends when all are tried."""
    from trialmill.search.cells import space_size

    size = space_size(space)
    if size is None or max_trials is None or size >= max_trials:
        return []
    return [
        SpaceProblem(
            None,
            "fewer-assignments-than-trials",
            Severity.NOTE,
            f"the space has {size} different assignments, fewer than maxTrialCount {max_trials}; "
            "the experiment ends when all of them are tried",
        )
    ]


def _load_random() -> Searcher:
    from trialmill.search.random_search import RandomSearch

    return RandomSearch()


def _load_grid() -> Searcher:
    from trialmill.search.grid import GridSearch

    return GridSearch()


def _load_sobol() -> Searcher:
    from trialmill.search.sobol import SobolSearch

    return SobolSearch()


def _load_tpe() -> Searcher:
    from trialmill.search.tpe import TpeSearch

    return TpeSearch(multivariate=False)


def _load_multivariate_tpe() -> Searcher:
    from trialmill.search.tpe import TpeSearch

    return TpeSearch(multivariate=True)


def _load_medianstop() -> Stopper:
    from trialmill.search.medianstop import MedianStop

    return MedianStop()


def _later(name: str, summary: str) -> Algorithm:
    def refuse() -> Searcher:
        raise NotAvailableError(f"the algorithm {name} is not available in this release")

    return Algorithm(name, summary, available=False, settings=(), load=refuse)


def _later_stopping(name: str, summary: str) -> EarlyStopping:
    def refuse() -> Stopper:
        raise NotAvailableError(f"the early stopping {name} is not available in this release")

    return EarlyStopping(name, summary, available=False, settings=(), load=refuse)


_RANDOM_STATE: Final = whole_number("random_state", 0, summary="the seed, where spec.seed gives none")

_ALGORITHMS: Final = (
    Algorithm(
        "random",
        "independent draws from each parameter's distribution",
        available=True,
        settings=(_RANDOM_STATE,),
        load=_load_random,
    ),
    Algorithm(
        "grid",
        "every combination once, in the order of the file, or shuffled when random_state is set",
        available=True,
        settings=(whole_number("random_state", 0, summary="shuffles the grid"),),
        load=_load_grid,
    ),
    Algorithm(
        "sobol",
        "a scrambled Sobol sequence: random-looking points that cover the space evenly",
        available=True,
        settings=(_RANDOM_STATE,),
        load=_load_sobol,
    ),
    Algorithm(
        "tpe",
        "tree-structured Parzen estimator, each parameter by itself",
        available=True,
        settings=(
            number_between("gamma", 0, 1, summary="how many trials count as good: gamma * sqrt(trials), at most 25"),
            positive_number("prior_weight", "1", "weight of the prior beside the observed trials"),
            whole_number("n_EI_candidates", 1, "24", "candidates of which the most promising is suggested"),
            _RANDOM_STATE,
        ),
        load=_load_tpe,
    ),
    Algorithm(
        "multivariate-tpe",
        "tree-structured Parzen estimator, all parameters together",
        available=True,
        settings=(
            whole_number("n_startup_trials", 0, "10", "finished trials before the model is used"),
            whole_number("n_ei_candidates", 1, "24", "candidates of which the most promising is suggested"),
            _RANDOM_STATE,
        ),
        load=_load_multivariate_tpe,
    ),
    _later("auto", "picks an algorithm by space, budget and history"),
    _later("gp", "Bayesian optimization with a Gaussian process"),
    _later("bayesianoptimization", "Bayesian optimization, with Katib's settings"),
    _later("cmaes", "covariance matrix adaptation"),
    _later("nsga2", "a genetic algorithm for several objectives"),
    _later("hyperband", "many cheap trials, the best of them with larger budgets"),
    _later("asha", "successive halving without waiting"),
    _later("bohb", "hyperband led by a model"),
    _later("pbt", "population based training"),
    _later("enas", "architecture search with a learned controller"),
    _later("darts", "differentiable architecture search"),
)

_EARLY_STOPPING: Final = (
    EarlyStopping(
        "medianstop",
        "stops a trial whose best value is worse than the median of the finished trials' first values",
        available=True,
        settings=(
            whole_number("min_trials_required", 1, "3", "succeeded trials before anything is stopped"),
            whole_number("start_step", 1, "4", "values that a trial reports before it can be stopped"),
        ),
        load=_load_medianstop,
    ),
    _later_stopping("asha", "stops all but the best share of the trials at growing steps"),
    _later_stopping("plateau", "stops a trial that no longer improves"),
)

ALGORITHMS: Final[Mapping[str, Algorithm]] = {entry.name: entry for entry in _ALGORITHMS}
EARLY_STOPPING: Final[Mapping[str, EarlyStopping]] = {entry.name: entry for entry in _EARLY_STOPPING}
