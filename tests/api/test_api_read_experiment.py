import copy
import os
from datetime import timedelta
from pathlib import Path as FilePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.defaults import condition_on, with_defaults
from trialmill.api.document import Document
from trialmill.api.experiment import (
    ActiveWhen,
    Algorithm,
    CollectorKind,
    Experiment,
    FeasibleSpace,
    FileFormat,
    FileSource,
    HttpSource,
    MetricsCollector,
    Objective,
    ObjectiveType,
    Parameter,
    ParameterType,
    ResumePolicy,
    Retry,
    Setting,
    TrialParameter,
    TrialTemplate,
    When,
)
from trialmill.api.load import load_documents, read_source
from trialmill.api.metric import Strategy
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.read_experiment import experiment_from_source, read_experiment
from trialmill.api.space import Distribution
from trialmill.api.tree import Json, get, get_object

SMALL = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: small
spec:
  objective:
    type: maximize
    objectiveMetricName: accuracy
  algorithm:
    algorithmName: random
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace:
        min: "0.01"
        max: "0.05"
  trialTemplate:
    primaryContainerName: train
    trialParameters:
      - name: learningRate
        reference: lr
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - name: train
                args: ["--lr=${trialParameters.learningRate}"]
"""

FULL = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: full
  namespace: research
  labels: {team: vision}
  annotations: {note: "17"}
spec:
  parallelTrialCount: 4
  maxTrialCount: 40
  maxFailedTrialCount: 0
  resumePolicy: FromVolume
  suspend: yes
  timeout: 1h30m
  seed: 7
  objective:
    type: minimize
    goal: 1e-3
    objectiveMetricName: loss
    additionalMetricNames: [accuracy, time]
    metricStrategies:
      - {name: accuracy, value: max}
  algorithm:
    algorithmName: tpe
    algorithmSettings:
      - {name: gamma, value: "0.25"}
  earlyStopping:
    algorithmName: medianstop
    algorithmSettings:
      - {name: start_step, value: "2"}
  metricsCollectorSpec:
    collector: {kind: File}
    source:
      fileSystemPath: {path: /out/metrics.json, format: JSON}
      filter:
        metricsFormat: ['(\\w+)=(.*)']
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: "1e-4", max: "1e-1", distribution: logUniform}
    - name: layers
      parameterType: int
      feasibleSpace: {min: "2", max: "8", step: "2"}
    - name: optimizer
      parameterType: categorical
      feasibleSpace: {list: [sgd, adam]}
  trialTemplate:
    retain: true
    primaryContainerName: pytorch
    primaryPodLabels: {role: leader}
    successCondition: a
    failureCondition: b
    activeDeadlineSeconds: 600
    retry: {limit: 2, delay: 30}
    trialParameters:
      - name: learningRate
        description: Step size
        reference: lr
        type: double
        default: 0.01
        as: number
    trialSpec:
      apiVersion: kubeflow.org/v1
      kind: PyTorchJob
      spec: {}
"""


def document_of(text: str) -> Document:
    problems: list[Problem] = []
    (document,) = load_documents(text.encode(), "file.yaml", problems)
    assert problems == []
    return document


def read(text: str) -> tuple[Experiment, list[Problem]]:
    document = document_of(text)
    problems = Problems(document)
    experiment = read_experiment(document, problems)
    assert experiment is not None
    return experiment, problems.found


def read_clean(text: str) -> Experiment:
    experiment, problems = read(text)
    assert problems == []
    return experiment


def changed(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1
    return text.replace(old, new)


# --- What is read


def test_every_field_is_read() -> None:
    experiment = read_clean(FULL)
    spec = experiment.spec
    assert (experiment.name, experiment.namespace) == ("full", "research")
    assert (experiment.labels, experiment.annotations) == ({"team": "vision"}, {"note": "17"})
    assert (spec.parallel_trials, spec.max_trials, spec.max_failed_trials) == (4, 40, 0)
    assert spec.resume_policy is ResumePolicy.FROM_VOLUME
    assert (spec.suspend, spec.timeout, spec.seed) == (True, timedelta(minutes=90), 7)
    assert spec.objective == Objective(
        ObjectiveType.MINIMIZE,
        "loss",
        0.001,
        ("accuracy", "time"),
        {"accuracy": Strategy.MAX, "loss": Strategy.MIN, "time": Strategy.MIN},
    )
    assert spec.algorithm == Algorithm("tpe", (Setting("gamma", "0.25"),))
    assert spec.early_stopping == Algorithm("medianstop", (Setting("start_step", "2"),))
    assert spec.collector == MetricsCollector(
        CollectorKind.FILE, FileSource("/out/metrics.json", "File", FileFormat.JSON), (r"(\w+)=(.*)",)
    )
    assert spec.parameters == (
        Parameter("lr", ParameterType.DOUBLE, FeasibleSpace("1e-4", "1e-1", "", None, Distribution.LOG_UNIFORM)),
        Parameter("layers", ParameterType.INT, FeasibleSpace("2", "8", "2")),
        Parameter("optimizer", ParameterType.CATEGORICAL, FeasibleSpace(list=("sgd", "adam"))),
    )
    assert spec.template == TrialTemplate(
        trial_spec={"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "spec": {}},
        trial_parameters=(TrialParameter("learningRate", "lr", "Step size", "double", 0.01, "number"),),
        retain=True,
        primary_pod_labels={"role": "leader"},
        primary_container="pytorch",
        success_condition="a",
        failure_condition="b",
        active_deadline=timedelta(minutes=10),
        retry=Retry(2, timedelta(seconds=30)),
    )


def test_what_is_not_said_has_katibs_defaults() -> None:
    experiment = read_clean(SMALL)
    spec = experiment.spec
    assert experiment.namespace == "default"
    assert (spec.parallel_trials, spec.max_trials, spec.max_failed_trials) == (3, None, None)
    assert spec.resume_policy is ResumePolicy.NEVER
    assert spec.objective.strategies == {"accuracy": Strategy.MAX}
    assert spec.collector == MetricsCollector(CollectorKind.STDOUT)
    assert spec.parameters[0].space.distribution is Distribution.UNIFORM
    assert spec.template.success_condition == 'status.conditions.#(type=="Complete")#|#(status=="True")#'
    assert spec.template.failure_condition == 'status.conditions.#(type=="Failed")#|#(status=="True")#'
    assert (spec.suspend, spec.timeout, spec.seed) == (False, None, None)


def test_the_source_is_the_file_with_defaults() -> None:
    source = read_clean(SMALL).source
    assert get(source, "metadata") == {"name": "small"}
    assert get(source, "spec", "parallelTrialCount") == 3
    assert get(source, "spec", "resumePolicy") == "Never"
    assert get(source, "spec", "objective", "metricStrategies") == [{"name": "accuracy", "value": "max"}]
    assert get(source, "spec", "metricsCollectorSpec") == {"collector": {"kind": "StdOut"}}
    assert get(source, "spec", "parameters", 0, "feasibleSpace", "distribution") == "uniform"


@pytest.mark.parametrize("text", [SMALL, FULL], ids=["small", "full"])
def test_the_source_reads_back_as_the_same_experiment(text: str) -> None:
    experiment = read_clean(text)
    again = experiment_from_source(copy.deepcopy(experiment.source))
    assert again == experiment
    assert with_defaults(experiment.source) == experiment.source


def test_reading_leaves_the_document_as_it_is() -> None:
    document = document_of(SMALL)
    before = copy.deepcopy(document.tree)
    read_experiment(document, Problems(document))
    assert document.tree == before


def test_an_exported_experiment_is_read_without_what_the_server_added() -> None:
    exported = SMALL.replace(
        "  name: small\n", "  name: small\n  uid: abc\n  generation: 3\n  creationTimestamp: 2026-01-01T00:00:00Z\n"
    )
    experiment = read_clean(exported + "status:\n  trials: 4\n")
    assert experiment.source == read_clean(SMALL).source


@pytest.mark.parametrize(
    ("old", "new", "place", "spelling"),
    [
        ('min: "0.01"', "min: 1e-2", ("parameters", 0, "feasibleSpace", "min"), "1e-2"),
        ('max: "0.05"', "max: 0.050", ("parameters", 0, "feasibleSpace", "max"), "0.050"),
        ('max: "0.05"', 'max: "0.05"\n        list: [x, 017]', ("parameters", 0, "feasibleSpace", "list", 1), "017"),
        (
            "algorithmName: random",
            "algorithmName: random\n    algorithmSettings: [{name: a, value: yes}]",
            ("algorithm", "algorithmSettings", 0, "value"),
            "yes",
        ),
    ],
    ids=["min", "max", "list", "setting"],
)
def test_a_number_in_the_place_of_text_keeps_its_spelling(
    old: str, new: str, place: tuple[str | int, ...], spelling: str
) -> None:
    experiment, problems = read(changed(old, new))
    assert [(p.code, p.severity) for p in problems] == [("number-as-text", Severity.NOTE)]
    assert get(experiment.source, "spec", *place) == spelling
    assert experiment_from_source(experiment.source) == experiment


# --- Defaults


@pytest.mark.parametrize(
    ("version", "kind", "success", "failure", "labels"),
    [
        ("batch/v1", "Job", "Complete", "Failed", {}),
        ("kubeflow.org/v1", "TFJob", "Succeeded", "Failed", {"training.kubeflow.org/job-role": "master"}),
        ("kubeflow.org/v1", "PyTorchJob", "Succeeded", "Failed", {"training.kubeflow.org/job-role": "master"}),
        ("kubeflow.org/v1", "XGBoostJob", "Succeeded", "Failed", {"training.kubeflow.org/job-role": "master"}),
        ("kubeflow.org/v1", "MPIJob", "Succeeded", "Failed", {"training.kubeflow.org/job-role": "master"}),
        ("kubeflow.org/v2beta1", "MPIJob", "Succeeded", "Failed", {"training.kubeflow.org/job-role": "launcher"}),
        (
            "trainer.kubeflow.org/v1alpha1",
            "TrainJob",
            "Complete",
            "Failed",
            {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"},
        ),
    ],
)
def test_known_kinds_have_conditions(
    version: str, kind: str, success: str, failure: str, labels: dict[str, str]
) -> None:
    text = changed("kind: Job", f"kind: {kind}", changed("apiVersion: batch/v1", f"apiVersion: {version}"))
    template = read_clean(text).spec.template
    assert template.success_condition == condition_on(success)
    assert template.failure_condition == condition_on(failure)
    assert template.primary_pod_labels == labels


def test_a_kind_of_another_group_has_none() -> None:
    template = read_clean(changed("batch/v1", "batch.volcano.sh/v1alpha1")).spec.template
    assert (template.success_condition, template.failure_condition) == ("", "")


@pytest.mark.parametrize(
    ("spec", "collector"),
    [
        ("{}", MetricsCollector()),
        ("{collector: {kind: Push}}", MetricsCollector(CollectorKind.PUSH)),
        (
            "{collector: {kind: File}}",
            MetricsCollector(CollectorKind.FILE, FileSource("/var/log/katib/metrics.log", "File", FileFormat.TEXT)),
        ),
        (
            "{collector: {kind: TensorFlowEvent}, source: {fileSystemPath: {path: /logs}}}",
            MetricsCollector(CollectorKind.TENSORFLOW_EVENT, FileSource("/logs", "Directory")),
        ),
        (
            "{collector: {kind: TensorFlowEvent}}",
            MetricsCollector(CollectorKind.TENSORFLOW_EVENT, FileSource("/var/log/katib/tfevent/", "Directory")),
        ),
        (
            "{collector: {kind: PrometheusMetric}, source: {httpGet: {path: /m}}}",
            MetricsCollector(CollectorKind.PROMETHEUS, http=HttpSource("/m", 8080)),
        ),
        (
            "{collector: {kind: PrometheusMetric}, source: {httpGet: {port: web, host: h}}}",
            MetricsCollector(CollectorKind.PROMETHEUS, http=HttpSource("/metrics", "web", "h")),
        ),
        (
            "{collector: {kind: Custom, customCollector: {name: c}}}",
            MetricsCollector(CollectorKind.CUSTOM, custom={"name": "c"}),
        ),
    ],
)
def test_collectors_have_defaults_by_kind(spec: str, collector: MetricsCollector) -> None:
    experiment = read_clean(changed("  objective:", f"  metricsCollectorSpec: {spec}\n  objective:"))
    assert experiment.spec.collector == collector


# --- What is wrong

WRONG: dict[str, tuple[str, str, str, str, int, int]] = {
    "no metadata": ("metadata:\n  name: small\n", "", "required", "metadata", 1, 1),
    "no name": ("  name: small\n", "  namespace: x\n", "required", "metadata.name", 3, 1),
    "an empty name": ("name: small", 'name: ""', "required", "metadata.name", 4, 9),
    "a name that is a number": ("name: small", "name: 42", "wrong-type", "metadata.name", 4, 9),
    "a generated name": ("name: small", "generateName: small-", "generate-name", "metadata.generateName", 4, 17),
    "a label that is a number": (
        "name: small",
        "name: small\n  labels: {v: 1.0}",
        "wrong-type",
        "metadata.labels.v",
        5,
        15,
    ),
    "no kind": ("kind: Experiment\n", "", "required", "kind", 1, 1),
    "no apiVersion": ("apiVersion: kubeflow.org/v1beta1\n", "", "required", "apiVersion", 1, 1),
    "an unknown apiVersion": ("kubeflow.org/v1beta1", "kubeflow.org/v1", "unknown-api-version", "apiVersion", 1, 13),
    "no objective": (
        "  objective:\n    type: maximize\n    objectiveMetricName: accuracy\n",
        "",
        "required",
        "spec.objective",
        5,
        1,
    ),
    "no type": ("    type: maximize\n", "", "required", "spec.objective.type", 6, 3),
    "an unknown type": ("type: maximize", "type: maximise", "unknown-value", "spec.objective.type", 7, 11),
    "a type that is a list": ("type: maximize", "type: [maximize]", "wrong-type", "spec.objective.type", 7, 11),
    "no metric": (
        "    objectiveMetricName: accuracy\n",
        "",
        "required",
        "spec.objective.objectiveMetricName",
        6,
        3,
    ),
    "a quoted goal": ("type: maximize", 'type: maximize\n    goal: "0.9"', "wrong-type", "spec.objective.goal", 8, 11),
    "no algorithm": ("  algorithm:\n    algorithmName: random\n", "", "required", "spec.algorithm", 5, 1),
    "no algorithmName": (
        "algorithmName: random",
        "algorithmSettings: []",
        "required",
        "spec.algorithm.algorithmName",
        9,
        3,
    ),
    "an algorithm that is a string": (
        "algorithm:\n    algorithmName: random",
        "algorithm: random",
        "wrong-type",
        "spec.algorithm",
        9,
        14,
    ),
    "a quoted count": (
        "spec:\n  objective",
        'spec:\n  maxTrialCount: "4"\n  objective',
        "wrong-type",
        "spec.maxTrialCount",
        6,
        18,
    ),
    "a count with a fraction": (
        "spec:\n  objective",
        "spec:\n  maxTrialCount: 1.5\n  objective",
        "wrong-type",
        "spec.maxTrialCount",
        6,
        18,
    ),
    "a count beyond 32 bits": (
        "spec:\n  objective",
        "spec:\n  maxTrialCount: 3000000000\n  objective",
        "wrong-type",
        "spec.maxTrialCount",
        6,
        18,
    ),
    "a timeout without a unit known": (
        "spec:\n  objective",
        "spec:\n  timeout: 3 hours\n  objective",
        "wrong-type",
        "spec.timeout",
        6,
        12,
    ),
    "a suspend that is a word": (
        "spec:\n  objective",
        'spec:\n  suspend: "true"\n  objective',
        "wrong-type",
        "spec.suspend",
        6,
        12,
    ),
    "parameters that are a mapping": (
        "  parameters:\n    - name: lr\n      parameterType",
        "  parameters:\n      name: lr\n      parameterType",
        "wrong-type",
        "spec.parameters",
        12,
        7,
    ),
    "an unknown parameterType": (
        "parameterType: double",
        "parameterType: float",
        "unknown-value",
        "spec.parameters[0].parameterType",
        13,
        22,
    ),
    "no feasibleSpace": (
        '      feasibleSpace:\n        min: "0.01"\n        max: "0.05"\n',
        "",
        "required",
        "spec.parameters[0].feasibleSpace",
        12,
        7,
    ),
    "a min that is a list": ('min: "0.01"', "min: [1]", "wrong-type", "spec.parameters[0].feasibleSpace.min", 15, 14),
    "an unknown distribution": (
        'min: "0.01"',
        'min: "0.01"\n        distribution: loguniform',
        "unknown-value",
        "spec.parameters[0].feasibleSpace.distribution",
        16,
        23,
    ),
    "no reference": (
        "        reference: lr\n",
        "",
        "required",
        "spec.trialTemplate.trialParameters[0].reference",
        20,
        9,
    ),
    "an unknown cast": (
        "reference: lr",
        "reference: lr\n        as: int",
        "unknown-value",
        "spec.trialTemplate.trialParameters[0].as",
        22,
        13,
    ),
    "a trialSpec that is text": (
        "trialSpec:\n",
        "trialSpec: |\n",
        "wrong-type",
        "spec.trialTemplate.trialSpec",
        22,
        16,
    ),
    "an unknown collector": (
        "spec:\n  objective",
        "spec:\n  metricsCollectorSpec: {collector: {kind: Stdout2}}\n  objective",
        "unknown-value",
        "spec.metricsCollectorSpec.collector.kind",
        6,
        44,
    ),
}


@pytest.mark.parametrize(("old", "new", "code", "path", "line", "column"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_one_error_at_its_place(
    old: str, new: str, code: str, path: str, line: int, column: int
) -> None:
    _, problems = read(changed(old, new))
    assert [(p.code, p.severity, p.path, p.line, p.column) for p in problems] == [
        (code, Severity.ERROR, path, line, column)
    ]
    with pytest.raises(ValueError, match=r"not a valid Experiment"):
        experiment_from_source(get_object(document_of(changed(old, new)).tree))


def test_all_mistakes_are_reported_at_once_and_the_rest_is_read() -> None:
    experiment, problems = read(
        "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: x}\n"
        "spec: {maxTrialCount: 4, algorithm: {}, parameters: [1, {name: a}]}\n"
    )
    assert [(p.code, p.path) for p in problems] == [
        ("required", "spec.objective"),
        ("required", "spec.algorithm.algorithmName"),
        ("required", "spec.trialTemplate"),
        ("wrong-type", "spec.parameters[0]"),
        ("required", "spec.parameters[1].parameterType"),
        ("required", "spec.parameters[1].feasibleSpace"),
    ]
    assert (experiment.name, experiment.spec.max_trials) == ("x", 4)
    assert experiment.spec.template.trial_spec is None
    assert experiment.spec.parameters == (Parameter("a", ParameterType.UNKNOWN, FeasibleSpace()),)


def test_a_missing_spec_is_one_problem() -> None:
    _, problems = read("apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: x}\n")
    assert [p.path for p in problems] == ["spec"]


@pytest.mark.parametrize(
    ("field", "meant", "line", "column"),
    [
        ("  maxTrailCount: 3", "did you mean 'maxTrialCount'?", 6, 3),
        ("  nothingLikeIt: 3", "", 6, 3),
    ],
)
def test_an_unknown_field_is_a_warning_at_its_key(field: str, meant: str, line: int, column: int) -> None:
    _, (problem,) = read(changed("spec:\n  objective", f"spec:\n{field}\n  objective"))
    assert (problem.code, problem.severity) == ("unknown-field", Severity.WARNING)
    assert (problem.remedy, problem.line, problem.column) == (meant, line, column)


def test_the_distribution_unknown_is_uniform_with_a_warning() -> None:
    experiment, (problem,) = read(changed('min: "0.01"', 'min: "0.01"\n        distribution: unknown'))
    assert (problem.code, problem.severity) == ("unknown-distribution", Severity.WARNING)
    assert experiment.spec.parameters[0].space.distribution is Distribution.UNIFORM


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("spec:\n  objective", "spec:\n  nasConfig: {}\n  objective", "spec.nasConfig"),
        ("spec:\n  objective", "spec:\n  constraints: []\n  objective", "spec.constraints"),
        ("spec:\n  objective", "spec:\n  objectives: []\n  objective", "spec.objectives"),
        ("spec:\n  objective", "spec:\n  warmStart: []\n  objective", "spec.warmStart"),
    ],
)
def test_what_this_release_cannot_do_is_said(old: str, new: str, path: str) -> None:
    _, problems = read(changed(old, new))
    assert [(p.code, p.severity, p.path) for p in problems] == [("not-available-yet", Severity.UNAVAILABLE, path)]


def test_conditions_and_values_are_texts_as_they_are_spelled_also_when_read_again() -> None:
    conditions = (
        "parameterType: double\n      activeWhen: [{parameter: layers, in: [2, 4]}, {parameter: b, equals: yes}]"
    )
    experiment, problems = read(changed("parameterType: double", conditions))
    assert problems == []
    expected = (ActiveWhen("layers", ("2", "4")), ActiveWhen("b", ("yes",)))
    assert experiment.spec.parameters[0].active_when == expected
    again = experiment_from_source(experiment.source)
    assert again.spec.parameters[0].active_when == expected


@pytest.mark.parametrize(
    ("condition", "code", "path"),
    [
        ("{equals: 1}", "required", "activeWhen.parameter"),
        ("{parameter: a}", "required", "activeWhen.equals"),
        ("{parameter: a, equals: 1, in: [1]}", "both-fields", "activeWhen.in"),
        ("{parameter: a, equals: [1]}", "wrong-type", "activeWhen.equals"),
        ("{parameter: a, in: 1}", "wrong-type", "activeWhen.in"),
        ("{parameter: a, in: []}", "required", "activeWhen.in"),
        ("{parameter: a, in: [{}]}", "wrong-type", "activeWhen.in[0]"),
        ("[{parameter: a, equals: 1}, x]", "wrong-type", "activeWhen[1]"),
        ("a == 1", "wrong-type", "activeWhen"),
        ("{parameter: a, equals: 1, unless: b}", "unknown-field", "activeWhen.unless"),
    ],
)
def test_a_condition_that_cannot_be_read_is_told_at_its_place(condition: str, code: str, path: str) -> None:
    text = f"parameterType: double\n      activeWhen: {condition}"
    _, problems = read(changed("parameterType: double", text))
    assert [(p.code, p.path) for p in problems] == [(code, f"spec.parameters[0].{path}")]


@pytest.mark.parametrize(
    ("field", "when"),
    [
        ("successWhen: {condition: Done}", When(condition="Done")),
        ("successWhen: {jsonpath: '{.status.x}', value: 3}", When(jsonpath="{.status.x}", value="3")),
        ("successWhen: {jsonpath: '{.status.x}'}", When(jsonpath="{.status.x}")),
    ],
)
def test_a_condition_in_other_words_is_read(field: str, when: When) -> None:
    experiment, problems = read(changed("primaryContainerName: train", field))
    assert [p for p in problems if p.severity is not Severity.NOTE] == []
    assert experiment.spec.template.success_when == when


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ("successWhen: a", "wrong-type", "spec.trialTemplate.successWhen"),
        ("successWhen: {}", "not-one-condition", "spec.trialTemplate.successWhen"),
        ("successWhen: {condition: A, jsonpath: .b}", "not-one-condition", "spec.trialTemplate.successWhen"),
        ("failureWhen: {condition: A, value: b}", "no-effect", "spec.trialTemplate.failureWhen.value"),
        ("failureWhen: {conditions: A}", "unknown-field", "spec.trialTemplate.failureWhen.conditions"),
        ("failureWhen: {condition: A}\n    failureCondition: b", "two-conditions", "spec.trialTemplate.failureWhen"),
    ],
)
def test_a_condition_in_other_words_is_one_and_no_other(fields: str, code: str, path: str) -> None:
    _, problems = read(changed("primaryContainerName: train", fields))
    assert (code, path) in [(p.code, p.path) for p in problems]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("apiVersion: batch/v1\nkind: Job\n", "not-an-experiment", "this is a Job, Trialmill runs Experiments"),
        ("kind: experiment\n", "required", "apiVersion is missing"),
        ("[1]\n", "not-an-experiment", "found a list, expected an Experiment"),
        ("text\n", "not-an-experiment", "found a string, expected an Experiment"),
        ("kind: [1]\napiVersion: v1\n", "not-an-experiment", "this is a list, Trialmill runs Experiments"),
        ("lr: 0.1\n", "required", "kind is missing"),
        (
            "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\n",
            "not-available-yet",
            "Experiments of kubeflow.org/v1alpha3 are not available in this release",
        ),
    ],
)
def test_what_is_no_experiment_is_none(text: str, code: str, message: str) -> None:
    document = document_of(text)
    problems = Problems(document)
    assert read_experiment(document, problems) is None
    assert (problems.found[0].code, problems.found[0].message) == (code, message)


# --- What always holds

PATHS = tuple(document_of(FULL).values)
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([path for path in PATHS if path]), ANYTHING)
def test_anything_in_any_place_is_read_without_raising(path: tuple[str | int, ...], value: Json) -> None:
    document = document_of(FULL)
    parent = get(document.tree, *path[:-1])
    assert isinstance(parent, list | dict)
    parent[path[-1]] = value  # type: ignore[index]
    problems = Problems(document)
    experiment = read_experiment(document, problems)
    if experiment is not None and not problems.has_errors:
        assert experiment_from_source(experiment.source) == experiment


EXAMPLES = os.environ.get("KATIB_EXAMPLES", "")


@pytest.mark.skipif(not EXAMPLES, reason="KATIB_EXAMPLES names no folder of Katib's examples")
def test_katibs_own_examples_are_read_without_errors() -> None:
    files = sorted(FilePath(EXAMPLES).glob("*.yaml"))
    assert files
    for file in files:
        found: list[Problem] = []
        for document in read_source(str(file), found):
            problems = Problems(document)
            experiment = read_experiment(document, problems)
            assert experiment is not None
            assert experiment_from_source(experiment.source) == experiment
            found += problems
        assert [str(p) for p in found if p.severity is Severity.ERROR] == []
