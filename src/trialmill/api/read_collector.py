"""`spec.metricsCollectorSpec`, read into a `MetricsCollector`."""

from trialmill.api.experiment import (
    CollectorKind,
    FileFormat,
    FileSource,
    HttpSource,
    MetricField,
    MetricFile,
    MetricsCollector,
)
from trialmill.api.reader import Fields
from trialmill.api.tree import Json


def read_collector(spec: Fields) -> MetricsCollector:
    """The collector; the one for standard output where nothing else can be read."""
    fields = spec.object("metricsCollectorSpec")
    if fields is None:
        return MetricsCollector()
    kind, custom = _collector(fields)
    source = fields.object("source")
    fields.close()
    if source is None:
        return MetricsCollector(kind, custom=custom)
    files = source.objects("metricFiles", _metric_file)
    in_resource = source.objects("metricFields", _metric_field)
    read = MetricsCollector(kind, _file(source), _filters(source), custom, _http(source), files, in_resource)
    source.close()
    return read


def _collector(collection: Fields) -> tuple[CollectorKind, Json]:
    fields = collection.object("collector")
    if fields is None:
        return CollectorKind.STDOUT, None
    kind = fields.choice("kind", CollectorKind) or CollectorKind.STDOUT
    container = fields.object("customCollector")
    fields.close()
    return kind, container.tree if container else None


def _file(source: Fields) -> FileSource | None:
    fields = source.object("fileSystemPath")
    if fields is None:
        return None
    file = FileSource(
        path=fields.string("path"),
        kind=fields.string("kind"),
        format=fields.choice("format", FileFormat) or FileFormat.TEXT,
    )
    fields.close()
    return file


def _metric_file(fields: Fields) -> MetricFile:
    file = MetricFile(fields.string("name", required=True), fields.string("path", required=True))
    fields.close()
    return file


def _metric_field(fields: Fields) -> MetricField:
    field = MetricField(fields.string("name", required=True), fields.string("path", required=True))
    fields.close()
    return field


def _http(source: Fields) -> HttpSource | None:
    fields = source.object("httpGet")
    if fields is None:
        return None
    port = fields.raw("port")
    if port is not None and (not isinstance(port, int | str) or isinstance(port, bool)):
        fields.reading.mismatch(fields.at("port"), port, "a port's number or name")
        port = None
    http = HttpSource(path=fields.string("path"), port="" if port is None else port, host=fields.string("host"))
    fields.allow("scheme", "httpHeaders")
    fields.close()
    return http


def _filters(source: Fields) -> tuple[str, ...]:
    fields = source.object("filter")
    if fields is None:
        return ()
    filters = fields.strings("metricsFormat")
    fields.close()
    return filters
