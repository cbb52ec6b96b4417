"""A document, read into an `Experiment`, with everything reported that keeps it from being one.

This part knows types, required fields and enumerations. Whether values make sense is for `check`, which can use the
Experiment even when there are errors: what is missing or wrong reads as empty.
"""

from collections.abc import Mapping
from typing import Final, TypeGuard

from trialmill.api.defaults import with_defaults
from trialmill.api.document import Document
from trialmill.api.experiment import (
    API_VERSION,
    DEFAULT_NAMESPACE,
    DEFAULT_PARALLEL_TRIALS,
    ActiveWhen,
    Algorithm,
    Experiment,
    ExperimentSpec,
    FeasibleSpace,
    Objective,
    ObjectiveType,
    Parameter,
    ParameterType,
    ResumePolicy,
    Setting,
    TrialTemplate,
)
from trialmill.api.metric import Strategy
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems, Severity
from trialmill.api.read_collector import read_collector
from trialmill.api.read_nas import check_nas
from trialmill.api.read_template import read_template
from trialmill.api.reader import INT64_MAX, Fields, Reading
from trialmill.api.space import Distribution
from trialmill.api.tree import Json, JsonObject, Path, get, kind_name, with_article

KIND: Final = "Experiment"
_OLD_VERSIONS: Final = ("kubeflow.org/v1alpha1", "kubeflow.org/v1alpha2", "kubeflow.org/v1alpha3")
OWNED_BY_SERVER: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
    "ownerReferences",
    "finalizers",
)
"""Metadata that an exported Experiment carries and a new one does not."""
_UNKNOWN_DISTRIBUTION: Final = "unknown"


def read_experiment(document: Document, problems: Problems) -> Experiment | None:
    """The Experiment that a document holds, as far as it can be read; None where it is none at all.

    Everything wrong is in `problems`. `source` of the answer is the document's tree with Katib's defaults, with
    numbers as text where Katib wants text, and without status.
    """
    if not _is_experiment(document.tree, problems):
        return None
    return _read(document.tree, document.texts, problems)


def experiment_from_source(source: JsonObject) -> Experiment:
    """The Experiment of a stored `source`. Raises ValueError where that is no valid Experiment."""
    problems = Problems()
    experiment = _read(source, {}, problems) if _is_experiment(source, problems) else None
    wrong = next((p for p in problems if p.severity is Severity.ERROR), None)
    if experiment is None or wrong is not None:
        raise ValueError(f"not a valid Experiment: {wrong or 'it is of another version'}")
    return experiment


def _is_experiment(tree: Json, problems: Problems) -> TypeGuard[JsonObject]:
    """Whether it makes sense to read on. An Experiment with a wrong version is read, to find what else is wrong."""
    if not isinstance(tree, dict):
        problems.add("not-an-experiment", f"found {kind_name(tree)}, expected an Experiment")
        return False
    given = [
        _is_given(tree, name, expected, problems) for name, expected in (("kind", KIND), ("apiVersion", API_VERSION))
    ]
    return any(given) and _has_right_kind(tree, problems) and _has_right_version(tree, problems)


def _is_given(tree: JsonObject, name: str, expected: str, problems: Problems) -> bool:
    if tree.get(name) not in (None, ""):
        return True
    problems.add("required", f"{name} is missing", (name,), expected=expected, remedy=f"add `{name}: {expected}`")
    return False


def _has_right_kind(tree: JsonObject, problems: Problems) -> bool:
    kind = tree.get("kind")
    if kind in (None, "", KIND):
        return True
    found = with_article(kind) if isinstance(kind, str) else kind_name(kind)
    remedy = f"did you mean {KIND}?" if isinstance(kind, str) and nearest(kind, [KIND]) else ""
    message = f"this is {found}, Trialmill runs Experiments"
    problems.add("not-an-experiment", message, ("kind",), found=found, expected=KIND, remedy=remedy)
    return False


def _has_right_version(tree: JsonObject, problems: Problems) -> bool:
    version = tree.get("apiVersion")
    if version in _OLD_VERSIONS:
        message = f"Experiments of {version} are not available in this release"
        problems.unavailable("not-available-yet", message, ("apiVersion",), remedy=f"write it as {API_VERSION}")
        return False
    if version not in (None, "", API_VERSION):
        found = version if isinstance(version, str) else kind_name(version)
        message = f"found {found}, expected {API_VERSION}"
        problems.add("unknown-api-version", message, ("apiVersion",), found=found, expected=API_VERSION)
    return True


def _read(tree: JsonObject, texts: Mapping[Path, str], problems: Problems) -> Experiment:
    source = with_defaults(_as_written(tree))
    fields = Fields(source, (), Reading(problems, texts))
    fields.allow("apiVersion", "kind")
    name, namespace, labels, annotations = _metadata(fields)
    spec = _spec(fields)
    fields.close()
    _spell_out(source, fields.reading.spellings)
    return Experiment(name, namespace, spec, source, labels, annotations)


def _as_written(tree: JsonObject) -> JsonObject:
    """The tree without what a server adds to an Experiment."""
    written = {name: value for name, value in tree.items() if name != "status"}
    metadata = written.get("metadata")
    if isinstance(metadata, dict):
        written["metadata"] = {name: value for name, value in metadata.items() if name not in OWNED_BY_SERVER}
    return written


def _spell_out(tree: JsonObject, spellings: Mapping[Path, str]) -> None:
    """Put text where Katib wants text."""
    for path, text in spellings.items():
        match get(tree, *path[:-1]), path[-1]:
            case dict() as fields, str() as key:
                fields[key] = text
            case list() as items, int() as position:
                items[position] = text


def _metadata(fields: Fields) -> tuple[str, str, dict[str, str], dict[str, str]]:
    metadata = fields.object("metadata", required=True)
    if metadata is None:
        return "", DEFAULT_NAMESPACE, {}, {}
    generated = metadata.string("generateName")
    if generated and not metadata.has("name"):
        remedy = f"give it a name: `name: {generated.rstrip('-')}`"
        message = "an Experiment needs a name of its own, by which a later run finds it again"
        metadata.problems.add("generate-name", message, metadata.at("generateName"), remedy=remedy)
        name = ""
    else:
        name = metadata.string("name", required=True)
    namespace = metadata.string("namespace") or DEFAULT_NAMESPACE
    labels, annotations = metadata.string_map("labels"), metadata.string_map("annotations")
    metadata.close()
    return name, namespace, labels, annotations


def _spec(fields: Fields) -> ExperimentSpec:
    spec = fields.object("spec", required=True)
    if spec is None:
        return ExperimentSpec(Objective(ObjectiveType.MINIMIZE, ""), Algorithm(""), TrialTemplate(trial_spec=None))
    parallel = spec.integer("parallelTrialCount")
    read = ExperimentSpec(
        objective=_objective(spec),
        algorithm=_algorithm(spec, "algorithm", required=True) or Algorithm(""),
        template=read_template(spec),
        parameters=spec.objects("parameters", _parameter),
        early_stopping=_algorithm(spec, "earlyStopping"),
        collector=read_collector(spec),
        parallel_trials=DEFAULT_PARALLEL_TRIALS if parallel is None else parallel,
        max_trials=spec.integer("maxTrialCount"),
        max_failed_trials=spec.integer("maxFailedTrialCount"),
        resume_policy=spec.choice("resumePolicy", ResumePolicy) or ResumePolicy.NEVER,
        nas=spec.raw("nasConfig"),
        suspend=spec.boolean("suspend"),
        timeout=spec.duration("timeout"),
        seed=spec.integer("seed", INT64_MAX),
    )
    check_nas(spec, _parameter)
    for name in ("nasConfig", "constraints", "objectives", "warmStart"):
        spec.unavailable(name)
    spec.close()
    return read


def _objective(spec: Fields) -> Objective:
    fields = spec.object("objective", required=True)
    if fields is None:
        return Objective(ObjectiveType.MINIMIZE, "")
    strategies = dict(fields.objects("metricStrategies", _strategy))
    objective = Objective(
        type=fields.choice("type", ObjectiveType, required=True) or ObjectiveType.MINIMIZE,
        metric=fields.string("objectiveMetricName", required=True),
        goal=fields.number("goal"),
        additional_metrics=fields.strings("additionalMetricNames"),
        strategies={name: strategy for name, strategy in strategies.items() if strategy is not None},
    )
    fields.close()
    return objective


def _strategy(fields: Fields) -> tuple[str, Strategy | None]:
    strategy = (fields.string("name", required=True), fields.choice("value", Strategy, required=True))
    fields.close()
    return strategy


def _algorithm(spec: Fields, field: str, *, required: bool = False) -> Algorithm | None:
    fields = spec.object(field, required=required)
    if fields is None:
        return None
    algorithm = Algorithm(fields.string("algorithmName", required=True), fields.objects("algorithmSettings", _setting))
    fields.close()
    return algorithm


def _setting(fields: Fields) -> Setting:
    setting = Setting(fields.string("name", required=True), fields.text("value"))
    fields.close()
    return setting


def _parameter(fields: Fields) -> Parameter:
    parameter = Parameter(
        name=fields.string("name", required=True),
        type=fields.choice("parameterType", ParameterType, required=True) or ParameterType.UNKNOWN,
        space=_feasible_space(fields),
        active_when=_active_when(fields),
    )
    fields.close()
    return parameter


def _active_when(parameter: Fields) -> tuple[ActiveWhen, ...]:
    """One condition, or a list of conditions that must all hold."""
    if isinstance(parameter.raw("activeWhen"), list):
        return parameter.objects("activeWhen", _condition)
    if isinstance(parameter.raw("activeWhen"), str):
        remedy = "write `{parameter: NAME, equals: VALUE}`, or `in` with a list of values"
        parameter.reading.mismatch(parameter.at("activeWhen"), parameter.raw("activeWhen"), "a mapping", remedy)
        return ()
    fields = parameter.object("activeWhen")
    return () if fields is None else (_condition(fields),)


def _condition(fields: Fields) -> ActiveWhen:
    name = fields.string("parameter", required=True)
    equals, listed = fields.words("equals"), fields.words("in")
    if equals is None and listed is None:
        fields.missing("equals", "a value, or `in` with a list of values", "give `equals` a value, or `in` a list")
    elif equals is not None and listed is not None:
        fields.problems.add("both-fields", "equals and in are two ways to say the same", fields.at("in"), at_key=True)
    elif isinstance(fields.raw("equals"), list):
        fields.reading.mismatch(fields.at("equals"), fields.raw("equals"), "one value", "write `in` for a list")
    elif listed is not None and not isinstance(fields.raw("in"), list):
        fields.reading.mismatch(fields.at("in"), fields.raw("in"), "a list", "write `equals` for one value")
    elif listed == ():
        fields.problems.add("required", "in names no values", fields.at("in"), expected="a list of values")
    fields.close()
    return ActiveWhen(name, equals or listed or ())


def _feasible_space(parameter: Fields) -> FeasibleSpace:
    fields = parameter.object("feasibleSpace", required=True)
    if fields is None:
        return FeasibleSpace()
    space = FeasibleSpace(
        min=fields.text("min"),
        max=fields.text("max"),
        step=fields.text("step"),
        list=fields.texts("list"),
        distribution=_distribution(fields),
    )
    fields.close()
    return space


def _distribution(fields: Fields) -> Distribution:
    if fields.raw("distribution") == _UNKNOWN_DISTRIBUTION:
        fields.problems.warn(
            "unknown-distribution", "the distribution 'unknown' is taken as uniform", fields.at("distribution")
        )
        return Distribution.UNIFORM
    return fields.choice("distribution", Distribution) or Distribution.UNIFORM
