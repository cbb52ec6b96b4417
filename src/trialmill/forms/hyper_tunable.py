"""Form 17, `hyperTunable`: an image that finds its assignments in `/inputs/parameters.json` and in its environment, and
leaves each metric's value in the file that `metrics` names.

It becomes a Job. `parameterSpecs` are the experiment's parameters where it has none of its own, and what
`parameterAssignments` says every trial gets, so what is searched cannot be there. An object of kind HyperTunable that a
controller of somebody's own carries out is an ordinary `trialSpec`.
"""

from typing import Final

from trialmill.api.experiment import CollectorKind
from trialmill.api.marked import Node
from trialmill.forms.draft import Draft
from trialmill.forms.image_command import KINDS

_FIELDS: Final = ("parameterSpecs", "parameterAssignments", "metrics", "image", "command", "args", "env", "resources")
_CARRIED: Final = ("image", "command", "args", "env", "resources")
_FILE: Final = "/inputs/parameters.json"
_CONTAINER: Final = "training"


def rewrite(draft: Draft, tunable: Node) -> None:
    """The Job that runs the image, what it gets, and where its metrics are."""
    if not isinstance(tunable.content, dict):
        draft.mismatch(tunable, "a mapping with image and metrics")
        return
    draft.check_fields(tunable, _FIELDS)
    draft.text(tunable, "image", required=True)
    if (inject := draft.template.get("inject")) is not None:
        line = (tunable.key or tunable.mark).line
        message = f"inject says how values get in, as the hyperTunable in line {line} does by itself"
        draft.error_at_key("mixed-forms", message, inject, found="inject", remedy="remove it")
    _generate_parameters(draft, tunable)
    job = tunable.made({"apiVersion": KINDS["Job"].api_version, "kind": "Job", "spec": {"template": {"spec": {}}}})
    job.key = tunable.key
    container = tunable.made({"name": _CONTAINER})
    container.fields.update({name: tunable.fields[name] for name in _CARRIED if name in tunable.fields})
    pod = job.fields["spec"].fields["template"].fields["spec"]
    pod.fields["restartPolicy"] = tunable.made("Never")
    pod.fields["containers"] = tunable.made([])
    pod.fields["containers"].items.append(container)
    _collect(draft, tunable)
    fields = draft.template.fields
    del fields["hyperTunable"]
    fields["trialSpec"] = job
    fields.setdefault("primaryContainerName", tunable.made(_CONTAINER))
    fields["inject"] = tunable.made({"as": ["env", "file"], "path": _FILE})
    if (constants := _constants(draft, tunable)) is not None:
        fields["inject"].fields["constants"] = constants


def _generate_parameters(draft: Draft, tunable: Node) -> None:
    specs, spec = tunable.get("parameterSpecs"), draft.experiment.get("spec")
    if specs is None or spec is None or spec.get("parameters") is not None:
        return
    if not isinstance(specs.content, list):
        draft.mismatch(specs, "a list of parameters")
        return
    for parameter in specs.items:
        if (kind := parameter.fields.pop("type", None)) is not None:
            parameter.fields["parameterType"] = kind
    spec.fields["parameters"] = specs


def _constants(draft: Draft, tunable: Node) -> Node | None:
    """What is assigned and not searched: every trial gets it beside its own values."""
    assigned = tunable.get("parameterAssignments")
    fixed = tunable.made({})
    for item in assigned.items if assigned is not None else ():
        name, value = draft.text(item, "name", required=True), item.get("value")
        if name in draft.parameter_names:
            remedy = "remove it here, or in parameters"
            message = f"{name} is searched, so no value is assigned to it"
            draft.error("already-there", message, item.fields["name"], found=name, remedy=remedy)
        elif name and value is not None:
            fixed.fields[name] = value
    return fixed if fixed.fields else None


def _collect(draft: Draft, tunable: Node) -> None:
    """Have the metrics read from their files, unless the experiment says where they are."""
    metrics, spec = tunable.get("metrics"), draft.experiment.get("spec")
    if metrics is None or spec is None or spec.get("metricsCollectorSpec") is not None:
        return
    if not isinstance(metrics.content, list):
        draft.mismatch(metrics, "a list of metrics, each with a name and a path")
        return
    collection = metrics.made({"collector": {"kind": CollectorKind.OUTPUTS.value}, "source": {}})
    collection.fields["source"].fields["metricFiles"] = metrics
    spec.fields["metricsCollectorSpec"] = collection
