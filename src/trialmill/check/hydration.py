"""An Experiment whose resources a user's function or command makes: what it asks for, and what comes out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from trialmill.api.experiment import Experiment
from trialmill.api.problem import Problem, Problems
from trialmill.api.tree import Json, JsonObject, format_path, get_string
from trialmill.check.containers import check_containers
from trialmill.check.manifest import ManifestCheck
from trialmill.check.places import MANIFEST, is_refusal
from trialmill.check.restarts import check_restarts
from trialmill.kinds.profile import profile_of
from trialmill.kinds.schema import BUILT_IN
from trialmill.kinds.verdict import policy_of_template
from trialmill.template.hydration import ANNOTATION, PLACE, Hydrate, Hydration, HydrationError, hydration_of

Hydrators: TypeAlias = Callable[[Hydration], Hydrate]
"""How functions and commands are called on this machine."""
_HOW: Final = "if you trust this file, allow it with --allow-hydrate, or TRIALMILL_ALLOW_HYDRATE=1 in the environment"


def is_hydrated(experiment: Experiment) -> bool:
    return ANNOTATION in experiment.annotations


def check_hydration(experiment: Experiment, hydrators: Hydrators | None, problems: Problems) -> Hydrate | None:
    """What makes the resources; None where nothing does, and where that is wrong or not allowed, which is reported."""
    if not is_hydrated(experiment):
        return None
    try:
        hydration = hydration_of(experiment.annotations[ANNOTATION])
    except ValueError as error:
        remedy = 'write `module:function`, or a command such as ["python3", "hydrate.py"]'
        found = experiment.annotations[ANNOTATION]
        problems.add("invalid-hydrate", str(error), PLACE, found=found, remedy=remedy)
        return None
    if hydrators is None:
        message = f"the file wants to run {hydration} to make its trials, which is not allowed on this machine"
        problems.add("hydrate-not-allowed", message, PLACE, found=str(hydration), remedy=_HOW)
        return None
    return hydrators(hydration)


def made_by(experiment: Experiment, resource: JsonObject) -> Experiment:
    """The experiment as if its template were a resource that was made from it."""
    template = replace(experiment.spec.template, trial_spec=resource)
    return replace(experiment, spec=replace(experiment.spec, template=template))


def in_what_was_made(problem: Problem, problems: Problems) -> Problem:
    """A problem of a manifest that was made, at the annotation that asked for it: it has no line of its own."""
    mark = problems.document.mark(PLACE) if problems.document else None
    path, place = format_path(PLACE), format_path(MANIFEST)
    is_inside = problem.path.startswith(place)
    inner = problem.path.removeprefix(place).removeprefix(".") if is_inside else ""
    return replace(
        problem,
        message=f"{inner} of the manifest that is made: {problem.message}" if inner else problem.message,
        file=mark.file if mark else problem.file,
        line=mark.line if mark else 0,
        column=mark.column if mark else 0,
        path=path if is_inside else problem.path,
    )


def checking(experiment: Experiment, hydrate: Hydrate, *, on_cluster: bool = False) -> Hydrate:
    """The same, and each answer is checked as a template would be: fields, types, containers."""

    def checked(asked: JsonObject) -> Json:
        answer = hydrate(asked)
        if isinstance(answer, dict):
            found = Problems()
            ManifestCheck(BUILT_IN, found, ()).run(answer)
            profile = profile_of(get_string(answer, "apiVersion"), get_string(answer, "kind"))
            check_containers(made_by(experiment, answer), profile, found)
            check_restarts(answer, policy_of_template(experiment.spec.template, profile), found, on_cluster=on_cluster)
            wrong = next((problem for problem in found if is_refusal(problem)), None)
            if wrong is not None:
                remedy = f"; {wrong.remedy}" if wrong.remedy else ""
                raise HydrationError(f"the manifest that was made is wrong: {wrong.path}: {wrong.message}{remedy}")
        return answer

    return checked
