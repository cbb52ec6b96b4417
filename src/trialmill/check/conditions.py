"""The conditions of success and failure: whether they are there, and their syntax (Katib: rule 16)."""

from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import Json, Path, get_string
from trialmill.check.places import FAILURE_CONDITION, MANIFEST, SUCCESS_CONDITION
from trialmill.kinds.gjson import syntax_problems
from trialmill.kinds.profile import KindProfile
from trialmill.kinds.verdict import Policy

_SEVERITY: Final = {SUCCESS_CONDITION: Severity.ERROR, FAILURE_CONDITION: Severity.WARNING}
"""A wrong success condition fails every trial; with a wrong failure condition a trial can still succeed."""


def check_conditions(experiment: Experiment, profile: KindProfile | None, problems: Problems) -> Policy:
    """How the trial's resource will be judged: by the user's conditions, by the profile's where there is none."""
    template = experiment.spec.template
    given = {SUCCESS_CONDITION: template.success_condition, FAILURE_CONDITION: template.failure_condition}
    for place, condition in given.items():
        if condition and (wrong := syntax_problems(condition)):
            message = f"this condition is never met: {wrong}"
            problems.add("invalid-condition", message, place, severity=_SEVERITY[place], found=condition)
    missing = [place for place, condition in given.items() if not condition and not problems.has_error_at(place)]
    if missing and not _has_wrong_kind(template.trial_spec, problems):
        _report_missing(missing, profile, problems)
    success = template.success_condition or (profile.success if profile else "")
    failure = template.failure_condition or (profile.failure if profile else "")
    return Policy(success, failure, profile)


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
        message = f"a {profile.kind} is judged as is known of its kind; Katib would refuse it without {names}"
        problems.note("no-condition", message, missing[0])
