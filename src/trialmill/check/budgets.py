"""How many trials, how many at once, how many may fail, and for how long (Katib: rules 2 to 6)."""

from datetime import timedelta

from trialmill.api.experiment import DEFAULT_PARALLEL_TRIALS, Experiment
from trialmill.api.problem import Problems
from trialmill.api.tree import Path
from trialmill.check.places import SPEC, TEMPLATE, is_written

_PARALLEL: Path = (*SPEC, "parallelTrialCount")
_MAX: Path = (*SPEC, "maxTrialCount")
_MAX_FAILED: Path = (*SPEC, "maxFailedTrialCount")


def check_budgets(experiment: Experiment, problems: Problems) -> None:
    """Each count by itself, then the counts against `maxTrialCount`; lengths of time must be some."""
    spec = experiment.spec
    _at_least(1, spec.parallel_trials, _PARALLEL, problems)
    _at_least(1, spec.max_trials, _MAX, problems)
    _at_least(0, spec.max_failed_trials, _MAX_FAILED, problems)
    _at_least(0, spec.template.retry.limit, (*TEMPLATE, "retry", "limit"), problems)
    _some_time(spec.timeout, (*SPEC, "timeout"), problems)
    _some_time(spec.template.active_deadline, (*TEMPLATE, "activeDeadlineSeconds"), problems)
    if spec.max_trials is None and spec.objective.goal is None and spec.timeout is None:
        _note_endless(problems)
    if spec.max_trials is None or problems.has_error_at(_MAX):
        return
    _check_parallel(spec.parallel_trials, spec.max_trials, problems)
    if spec.max_failed_trials is not None and spec.max_failed_trials > spec.max_trials:
        message = f"{spec.max_failed_trials} trials may fail, but there are only {spec.max_trials} in all"
        expected = f"maxTrialCount, {spec.max_trials}, at most"
        problems.add("failed-above-max", message, _MAX_FAILED, found=str(spec.max_failed_trials), expected=expected)


def _note_endless(problems: Problems) -> None:
    """A space that is used up would still be an end, but most are not."""
    is_wrong = any(problems.has_error_at(place) for place in (SPEC, _MAX, (*SPEC, "timeout"), (*SPEC, "objective")))
    if not is_wrong and not problems.has_error_at((*SPEC, "objective", "goal")):
        message = "without maxTrialCount, a goal or a timeout, the experiment runs until it is stopped"
        problems.note("no-end", message, _MAX, remedy="set maxTrialCount")


def _check_parallel(parallel: int, most: int, problems: Problems) -> None:
    """Katib's default, filled in by nobody's wish, is no mistake of the user's."""
    if parallel <= most:
        return
    if parallel == DEFAULT_PARALLEL_TRIALS and not is_written(problems.document, _PARALLEL):
        message = f"Katib would refuse its own default of {parallel} trials at once, as there are only {most} in all"
        problems.note("parallel-above-max", message, _MAX, remedy=f"set parallelTrialCount: {most}")
        return
    message = f"{parallel} trials at once are more than the {most} in all"
    expected = f"maxTrialCount, {most}, at most"
    problems.add("parallel-above-max", message, _PARALLEL, found=str(parallel), expected=expected)


def _at_least(least: int, value: int | None, place: Path, problems: Problems) -> None:
    if value is not None and value < least:
        message = f"{place[-1]} is {value}, expected {least} or more"
        problems.add("out-of-range", message, place, found=str(value), expected=f"{least} or more")


def _some_time(length: timedelta | None, place: Path, problems: Problems) -> None:
    if length is not None and length <= timedelta(0):
        message = f"{place[-1]} leaves no time at all"
        problems.add("out-of-range", message, place, found=f"{length.total_seconds():g}s", expected="more than 0s")
