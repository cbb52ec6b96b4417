"""The defaults that Katib's webhook fills in when an Experiment is created, in the file's own terms."""

import copy
from typing import Final

from trialmill.api.experiment import DEFAULT_PARALLEL_TRIALS, CollectorKind, FileFormat, ObjectiveType, ResumePolicy
from trialmill.api.metric import Strategy
from trialmill.api.space import Distribution
from trialmill.api.tree import Json, JsonObject, get, get_list, get_string

DEFAULT_METRICS_FILE: Final = "/var/log/katib/metrics.log"
DEFAULT_RESULTS_FILE: Final = "/outputs/results.yaml"
DEFAULT_EVENT_FOLDER: Final = "/var/log/katib/tfevent/"
DEFAULT_METRICS_PATH: Final = "/metrics"
DEFAULT_METRICS_PORT: Final = 8080

_MASTER: Final = {"training.kubeflow.org/job-role": "master"}
_LAUNCHER: Final = {"training.kubeflow.org/job-role": "launcher"}
"""What the MPI operator calls it, whose MPIJob is a newer version than the one that Katib knows."""
_FIRST_NODE: Final = {
    "jobset.sigs.k8s.io/replicatedjob-name": "node",
    "batch.kubernetes.io/job-completion-index": "0",
}
_CONDITIONS: Final[dict[tuple[str, str], tuple[str, str, dict[str, str]]]] = {
    ("batch", "Job"): ("Complete", "Failed", {}),
    ("kubeflow.org", "TFJob"): ("Succeeded", "Failed", _MASTER),
    ("kubeflow.org", "PyTorchJob"): ("Succeeded", "Failed", _MASTER),
    ("kubeflow.org", "XGBoostJob"): ("Succeeded", "Failed", _MASTER),
    ("kubeflow.org", "MPIJob"): ("Succeeded", "Failed", _MASTER),
    ("trainer.kubeflow.org", "TrainJob"): ("Complete", "Failed", _FIRST_NODE),
}
"""By group and kind: the condition types of success and failure, and the labels of the pod that counts.

Katib goes by the kind's name alone, and so gives Volcano's Job conditions that it never has.
"""


def with_defaults(experiment: JsonObject) -> JsonObject:
    """A copy with Katib's defaults where nothing is said. What is of a wrong type is left as it is, for the reader.

    Filling in twice is the same as once.
    """
    tree = copy.deepcopy(experiment)
    spec = tree.get("spec")
    if isinstance(spec, dict):
        _fill(spec, "parallelTrialCount", DEFAULT_PARALLEL_TRIALS)
        _fill(spec, "resumePolicy", ResumePolicy.NEVER.value)
        _fill_strategies(spec.get("objective"))
        _fill_collector(spec)
        _fill_template(spec.get("trialTemplate"))
        for parameter in get_list(spec, "parameters"):
            if isinstance(parameter, dict) and isinstance(space := parameter.get("feasibleSpace"), dict):
                _fill(space, "distribution", Distribution.UNIFORM.value)
    return tree


def condition_on(type_: str) -> str:
    """The GJSON path, in Katib's wording, that finds a condition of this type whose status is True."""
    return f'status.conditions.#(type=="{type_}")#|#(status=="True")#'


def _fill(tree: JsonObject, name: str, value: Json) -> None:
    """Set what is absent; an empty string counts as absent where a string belongs, as in Go."""
    if tree.get(name) is None or (tree[name] == "" and isinstance(value, str)):
        tree[name] = value


def _fill_strategies(objective: Json) -> None:
    if not isinstance(objective, dict):
        return
    match objective.get("type"):
        case ObjectiveType.MINIMIZE:
            strategy = Strategy.MIN
        case ObjectiveType.MAXIMIZE:
            strategy = Strategy.MAX
        case _:
            strategy = Strategy.LATEST
    _fill(objective, "metricStrategies", [])
    strategies = objective["metricStrategies"]
    names = [objective.get("objectiveMetricName"), *get_list(objective, "additionalMetricNames")]
    if not isinstance(strategies, list):
        return
    known = {get_string(entry, "name") for entry in strategies}
    for name in names:
        if isinstance(name, str) and name and name not in known:
            known.add(name)
            strategies.append({"name": name, "value": strategy.value})


def _fill_collector(spec: JsonObject) -> None:
    _fill(spec, "metricsCollectorSpec", {})
    collection = spec["metricsCollectorSpec"]
    if not isinstance(collection, dict):
        return
    _fill(collection, "collector", {})
    collector = collection["collector"]
    if not isinstance(collector, dict):
        return
    _fill(collector, "kind", CollectorKind.STDOUT.value)
    defaults: dict[Json, tuple[str, JsonObject]] = {
        CollectorKind.FILE.value: (
            "fileSystemPath",
            {"kind": "File", "path": DEFAULT_METRICS_FILE, "format": FileFormat.TEXT.value},
        ),
        CollectorKind.TENSORFLOW_EVENT.value: ("fileSystemPath", {"kind": "Directory", "path": DEFAULT_EVENT_FOLDER}),
        CollectorKind.PROMETHEUS.value: ("httpGet", {"path": DEFAULT_METRICS_PATH, "port": DEFAULT_METRICS_PORT}),
    }
    kind = collector["kind"]
    lists = [get(collection, "source", name) for name in ("metricFiles", "metricFields")]
    if kind == CollectorKind.OUTPUTS and lists == [None, None]:
        _fill_source(collection, "fileSystemPath", {"kind": "File", "path": DEFAULT_RESULTS_FILE})
    if isinstance(kind, str) and kind in defaults:
        _fill_source(collection, *defaults[kind])


def _fill_source(collection: JsonObject, name: str, defaults: JsonObject) -> None:
    _fill(collection, "source", {})
    source = collection["source"]
    if not isinstance(source, dict):
        return
    _fill(source, name, {})
    place = source[name]
    if isinstance(place, dict):
        for key, value in defaults.items():
            _fill(place, key, value)


def _fill_template(template: Json) -> None:
    """For inline manifests only: Katib leaves templates from ConfigMaps as they are."""
    if not isinstance(template, dict) or not isinstance(template.get("trialSpec"), dict):
        return
    manifest = template["trialSpec"]
    group = get_string(manifest, "apiVersion").rpartition("/")[0]
    known = _CONDITIONS.get((group, get_string(manifest, "kind")))
    if known is None:
        return
    success, failure, labels = known
    if get_string(manifest, "apiVersion") == "kubeflow.org/v2beta1":
        labels = _LAUNCHER
    for outcome, condition in (("success", success), ("failure", failure)):
        if template.get(f"{outcome}When") is None:
            _fill(template, f"{outcome}Condition", condition_on(condition))
    if labels and template.get("primaryPodLabels") is None:
        template["primaryPodLabels"] = dict(labels)
