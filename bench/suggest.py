"""How long the next suggestion takes after 1,000 and 10,000 trials of 10 mixed parameters, beside plain Optuna.

    python bench/suggest.py [--repeats N]

Prints p50 and p95 in milliseconds. Each repeat adds one finished trial first, as a running experiment does; the first
suggestion, which translates the whole history, is shown apart.
"""

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from trialmill.api.history import History, NewTrial, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Assignments, Categorical, Discrete, Distribution, Double, Integer, Space, Value
from trialmill.search.catalogue import ALGORITHMS
from trialmill.search.random_search import RandomSearch

SEED = 1
PAST_TRIALS = (1_000, 10_000)
ALGORITHM_NAMES = ("random", "sobol", "tpe", "multivariate-tpe")

SPACE = Space(
    (
        Double("rate", 1e-5, 1e-1, distribution=Distribution.LOG_UNIFORM),
        Double("dropout", 0.0, 0.9),
        Double("momentum", 0.5, 0.99, distribution=Distribution.NORMAL),
        Double("decay", 0.05, 0.95, step=0.05),
        Integer("layers", 1, 12),
        Integer("units", 8, 1024, distribution=Distribution.LOG_UNIFORM),
        Integer("warmup", 0, 1000, step=50),
        Discrete("batch", ("16", "32", "64", "128"), (16.0, 32.0, 64.0, 128.0)),
        Categorical("optimizer", ("sgd", "adam", "lamb")),
        Categorical("schedule", ("constant", "cosine", "linear", "step")),
    )
)
FINITE_SPACE = Space(
    tuple(Integer(d.name, 0, 9) if isinstance(d, Double) and d.step is None else d for d in SPACE.dimensions)
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    repeats: int = parser.parse_args().repeats
    print(f"{'algorithm':<28}{'past':>8}{'first':>10}{'p50':>10}{'p95':>10}   ms")
    for past in PAST_TRIALS:
        for name in ALGORITHM_NAMES:
            report(name, past, measure(name, SPACE, past, repeats))
        for name in ("random", "grid"):
            report(f"{name}, finite space", past, measure(name, FINITE_SPACE, past, repeats))
        for multivariate in (False, True):
            label = f"Optuna {'multivariate ' if multivariate else ''}TPE"
            report(label, past, measure_optuna(past, repeats, multivariate=multivariate))


def report(label: str, past: int, seconds: list[float]) -> None:
    first, *others = (1000 * s for s in seconds)
    p95 = statistics.quantiles(others, n=20)[-1]
    print(f"{label:<28}{past:>8}{first:>10.1f}{statistics.median(others):>10.1f}{p95:>10.1f}", flush=True)


def loss(assignments: Assignments) -> float:
    """Smooth in the numbers, with a best choice for each word."""
    total = 0.0
    for value in assignments.values():
        number = float(len(value)) if isinstance(value, str) else float(value)
        total += math.log1p(abs(number - 0.3))
    return total


def past_trials(space: Space, count: int) -> list[TrialView]:
    draws = RandomSearch()
    # Drawn without a history: that some repeat is no matter here.
    return [finished(index, drawn(draws.suggest(space, SEED, History(), index))) for index in range(count)]


def drawn(assignment: dict[str, Value] | None) -> dict[str, Value]:
    assert assignment is not None
    return assignment


def finished(index: int, assignments: Assignments) -> TrialView:
    return TrialView(index, assignments, TrialStatus.SUCCEEDED, loss(assignments), completion=index)


def measure(name: str, space: Space, past: int, repeats: int) -> list[float]:
    searcher = ALGORITHMS[name].load()
    trials = past_trials(space, past)
    seconds = []
    for _ in range(repeats + 1):
        history = History(tuple(trials))
        started = time.perf_counter()
        answer = searcher.ask(space, {}, SEED, history, len(trials), 1)
        seconds.append(time.perf_counter() - started)
        assert isinstance(answer, Suggestions)
        (item,) = answer.items
        assert isinstance(item, NewTrial)
        trials.append(finished(len(trials), item.assignments))
    return seconds


def optuna_distributions() -> dict[str, BaseDistribution]:
    return {
        "rate": FloatDistribution(1e-5, 1e-1, log=True),
        "dropout": FloatDistribution(0.0, 0.9),
        "momentum": FloatDistribution(0.5, 0.99),
        "decay": FloatDistribution(0.0, 0.75, step=0.125),
        "layers": IntDistribution(1, 12),
        "units": IntDistribution(8, 1024, log=True),
        "warmup": IntDistribution(0, 1000, step=50),
        "batch": CategoricalDistribution((16, 32, 64, 128)),
        "optimizer": CategoricalDistribution(("sgd", "adam", "lamb")),
        "schedule": CategoricalDistribution(("constant", "cosine", "linear", "step")),
    }


def measure_optuna(past: int, repeats: int, *, multivariate: bool) -> list[float]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = optuna_distributions()
    generator = random.Random(SEED)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED, multivariate=multivariate))
    draw: dict[str, Callable[[], object]] = {
        name: _drawer(distribution, generator) for name, distribution in distributions.items()
    }
    for _ in range(past):
        params = {name: one() for name, one in draw.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=generator.random()))
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        trial = study.ask(distributions)
        seconds.append(time.perf_counter() - started)
        study.tell(trial, generator.random())
    return seconds


def _drawer(distribution: BaseDistribution, generator: random.Random) -> Callable[[], object]:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return lambda: generator.choice(choices)
        case IntDistribution(low=low, high=high, step=step):
            return lambda: int(low) + int(step or 1) * generator.randrange(int((high - low) // (step or 1)) + 1)
        case FloatDistribution(low=low, high=high, step=step) if step is not None:
            return lambda: low + step * generator.randrange(round((high - low) / step) + 1)
        case FloatDistribution(low=low, high=high):
            return lambda: generator.uniform(low, high)
    raise TypeError(distribution)


if __name__ == "__main__":
    main()
