"""The conditions of success and failure: whether they are there, and their syntax (Katib: rule 16)."""

from typing import Final

from trialmill.api.experiment import Experiment, When
from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import Json, Path, get_string, with_article
from trialmill.check.places import FAILURE_CONDITION, MANIFEST, SUCCESS_CONDITION, WHEN, has_error_below
from trialmill.kinds.gjson import syntax_problems
from trialmill.kinds.profile import KindProfile
from trialmill.kinds.verdict import Policy, policy_of_template
from trialmill.kinds.when import when_problem

_SEVERITY: Final = {SUCCESS_CONDITION: Severity.ERROR, FAILURE_CONDITION: Severity.WARNING}
"""A wrong success condition fails every trial; with a wrong failure condition a trial can still succeed."""


def check_conditions(experiment: Experiment, profile: KindProfile | None, problems: Problems) -> Policy:
    """How the trial's resource will be judged: by the user's conditions, by the profile's where there is none."""
    policy = policy_of_template(experiment.spec.template, profile)
    given = {SUCCESS_CONDITION: policy.success, FAILURE_CONDITION: policy.failure}
    for place, condition in given.items():
        if isinstance(condition, When):
            _check_when(condition, place_of(condition, place), _SEVERITY[place], problems)
        elif condition and (wrong := syntax_problems(condition)):
            message = f"this condition is never met: {wrong}"
            problems.add("invalid-condition", message, place, severity=_SEVERITY[place], found=condition)
    missing = [place for place, condition in given.items() if not condition and not _has_error(place, problems)]
    if missing and not _has_wrong_kind(experiment.spec.template.trial_spec, problems):
        _report_missing(missing, profile, problems)
    if profile is None:
        return policy
    return Policy(policy.success or profile.success, policy.failure or profile.failure, profile)


def place_of(condition: str | When, place: Path) -> Path:
    """Where a condition stands that is written in the one way or the other."""
    return (*place[:-1], WHEN[place]) if isinstance(condition, When) else place


def _check_when(when: When, place: Path, severity: Severity, problems: Problems) -> None:
    way = "condition" if when.condition else "jsonpath" if when.jsonpath else "cel"
    if wrong := when_problem(when):
        text = when.condition or when.jsonpath or when.cel
        message = f"this condition is never met: {wrong}"
        problems.add("invalid-condition", message, (*place, way), severity=severity, found=text)


def _has_error(place: Path, problems: Problems) -> bool:
    return problems.has_error_at(place) or has_error_below(problems, (*place[:-1], WHEN[place]))


def _has_wrong_kind(manifest: Json, problems: Problems) -> bool:
    """Whether the kind itself is wrong or missing; then nobody knows which conditions it would need."""
    names = ("apiVersion", "kind")
    return any(problems.has_error_at((*MANIFEST, name)) or not get_string(manifest, name) for name in names)


def _report_missing(missing: list[Path], profile: KindProfile | None, problems: Problems) -> None:
    names = " and ".join(str(place[-1]) for place in missing)
    if profile is None:
        message = f"without {names} the end of a trial would be guessed from its status"
        problems.warn("no-condition", message, missing[0], at_key=True)
    else:
        message = (
            f"{with_article(profile.kind)} is judged as is known of its kind; Katib would refuse it without {names}"
        )
        problems.note("no-condition", message, missing[0])
