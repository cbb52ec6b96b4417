"""The Experiment's own fields, all but the template."""

from collections.abc import Iterable, Mapping
from typing import Final

from trialmill.api.defaults import (
    DEFAULT_EVENT_FOLDER,
    DEFAULT_METRICS_FILE,
    DEFAULT_METRICS_PATH,
    DEFAULT_METRICS_PORT,
)
from trialmill.api.experiment import (
    API_VERSION,
    DEFAULT_NAMESPACE,
    DEFAULT_PARALLEL_TRIALS,
    CollectorKind,
    FileFormat,
    ObjectiveType,
    ParameterType,
    ResumePolicy,
)
from trialmill.api.metric import Strategy
from trialmill.api.read_experiment import KIND, OWNED_BY_SERVER
from trialmill.api.space import Distribution
from trialmill.check.json_schema.parts import (
    NOT_YET,
    Schema,
    anything,
    boolean,
    integer,
    listed,
    mapping,
    reference,
    string_map,
    text,
    value,
    where,
    word,
    words_of,
)
from trialmill.check.metadata import LONGEST_NAME, NAME_PATTERN
from trialmill.search import catalogue
from trialmill.search.settings import SettingRule
from trialmill.template.hydration import ANNOTATION

_RANGES: Final = (ParameterType.DOUBLE, ParameterType.INT)
_LISTS: Final = (ParameterType.DISCRETE, ParameterType.CATEGORICAL)


def experiment() -> Schema:
    """A document of kind Experiment."""
    fields: Schema = {
        "apiVersion": word("The version of the format.", [API_VERSION]),
        "kind": word("The kind of document.", [KIND]),
        "metadata": _metadata(),
        "spec": _spec(),
        "status": {"type": "object", "description": "What a server adds; not read."},
    }
    return mapping(
        "An experiment: what is tuned, how, and what runs.", fields, ("apiVersion", "kind", "metadata", "spec")
    )


def _metadata() -> Schema:
    fields: Schema = {
        "name": text(
            "The experiment's name: lower-case letters, digits and '-'. Katib allows 40 characters.",
            pattern=f"^{NAME_PATTERN}$",
            maxLength=LONGEST_NAME,
        ),
        "generateName": text(
            "Ignored beside a name; alone it is refused, as later runs find an experiment by its name."
        ),
        "namespace": text("The namespace of the experiment and its trials.", default=DEFAULT_NAMESPACE),
        "labels": string_map("Labels, which trials carry too."),
        "annotations": {
            **string_map("Annotations."),
            "properties": {
                ANNOTATION: text(
                    "Trialmill: what makes each trial's resource out of the rendered template, as module:function or "
                    "as a JSON list of a command and its arguments."
                )
            },
        },
        **{name: {"description": "Added by a server; not read."} for name in OWNED_BY_SERVER},
    }
    return mapping("Name, namespace, labels and annotations.", fields, ("name",))


def _spec() -> Schema:
    fields: Schema = {
        "objective": _objective(),
        "algorithm": _algorithm("How the next assignments are chosen.", catalogue.ALGORITHMS),
        "earlyStopping": _algorithm("Which trials are ended early.", catalogue.EARLY_STOPPING),
        "parameters": listed("What is tuned.", parameter(), minItems=1),
        "trialTemplate": reference("TrialTemplate"),
        "metricsCollectorSpec": _collection(),
        "parallelTrialCount": integer("How many trials run at a time.", 1, default=DEFAULT_PARALLEL_TRIALS),
        "maxTrialCount": integer("How many trials there are in all.", 1),
        "maxFailedTrialCount": integer("The experiment fails with more failed trials than this.", 0),
        "resumePolicy": words_of("For operators; here every experiment can be resumed.", ResumePolicy, default="Never"),
        "suspend": boolean("Trialmill: start paused.", default=False),
        "timeout": value("Trialmill: end the experiment after this long, such as 90s, 10m or 1h30m, or seconds."),
        "seed": integer("Trialmill: the seed of the search; the same seed gives the same assignments."),
        **{name: anything(NOT_YET) for name in ("nasConfig", "constraints", "objectives", "warmStart")},
    }
    required = ("objective", "algorithm", "trialTemplate")
    return mapping("What is tuned, how, and what runs.", fields, required)


def _objective() -> Schema:
    strategy = mapping(
        "Which of a metric's values counts.",
        {
            "name": text("The metric."),
            "value": words_of("Its least, largest or latest value.", Strategy),
        },
        ("name", "value"),
    )
    fields: Schema = {
        "type": words_of("Whether more or less is better.", ObjectiveType),
        "objectiveMetricName": text("The metric that is optimised, by the name under which trials report it."),
        "goal": {"type": "number", "description": "The experiment ends when a trial reaches this value."},
        "additionalMetricNames": listed("Metrics that are collected beside the objective.", {"type": "string"}),
        "metricStrategies": listed("Which value of a metric counts; by default the best of all.", strategy),
    }
    return mapping("What is optimised.", fields, ("type", "objectiveMetricName"))


def _algorithm(
    description: str, known: Mapping[str, catalogue.Algorithm] | Mapping[str, catalogue.EarlyStopping]
) -> Schema:
    later = [name for name, entry in known.items() if not entry.available]
    about = "Its name" + (f"; not in this release: {', '.join(later)}." if later else ".")
    setting = mapping("One setting.", {"name": text("Its name."), "value": _setting_value()}, ("name",))
    fields: Schema = {"algorithmName": word(about, known), "algorithmSettings": listed("Its settings.", setting)}
    own: list[Schema] = [
        where({"algorithmName": name}, {"properties": {"algorithmSettings": {"items": _settings(entry.settings)}}})
        for name, entry in known.items()
        if entry.available
    ]
    return mapping(description, fields, ("algorithmName",), allOf=[*own])


def _setting_value() -> Schema:
    return {"type": ["string", "number", "boolean"], "description": "Its value; text to Katib."}


def _settings(rules: Iterable[SettingRule]) -> Schema:
    """The names that settings may have, each with what its value is."""
    known = {rule.name: rule.rule for rule in rules}
    about = "; ".join(f"{name}: {rule}" for name, rule in known.items())
    return {"properties": {"name": {"enum": [*known], "description": about or "There are no settings."}}}


def parameter(*more_names: str) -> Schema:
    """One entry of `parameters`; `more_names` are other names for its type."""
    types = word(
        "double and int have a range, discrete and categorical a list.",
        [kind for kind in ParameterType if kind is not ParameterType.UNKNOWN],
    )
    fields: Schema = {
        "name": text("The parameter's name; trial parameters refer to it."),
        "parameterType": types,
        **dict.fromkeys(more_names, types),
        "feasibleSpace": feasible_space(),
        "activeWhen": _active_when(),
    }
    required = ("name", "feasibleSpace") if more_names else ("name", "parameterType", "feasibleSpace")
    ranges: list[Schema] = [
        where({"parameterType": str(kind)}, {"properties": {"feasibleSpace": {"required": ["min", "max"]}}})
        for kind in _RANGES
    ]
    lists: list[Schema] = [
        where({"parameterType": str(kind)}, {"properties": {"feasibleSpace": {"required": ["list"]}}})
        for kind in _LISTS
    ]
    return mapping("One parameter.", fields, required, allOf=[*ranges, *lists])


def _active_when() -> Schema:
    values: Schema = {
        "parameter": text("The other parameter."),
        "equals": _plain("The value that it must have."),
        "in": listed("The values of which it must have one.", _plain("A value."), minItems=1),
    }
    either: list[Schema] = [{"required": ["equals"]}, {"required": ["in"]}]
    condition = mapping("A condition on another parameter.", values, ("parameter",), oneOf=[*either])
    about = "Trialmill: the parameter counts only while this holds; of a list, all must hold."
    return {"description": about, "anyOf": [condition, listed("Conditions.", condition)]}


def _plain(description: str) -> Schema:
    return {"type": ["string", "number", "boolean"], "description": description}


def feasible_space() -> Schema:
    fields: Schema = {
        "min": value("The smallest value."),
        "max": value("The largest value."),
        "step": value("The distance of neighbouring values, from min on."),
        "list": listed("The values of a discrete or categorical parameter.", _setting_value(), minItems=1),
        "distribution": words_of("How values are drawn from a range.", Distribution, default="uniform"),
    }
    return mapping("The values that the parameter can have.", fields)


def _collection() -> Schema:
    collector = mapping(
        "How metrics are read.",
        {
            "kind": words_of("Where metrics are.", CollectorKind, default="StdOut"),
            "customCollector": {"type": "object", "description": "A container that collects; on clusters."},
        },
    )
    fields: Schema = {"collector": collector, "source": _source()}
    return mapping("Where a trial's metrics are found; standard output where nothing is said.", fields)


def _source() -> Schema:
    file = mapping(
        "A file of metrics, or a folder of event files.",
        {
            "path": text(f"Its path in the container; by default {DEFAULT_METRICS_FILE} or {DEFAULT_EVENT_FOLDER}."),
            "kind": word("Whether it is a file or a folder.", ("File", "Directory"), default="File"),
            "format": words_of("Lines of text, or one JSON object a line.", FileFormat, default="TEXT"),
        },
    )
    filters = listed("Go regular expressions with two groups, the metric's name and its value.", {"type": "string"})
    endpoint = mapping(
        "An endpoint with metrics of Prometheus.",
        {
            "path": text("Its path.", default=DEFAULT_METRICS_PATH),
            "port": {"type": ["integer", "string"], "description": "Its port.", "default": DEFAULT_METRICS_PORT},
            "host": text("Its host; the pod's own where it is left out."),
            "scheme": text("HTTP or HTTPS."),
            "httpHeaders": {"type": "array", "description": "Headers of the request."},
        },
    )
    metric_file = mapping(
        "A file whose last line is the value of one metric.",
        {"name": text("The metric."), "path": text("The file's path in the container.")},
        ("name", "path"),
    )
    metric_field = mapping(
        "A field of the resource whose value is one metric when the trial is over.",
        {"name": text("The metric."), "path": text("The field's GJSON path in the resource, as status.accuracy.")},
        ("name", "path"),
    )
    fields: Schema = {
        "fileSystemPath": file,
        "filter": mapping("How lines are read.", {"metricsFormat": filters}),
        "httpGet": endpoint,
        "metricFiles": listed("Trialmill: a file for each metric, of the collector Outputs.", metric_file),
        "metricFields": listed("Trialmill: a field of the resource for each metric.", metric_field),
    }
    return mapping("Where exactly.", fields)
