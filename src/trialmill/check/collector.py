"""How metrics are collected (Katib: rules 24 and 25)."""

from typing import Final

from trialmill.api.experiment import CollectorKind, Experiment, FileFormat, MetricsCollector
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.tree import Path, get
from trialmill.check.places import SPEC, is_written
from trialmill.kinds.gjson import syntax_problems
from trialmill.metrics.filters import filter_problem

_COLLECTION: Path = (*SPEC, "metricsCollectorSpec")
_SOURCE: Path = (*_COLLECTION, "source")
_FILE: Path = (*_SOURCE, "fileSystemPath")
_HTTP: Path = (*_SOURCE, "httpGet")
_FILTERS: Path = (*_SOURCE, "filter", "metricsFormat")
_AVAILABLE: Final = (CollectorKind.STDOUT, CollectorKind.FILE, CollectorKind.OUTPUTS)
_USED: Final = {
    CollectorKind.FILE: ("fileSystemPath",),
    CollectorKind.OUTPUTS: ("fileSystemPath", "metricFiles", "metricFields"),
    CollectorKind.TENSORFLOW_EVENT: ("fileSystemPath",),
    CollectorKind.PROMETHEUS: ("httpGet",),
    CollectorKind.CUSTOM: ("fileSystemPath", "httpGet"),
}
_READ_BY: Final = {
    "fileSystemPath": CollectorKind.FILE,
    "httpGet": CollectorKind.PROMETHEUS,
    "metricFiles": CollectorKind.OUTPUTS,
    "metricFields": CollectorKind.OUTPUTS,
}
_BEGIN_AT_ROOT: Final = "begin it with /, as in /logs/metrics.log"
_LARGEST_PORT: Final = 65535


def check_collector(experiment: Experiment, problems: Problems) -> None:
    """What the collector's kind needs, and filters that can be run."""
    collector = experiment.spec.collector
    if problems.has_error_at((*_COLLECTION, "collector", "kind")):
        return
    if collector.kind not in _AVAILABLE:
        message = f"the collector {collector.kind} is not available in this release"
        place = (*_COLLECTION, "collector", "kind")
        problems.unavailable("not-available-yet", message, place, remedy=f"use {' or '.join(_AVAILABLE)}")
    _check_unused(experiment, collector.kind, problems)
    match collector.kind:
        case CollectorKind.FILE:
            _check_path(collector, "File", problems)
            _check_json_filter(collector, problems)
        case CollectorKind.OUTPUTS:
            _check_path(collector, "File", problems)
            _check_metric_files(experiment, problems)
        case CollectorKind.TENSORFLOW_EVENT:
            _check_path(collector, "Directory", problems)
        case CollectorKind.PROMETHEUS:
            _check_endpoint(collector, problems)
        case CollectorKind.CUSTOM if collector.custom is None:
            place = (*_COLLECTION, "collector", "customCollector")
            problems.add("required", "the collector Custom needs a customCollector", place, expected="a container")
    _check_filters(collector, problems)


def _check_unused(experiment: Experiment, kind: CollectorKind, problems: Problems) -> None:
    for field in ("fileSystemPath", "httpGet", "metricFiles", "metricFields"):
        if field not in _USED.get(kind, ()) and get(experiment.source, *_SOURCE, field) is not None:
            message = f"the collector {kind} does not look at {field}"
            other = _READ_BY[field]
            remedy = f"remove it, or set the collector's kind to {other}"
            problems.warn("no-effect", message, (*_SOURCE, field), remedy=remedy, at_key=True)


def _check_path(collector: MetricsCollector, kind: str, problems: Problems) -> None:
    file = collector.file
    if file is None:
        return
    if file.kind != kind and not problems.has_error_at((*_FILE, "kind")):
        message = f"the collector {collector.kind} reads a {kind}, not a {file.kind}"
        problems.add("wrong-source-kind", message, (*_FILE, "kind"), found=file.kind, expected=kind)
    if not file.path.startswith("/") and not problems.has_error_at((*_FILE, "path")):
        message = "the path must be absolute, as the container sees it"
        place, expected = (*_FILE, "path"), "a path with / first"
        problems.add("path-not-absolute", message, place, found=file.path, expected=expected, remedy=_BEGIN_AT_ROOT)
    if kind == "Directory" and is_written(problems.document, (*_FILE, "format")):
        message = f"the collector {collector.kind} has a format of its own"
        problems.add("misplaced-field", message, (*_FILE, "format"), remedy="remove it", at_key=True)


def _check_metric_files(experiment: Experiment, problems: Problems) -> None:
    """Each metric's own file must be named as the container sees it, a field by a path, and the objective must have
    one of the two.
    """
    files, fields = experiment.spec.collector.metric_files, experiment.spec.collector.metric_fields
    for position, file in enumerate(files):
        if file.path and not file.path.startswith("/"):
            message = "the path must be absolute, as the container sees it"
            place = (*_SOURCE, "metricFiles", position, "path")
            problems.add(
                "path-not-absolute",
                message,
                place,
                found=file.path,
                expected="a path with / first",
                remedy=_BEGIN_AT_ROOT,
            )
    for position, field in enumerate(fields):
        wrong = syntax_problems(field.path) if field.path else None
        if wrong:
            place = (*_SOURCE, "metricFields", position, "path")
            problems.add("invalid-path", f"this path leads nowhere: {wrong}", place, found=field.path)
    objective = experiment.spec.objective.metric
    names = [*(file.name for file in files), *(field.name for field in fields)]
    if names and objective and objective not in names:
        meant = nearest(objective, names)
        remedy = f"did you mean {meant!r}?" if meant else "add one"
        what, where = ("file", "metricFiles") if files else ("field", "metricFields")
        message = f"no {what} has the values of the objective {objective}"
        problems.add("required", message, (*_SOURCE, where), found=", ".join(names), remedy=remedy)


def _check_json_filter(collector: MetricsCollector, problems: Problems) -> None:
    """Katib: rule 24."""
    if collector.file and collector.file.format is FileFormat.JSON and collector.filters:
        message = "a JSON file has its metrics under their names, it takes no filter"
        remedy = "remove the filter, or set the format to TEXT"
        problems.add("filter-with-json", message, (*_SOURCE, "filter"), remedy=remedy, at_key=True)


def _check_endpoint(collector: MetricsCollector, problems: Problems) -> None:
    if collector.http is None:
        return
    if not collector.http.path.startswith("/") and not problems.has_error_at((*_HTTP, "path")):
        message = "the path of an endpoint begins with /"
        problems.add("path-not-absolute", message, (*_HTTP, "path"), found=collector.http.path)
    port = collector.http.port
    number = int(port) if isinstance(port, int) or port.isdecimal() else 0
    if not 0 < number <= _LARGEST_PORT and not problems.has_error_at((*_HTTP, "port")):
        message = "the port is a number from 1 to 65535"
        problems.add("out-of-range", message, (*_HTTP, "port"), found=str(port), expected="a port's number")


def _check_filters(collector: MetricsCollector, problems: Problems) -> None:
    for position, pattern in enumerate(collector.filters):
        place = (*_FILTERS, position)
        wrong = None if problems.has_error_at(place) else filter_problem(pattern)
        if wrong:
            problems.add("invalid-filter", f"this filter finds no metric: {wrong}", place, found=pattern)
