"""The conditions of success and failure: whether they are there, and their syntax (Katib: rule 16)."""

from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import Path
from trialmill.check.places import FAILURE_CONDITION, SUCCESS_CONDITION
from trialmill.kinds.gjson import syntax_problems
from trialmill.kinds.profile import KindProfile
from trialmill.kinds.verdict import Policy

_SEVERITY: Final = {SUCCESS_CONDITION: Severity.ERROR, FAILURE_CONDITION: Severity.WARNING}
"""A wrong success condition fails every trial; with a wrong failure condition a trial can still succeed."""


def check_conditions(experiment: Experiment, profile: KindProfile | None, problems: Problems) -> Policy:
    """How the trial's resource will be judged: by the user's conditions, by the profile's where there is none."""
    template = experiment.spec.template
    if template.trial_spec is not None:
        _check_condition(template.success_condition, SUCCESS_CONDITION, profile, problems)
        _check_condition(template.failure_condition, FAILURE_CONDITION, profile, problems)
    success = template.success_condition or (profile.success if profile else "")
    failure = template.failure_condition or (profile.failure if profile else "")
    return Policy(success, failure, profile)


def _check_condition(condition: str, place: Path, profile: KindProfile | None, problems: Problems) -> None:
    if condition:
        if wrong := syntax_problems(condition):
            message = f"this condition is never met: {wrong}"
            problems.add("invalid-condition", message, place, severity=_SEVERITY[place], found=condition)
    elif problems.has_error_at(place) or (profile and not profile.finite):
        return
    elif profile is not None:
        problems.note(
            "no-condition",
            f"a {profile.kind} is judged as is known of its kind; Katib would refuse a template without {place[-1]}",
            place,
        )
    else:
        message = f"{place[-1]} is missing, so the end of a trial would be guessed from its status"
        problems.warn("no-condition", message, place, at_key=True)
