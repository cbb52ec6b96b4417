"""Experiments of `kubeflow.org/v1alpha3`, brought up to the fields of v1beta1; the template is form 3's own affair.

What v1alpha3 had and v1beta1 has not goes, with a word about what does its work today. Conditions need nothing: what
v1alpha3 looked for in the status of its kinds is what v1beta1 looks for in them by default.
"""

from collections.abc import Mapping
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.tree import get_string
from trialmill.forms.draft import Draft

API_VERSION: Final = "kubeflow.org/v1beta1"
_DEFAULT_TEMPLATE: Final = "trial-template"
_DEFAULT_PATH: Final = "defaultTrialTemplate.yaml"
_COLLECTORS: Final[Mapping[str, str]] = {
    "stdOutCollector": "StdOut",
    "fileCollector": "File",
    "tfEventCollector": "TensorFlowEvent",
    "prometheusMetricCollector": "PrometheusMetric",
    "customCollector": "Custom",
    "noneCollector": "Push",
    "None": "Push",
}
"""The collectors' names in the first and the last releases of v1alpha3 that v1beta1 writes otherwise."""
_TEMPLATE_FIELDS: Final = {"retain", "goTemplate"}
_PATH_KINDS: Final[Mapping[str, str]] = {"file": "File", "directory": "Directory", "diretory": "Directory"}


def upgrade(draft: Draft, experiment: Node) -> None:
    """Rewrite the draft's Experiment in place."""
    version = experiment.fields["apiVersion"]
    message = f"{version.string} is an old version of Katib's; it is read as {API_VERSION}"
    draft.note("old-version", message, version, remedy="`trialmill convert` writes it so")
    version.content = API_VERSION
    spec = experiment.get("spec")
    if spec is None or not isinstance(spec.content, dict):
        return
    _upgrade_early_stopping(draft, spec)
    _upgrade_collector(draft, spec)
    kept = spec.fields.pop("retainHistoricalData", None)
    if kept is not None:
        message = "retainHistoricalData has no meaning any more: what trials reported is always kept"
        draft.note("old-field", message, kept, remedy="remove it")
    _add_default_template(draft, spec)


def _upgrade_early_stopping(draft: Draft, spec: Node) -> None:
    """It was a part of the algorithm, with longer names."""
    algorithm = spec.get("algorithm")
    old = algorithm.fields.pop("earlyStopping", None) if algorithm is not None else None
    if old is None or not old.fields:
        return
    if spec.get("earlyStopping") is not None:
        draft.error_at_key("mixed-forms", "earlyStopping is there twice", old, remedy="keep that of spec")
        return
    names = {"earlyStoppingAlgorithmName": "algorithmName", "earlyStoppingSettings": "algorithmSettings"}
    old.content = {names.get(name, name): node for name, node in old.fields.items()}
    spec.fields["earlyStopping"] = old


def _upgrade_collector(draft: Draft, spec: Node) -> None:
    """Other names, and no collectors that are jobs beside the trial's."""
    collection = spec.get("metricsCollectorSpec")
    if collection is None:
        return
    collection.fields.pop("retain", None)
    job = collection.fields.pop("goTemplate", None)
    if job is not None and collection.get("collector") is None:
        message = "a collector that is a job of its own is no more: metrics are read from the trial's standard output"
        remedy = (
            "if they are in a file, name it: collector: {kind: File}, or TensorFlowEvent for event files,"
            " and source: {fileSystemPath: {path: ...}}"
        )
        draft.warn("old-collector", message, job, remedy=remedy)
    if collection.content == {}:
        del spec.fields["metricsCollectorSpec"]
    _rename(collection.get("collector", "kind"), _COLLECTORS)
    _rename(collection.get("source", "fileSystemPath", "kind"), _PATH_KINDS)


def _rename(node: Node | None, names: Mapping[str, str]) -> None:
    if node is not None:
        node.content = names.get(node.string, node.content)


def _add_default_template(draft: Draft, spec: Node) -> None:
    """Without a template, v1alpha3 took the one that every installation had in a ConfigMap, and kept its resources."""
    template = spec.get("trialTemplate")
    written = template.get("goTemplate") if template is not None else None
    is_empty = written is None or written.content == {}
    if template is not None and (not is_empty or set(template.fields) - _TEMPLATE_FIELDS):
        return
    if not any(_is_default_template(d.tree) for d in draft.beside):
        place = template or spec
        message = f"there is no template; Katib v1alpha3 then took its own, of the ConfigMap {_DEFAULT_TEMPLATE}"
        remedy = "write spec.trialTemplate.goTemplate.rawTemplate, or give that ConfigMap's manifest as another FILE"
        draft.error_at_key("no-template", message, place, remedy=remedy)
        return
    if template is None:
        template = spec.fields["trialTemplate"] = spec.made({"retain": True})
    reference = {"configMapName": _DEFAULT_TEMPLATE, "templatePath": _DEFAULT_PATH}
    template.fields["goTemplate"] = template.made({"templateSpec": {**reference}})


def _is_default_template(tree: object) -> bool:
    return isinstance(tree, dict) and (get_string(tree, "kind"), get_string(tree, "metadata", "name")) == (
        "ConfigMap",
        _DEFAULT_TEMPLATE,
    )
