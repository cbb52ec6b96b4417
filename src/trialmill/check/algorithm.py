"""The algorithm and early stopping: their names, their settings, and the algorithm against the space (Katib: rules 11
and 12, and the algorithms' own checks).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trialmill.api.experiment import Algorithm, Experiment, Setting
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.space import Space
from trialmill.api.tree import Path
from trialmill.check.places import SPEC, entries
from trialmill.search import catalogue
from trialmill.search.settings import SettingProblem

_AT_NAME: Final = frozenset({"unknown-setting", "duplicate-setting"})
"""Problems with a setting as such; all others are about its value."""


def check_algorithm(experiment: Experiment, space: Space | None, problems: Problems) -> None:
    """`space` is None where it could not be read; then only the algorithm itself is looked at."""
    algorithm = experiment.spec.algorithm
    is_known = _check_name(algorithm, (*SPEC, "algorithm"), "algorithm", catalogue.ALGORITHMS, problems)
    if not is_known:
        return
    _check_settings(experiment, algorithm, (*SPEC, "algorithm"), catalogue.check_settings, problems)
    if space is not None:
        _check_space(experiment, space, problems)


def check_early_stopping(experiment: Experiment, problems: Problems) -> None:
    rule = experiment.spec.early_stopping
    place = (*SPEC, "earlyStopping")
    if rule and _check_name(rule, place, "early stopping", catalogue.EARLY_STOPPING, problems):
        _check_settings(experiment, rule, place, catalogue.check_early_stopping, problems)


def _check_name(
    algorithm: Algorithm,
    place: Path,
    what: str,
    known: Mapping[str, catalogue.Algorithm] | Mapping[str, catalogue.EarlyStopping],
    problems: Problems,
) -> bool:
    """Whether it is known and available in this release."""
    name, at = algorithm.name, (*place, "algorithmName")
    if not name:
        return False
    if name not in known:
        meant = nearest(name, known)
        available = ", ".join(entry.name for entry in known.values() if entry.available)
        remedy = f"did you mean {meant!r}?" if meant else f"use {available}"
        problems.add("unknown-algorithm", f"there is no {what} {name!r}", at, found=name, remedy=remedy)
        return False
    if not known[name].available:
        available = ", ".join(entry.name for entry in known.values() if entry.available)
        message = f"the {what} {name} is not available in this release"
        problems.unavailable("not-available-yet", message, at, remedy=f"use one of {available}")
    return known[name].available


def _check_settings(
    experiment: Experiment,
    algorithm: Algorithm,
    place: Path,
    check: Callable[[str, Sequence[Setting]], list[SettingProblem]],
    problems: Problems,
) -> None:
    place = (*place, "algorithmSettings")
    places = entries(experiment.source, place, len(algorithm.settings))
    for problem in check(algorithm.name, algorithm.settings):
        at = place
        if problem.setting_index is not None:
            at = (*places[problem.setting_index], "name" if problem.code in _AT_NAME else "value")
        if not problems.has_error_at(at):
            problems.add(problem.code, problem.message, at, severity=problem.severity, remedy=problem.remedy)


def _check_space(experiment: Experiment, space: Space, problems: Problems) -> None:
    spec = experiment.spec
    for problem in catalogue.check_space(spec.algorithm.name, space, spec.algorithm.settings, spec.max_trials):
        place: Path = (*SPEC, "algorithm", "algorithmName")
        if problem.parameter is not None:
            place = _parameter_place(experiment, problem.parameter)
        problems.add(
            problem.code, problem.message, place, severity=problem.severity, remedy=problem.remedy, at_key=True
        )


def _parameter_place(experiment: Experiment, name: str) -> Path:
    parameters = experiment.spec.parameters
    places = entries(experiment.source, (*SPEC, "parameters"), len(parameters))
    place = next((place for parameter, place in zip(parameters, places, strict=True) if parameter.name == name), ())
    return (*place, "feasibleSpace")
