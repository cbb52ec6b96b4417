"""The objective: its goal, its metrics and their strategies (Katib: rule 10)."""

import math

from trialmill.api.experiment import Experiment, Objective
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.tree import Path, get_list, get_string

_OBJECTIVE: Path = ("spec", "objective")


def check_objective(experiment: Experiment, problems: Problems) -> None:
    """Type and name of the metric are the reader's; here is what they, the goal and the other metrics make together."""
    objective = experiment.spec.objective
    _check_goal(objective, problems)
    _check_additional(objective, problems)
    _check_strategies(experiment, problems)


def _check_goal(objective: Objective, problems: Problems) -> None:
    if objective.goal is not None and not math.isfinite(objective.goal):
        message = f"a goal of {objective.goal} is never reached, or at once"
        problems.add("invalid-goal", message, (*_OBJECTIVE, "goal"), expected="a number", remedy="leave the goal out")


def _check_additional(objective: Objective, problems: Problems) -> None:
    seen: set[str] = set()
    for position, name in enumerate(objective.additional_metrics):
        place = (*_OBJECTIVE, "additionalMetricNames", position)
        if problems.has_error_at(place):
            continue
        if not name:
            problems.warn("empty-name", "a metric without a name is never found", place, remedy="remove it")
        elif name == objective.metric:
            message = f"{name} is the objective's metric already"
            problems.add("objective-among-additional", message, place, found=name, remedy="remove it here")
        elif name in seen:
            problems.warn(
                "duplicate-metric", f"the metric {name} is named twice", place, remedy="remove one of the two"
            )
        seen.add(name)


def _check_strategies(experiment: Experiment, problems: Problems) -> None:
    """A strategy for a metric that nobody collects has no effect, as in Katib."""
    objective = experiment.spec.objective
    known = [name for name in objective.metric_names if name]
    seen: set[str] = set()
    for position, entry in enumerate(get_list(experiment.source, *_OBJECTIVE, "metricStrategies")):
        name, place = get_string(entry, "name"), (*_OBJECTIVE, "metricStrategies", position)
        if not name or not objective.metric:
            continue
        if name not in known:
            meant = nearest(name, known)
            remedy = f"did you mean {meant!r}?" if meant else "add it to additionalMetricNames, or remove its strategy"
            message = f"the experiment has no metric {name}, so this strategy has no effect"
            problems.warn("unknown-metric", message, (*place, "name"), remedy=remedy)
        elif name in seen:
            message = f"{name} has two strategies, and the last one counts"
            problems.warn("duplicate-strategy", message, (*place, "name"), remedy="remove one of the two")
        seen.add(name)
