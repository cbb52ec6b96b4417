"""The primary container and the primary pod: which of a trial's containers its metrics come from (Katib: rule 16, and
issues 1544 and 1560, where a wrong name leaves a trial running for ever).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get, get_list, get_object, get_string, string_map, with_article
from trialmill.check.places import MANIFEST, TEMPLATE
from trialmill.check.pods import is_container_name, pod_templates
from trialmill.kinds.profile import KindProfile

_NAME: Path = (*TEMPLATE, "primaryContainerName")
_LABELS: Path = (*TEMPLATE, "primaryPodLabels")
_WITH_ANY_NAMES: Final = ("MPIJob",)
"""Jobs of the training operator whose containers can be called anything."""
_WITH_MAIN: Final = {"container", "script", "steps", "dag", "suspend", "resource"}
"""Argo's templates whose pods, if any, have one container of their author's; Argo calls it `main`."""
_ADDED_LATER: Final = ("job-name", "controller-uid")
_ADDED_UNDER: Final = ("batch.kubernetes.io/", "katib.kubeflow.org/", "trialmill.dev/")
"""Labels that pods get from their controllers."""


def check_containers(experiment: Experiment, profile: KindProfile | None, problems: Problems) -> str:
    """The name of the primary container; empty where that is not certain."""
    template = experiment.spec.template
    pods = [pod for _, pod in pod_templates(template.trial_spec, profile)]
    names = _container_names(pods) or _step_names(template.trial_spec, profile)
    if profile and profile.training_container:
        _check_training_containers(template.trial_spec, profile, problems)
    if profile and profile.runs_here and template.primary_pod_labels:
        _check_labels(template.primary_pod_labels, pods, profile, problems)
    if problems.has_error_at(_NAME):
        return ""
    if not template.primary_container:
        if experiment.spec.collector.metric_fields and not experiment.spec.collector.paths:
            return names[0] if len(names) == 1 else ""  # no container's output is read
        if not names and profile and profile.training_container:
            return profile.training_container  # its operator wants it so; that there is none is reported elsewhere
        if profile is None and problems.has_error_at((*MANIFEST, "kind")):
            return ""  # nobody knows what containers it would have
        return _only_container(names, profile, problems)
    is_explained = any(p.code == "training-container" and p.expected == template.primary_container for p in problems)
    if (
        names
        and not _has(names, template.primary_container)
        and all(map(is_container_name, names))
        and not is_explained
    ):
        meant = nearest(template.primary_container, names)
        message = f"no container of the template is named {template.primary_container}"
        remedy = f"did you mean {meant!r}?" if meant else f"there {_listed(names)}"
        found, expected = template.primary_container, ", ".join(names)
        problems.add("unknown-container", message, _NAME, found=found, expected=expected, remedy=remedy)
    return template.primary_container


def _step_names(manifest: Json, profile: KindProfile | None) -> list[str]:
    """The containers that the steps of a task, or the templates of a workflow, will be, where they are all here."""
    match profile.kind if profile else "":
        case "TaskRun":
            steps = get_list(manifest, "spec", "taskSpec", "steps")
            return [f"step-{name}" for step in steps if (name := get_string(step, "name"))]
        case "Workflow" if get(manifest, "spec", "workflowTemplateRef") is None:
            templates = get_list(manifest, "spec", "templates")
            return ["main"] if all(set(get_object(t)) & _WITH_MAIN for t in templates) and templates else []
    return []


def _check_training_containers(manifest: Json, profile: KindProfile, problems: Problems) -> None:
    """The training operator refuses a job with pods that have no container of the name that it knows."""
    wanted = profile.training_container
    for path, pod in () if profile.kind in _WITH_ANY_NAMES else pod_templates(manifest, profile):
        containers = get_list(pod, "spec", "containers")
        names = [get_string(container, "name") for container in containers]
        if names and all(names) and not _has(names, wanted):
            job = with_article(profile.kind)
            message = f"{job} needs a container named {wanted} here, or the training operator refuses it"
            remedy = f"call it {wanted}" if len(names) == 1 else f"call one of {', '.join(names)} so"
            place = (*MANIFEST, *path, "spec", "containers", 0, "name")
            problems.add("training-container", message, place, found=names[0], expected=wanted, remedy=remedy)


def _only_container(names: list[str], profile: KindProfile | None, problems: Problems) -> str:
    """A name that need not be given; Katib asks for it all the same."""
    if any(p.code == "training-container" for p in problems) and profile:
        return profile.training_container
    if len(names) == 1 and "${" not in names[0]:
        message = (
            f"the only container, {names[0]}, is the primary one; Katib would refuse a template that does not say so"
        )
        problems.note("no-primary-container", message, _NAME, remedy=f"add `primaryContainerName: {names[0]}`")
        return names[0]
    remedy = f"there {_listed(names)}" if names else "name the container whose output holds the metrics"
    message = "primaryContainerName is missing"
    expected = f"one of {', '.join(names)}" if names else "the name of a container"
    problems.add("required", message, _NAME, expected=expected, remedy=remedy, at_key=True)
    return ""


def _listed(names: list[str]) -> str:
    return f"is only {names[0]}" if len(names) == 1 else f"are {', '.join(names)}"


def _has(names: Iterable[str], name: str) -> bool:
    """A name that a placeholder makes could be any."""
    return any(candidate == name or "${" in candidate for candidate in names)


def _container_names(pods: Iterable[JsonObject]) -> list[str]:
    """Without duplicates: the replicas of a job call their containers the same."""
    names = (get_string(container, "name") for pod in pods for container in get_list(pod, "spec", "containers"))
    return list(dict.fromkeys(name for name in names if name))


def _check_labels(
    wanted: Mapping[str, str], pods: Iterable[JsonObject], profile: KindProfile, problems: Problems
) -> None:
    """Labels that no pod of a trial will have: Katib would never collect a metric."""
    labels = [string_map(get_object(pod, "metadata").get("labels")) for pod in pods]
    for key, value in wanted.items():
        place = (*_LABELS, key)
        if key in _ADDED_LATER or key.startswith(_ADDED_UNDER) or problems.has_error_at(place):
            continue
        own = [mapping.get(key) for mapping in labels]
        if any(text is not None and (text == value or "${" in text + value) for text in own):
            continue
        has = next((text for text in own if text is not None), None)
        message = f"no pod of this {profile.kind} has the label {key}={value}"
        remedy = f"its pods have {key}={has}" if has else "label the pod template, or remove primaryPodLabels"
        problems.add("unknown-label", message, place, found=value, expected=has or "", remedy=remedy, at_key=True)
