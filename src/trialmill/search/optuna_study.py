"""Optuna's tree-structured Parzen estimator over our histories. The one module that imports Optuna.

Optuna sees no parameter as the file has it, but coordinates that its distributions can model:

- words: categories; listed numbers: their ranks, so that neighbours are neighbours whatever their distances;
- ranges with equal weights: the index of the value, so that no rounding leads out of the range;
- logUniform integers in steps of 1: themselves, with Optuna's own logarithm;
- everything else (continua, normal distributions, logarithms with steps, ranges too long for exact floats): the
  share of the distribution that lies below the value, from 0 to 1. So the model follows the declared distribution
  where it knows nothing else.
"""

import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import NopPruner
from optuna.samplers import TPESampler
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from trialmill.api.history import TrialView
from trialmill.api.space import Condition, Space, Value
from trialmill.search.sampling import Axis, Lattice, Options, axes_of
from trialmill.search.spread import Spread

Coordinate: TypeAlias = int | float

_FEW: Final = 64
"""Up to this count Optuna models values as discrete. Its time for that grows with the count, and the gain is gone."""
_SEED_MASK: Final = 2**32 - 1
_ASKED: Final = -1
_NO_CONSTRAINTS: Final[dict[str, float]] = {}


@dataclass(frozen=True, slots=True)
class EstimatorOptions:
    """What stays the same for all suggestions of an experiment. `prior_weight` None is Optuna's own, 1."""

    multivariate: bool
    candidates: int
    prior_weight: float | None = None


@dataclass(frozen=True, slots=True)
class Modelled:
    """One parameter in Optuna's terms. `encode` gives None for a value that is not in the space."""

    name: str
    distribution: BaseDistribution
    encode: Callable[[Value], Coordinate | None]
    decode: Callable[[Coordinate], Value]
    first: Coordinate = 0


class Estimator:
    """The estimator of one space. Remembers each trial's translation; no suggestion depends on what it remembers."""

    def __init__(self, space: Space, options: EstimatorOptions) -> None:
        self.space = space
        self.options = options
        self._modelled = [modelled(axis) for axis in axes_of(space)]
        self._groups = self._grouped()
        self._translations: dict[int, tuple[TrialView, FrozenTrial | None]] = {}

    def sample(
        self, measured: Iterable[TrialView], bad: Iterable[TrialView], *, maximize: bool, good: int | None, seed: int
    ) -> dict[str, Value]:
        """An assignment, drawn with `seed`. Trials that do not fit the space are left out.

        The best `good` of the measured trials count as good; None for a tenth of them, at most 25.
        """
        trials = [*self._translated(measured, TrialState.COMPLETE), *self._translated(bad, TrialState.RUNNING)]
        sampler = _sampler(self.options, good, seed & _SEED_MASK)
        asked = _frozen(_ASKED, TrialState.RUNNING, None, {}, {})
        found: dict[str, Coordinate] = {}
        for group in self._groups:
            # Good and bad are told apart among the trials that have the group: a branch may be worse as a whole.
            study = _study([trial for trial in trials if group.keys() <= trial.params.keys()], maximize, sampler)
            if self.options.multivariate:
                found |= sampler.sample_relative(study, asked, group)
            else:
                found |= {
                    name: sampler.sample_independent(study, asked, name, distribution)
                    for name, distribution in group.items()
                }
        return self.space.active({m.name: m.decode(found.get(m.name, m.first)) for m in self._modelled})

    def _grouped(self) -> list[dict[str, BaseDistribution]]:
        """The parameters that are sampled together: those under the same conditions, since Optuna models parameters
        over the trials that have all of them. Each group is sampled, whether it turns out to be active or not.
        """
        groups: dict[frozenset[Condition], dict[str, BaseDistribution]] = {}
        for m in self._modelled:
            if not m.distribution.single():
                conditions = frozenset(replace(c, parameter="") for c in self.space.conditions if c.parameter == m.name)
                groups.setdefault(conditions, {})[m.name] = m.distribution
        return list(groups.values())

    def _translated(self, trials: Iterable[TrialView], state: TrialState) -> Iterator[FrozenTrial]:
        for trial in trials:
            seen, translation = self._translations.get(trial.index, (None, None))
            if seen is not trial and seen != trial:
                translation = self._translate(trial, state)
                self._translations[trial.index] = (trial, translation)
            if translation is not None:
                yield translation

    def _translate(self, trial: TrialView, state: TrialState) -> FrozenTrial | None:
        params: dict[str, Coordinate] = {}
        distributions: dict[str, BaseDistribution] = {}
        inactive = self.space.conditional - self.space.active(trial.assignments).keys()
        for m in self._modelled:
            if m.name in inactive:
                continue
            value = trial.assignments.get(m.name)
            coordinate = None if value is None else m.encode(value)
            if coordinate is None:
                return None
            params[m.name] = coordinate
            distributions[m.name] = m.distribution
        return _frozen(trial.index, state, trial.value if state is TrialState.COMPLETE else None, params, distributions)


def modelled(axis: Axis) -> Modelled:
    """How Optuna sees a parameter."""
    match axis:
        case Options(ranks=None):
            return Modelled(axis.name, CategoricalDistribution(range(axis.count)), axis.index_of, _option_of(axis))
        case Options():
            return _ranked(axis)
        case Lattice(spread=None) if axis.count <= _FEW:
            return Modelled(axis.name, IntDistribution(0, axis.count - 1), axis.index_of, _option_of(axis))
        case Lattice(whole=True, step=1, spread=Spread(logarithmic=True, normal=None)) if (
            axis.origin + axis.count <= _FEW
        ):
            return _logarithmic(axis)
        case _:
            return Modelled(axis.name, FloatDistribution(0.0, 1.0), axis.unit_of, axis.at)


def _option_of(axis: Options | Lattice) -> Callable[[Coordinate], Value]:
    return lambda index: axis.option(int(index))


def _ranked(axis: Options) -> Modelled:
    ranks = axis.ranks or ()
    indices = sorted(range(axis.count), key=lambda index: ranks[index])

    def encode(value: Value) -> Coordinate | None:
        index = axis.index_of(value)
        return None if index is None else ranks[index]

    def decode(rank: Coordinate) -> Value:
        return axis.option(indices[int(rank)])

    return Modelled(axis.name, IntDistribution(0, axis.count - 1), encode, decode)


def _logarithmic(axis: Lattice) -> Modelled:
    low = int(axis.origin)

    def encode(value: Value) -> Coordinate | None:
        index = axis.index_of(value)
        return None if index is None else low + index

    distribution = IntDistribution(low, low + axis.count - 1, log=True)
    return Modelled(axis.name, distribution, encode, int, first=low)


def _sampler(options: EstimatorOptions, good: int | None, seed: int) -> TPESampler:
    """A sampler for one suggestion. It never draws at random by itself: our own start-up phase came before."""
    with warnings.catch_warnings():
        # Katib's settings need two arguments that Optuna gives up in its version 6, which we do not allow yet.
        warnings.filterwarnings("ignore", r"`?(gamma|prior_weight)`?", FutureWarning)
        return TPESampler(
            n_startup_trials=0,
            n_ei_candidates=options.candidates,
            gamma=None if good is None else lambda count: min(good, count),
            prior_weight=options.prior_weight,
            seed=seed,
            multivariate=options.multivariate,
            group=False,
            constant_liar=True,
        )


def _study(trials: list[FrozenTrial], maximize: bool, sampler: TPESampler) -> Study:
    direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
    return Study(_Trials.NAME, _Trials(trials, direction), sampler, NopPruner())


class _Trials(InMemoryStorage):
    """A storage of one study that was there all along: hands out our trials as they are.

    Making a study the usual way copies each trial, writes a log line and costs more than the suggestion.
    """

    NAME: Final = "history"

    def __init__(self, trials: list[FrozenTrial], direction: StudyDirection) -> None:
        super().__init__()
        self._frozen = trials
        self._direction = direction

    def get_study_id_from_name(self, study_name: str) -> int:  # noqa: ARG002
        return 0

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:  # noqa: ARG002
        return [self._direction]

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002
        deepcopy: bool = True,  # noqa: ARG002
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return [trial for trial in self._frozen if states is None or trial.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: object) -> None:
        """The sampler tells other processes what it found; there are none."""


class _Feasible(FrozenTrial):
    """A trial without constraints. Optuna looks for them in each trial, for each parameter anew."""

    @property
    def constraints(self) -> dict[str, float]:
        return _NO_CONSTRAINTS


def _frozen(
    number: int,
    state: TrialState,
    value: float | None,
    params: Mapping[str, Coordinate],
    distributions: Mapping[str, BaseDistribution],
) -> FrozenTrial:
    return _Feasible(
        number=number,
        state=state,
        value=value,
        datetime_start=None,
        datetime_complete=None,
        params=dict(params),
        distributions=dict(distributions),
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )
