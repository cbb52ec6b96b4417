"""References to templates with declared parameters."""

import pytest
from forms_samples import documents, line_of, normalized, template_of

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, get, get_list
from trialmill.check.documents import check_documents

HEAD = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: sample}
spec:
  maxTrialCount: 4
  parallelTrialCount: 1
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
"""
SEARCH = """\
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.03"}}
    - {name: layers, parameterType: int, feasibleSpace: {min: "2", max: "5"}}
"""


def referring(kind: str, api_version: str, beside: str, parameters: str = SEARCH) -> str:
    reference = f"    trialTemplateRef: {{apiVersion: {api_version}, kind: {kind}, name: train}}\n"
    return f"{HEAD}{parameters}  trialTemplate:\n{reference}---\n{beside}"


TEMPLATE = """\
apiVersion: trialmill.dev/v1
kind: TrialTemplate
metadata: {name: train}
spec:
  parameters:
    - {name: lr, type: number, default: 0.02, feasibleSpace: {min: "0.01", max: "0.03"}, description: the rate}
    - {name: layers, type: integer, feasibleSpace: {min: "1", max: "3"}}
    - {name: optimizer, type: string, enum: [sgd, adam], default: sgd}
    - {name: epochs, type: integer, default: 3}
  metrics: [loss, accuracy]
  primaryContainerName: main
  template:
    apiVersion: batch/v1
    kind: Job
    spec:
      backoffLimit: $(params.epochs)
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: main
              image: example
              command: [echo, "$(params.lr) $(params.tektons)", "${trialParameters.layers}"]
              args: ["$(parameter.optimizer)", "$(params.epochs)"]
"""
OURS = ("TrialTemplate", "trialmill.dev/v1")


def checked(text: str) -> tuple[Json, list[Problem]]:
    """The template in the normal form, and the problems that are no notes."""
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    return template_of(normalized(text)), [p for p in problems if p.severity is not Severity.NOTE]


def test_a_template_of_its_own_fills_in_defaults_and_declares_what_is_searched() -> None:
    template, problems = checked(referring(*OURS, TEMPLATE))
    assert problems == []
    spec = get(template, "trialSpec", "spec")
    assert get(spec, "backoffLimit") == 3
    container = get(spec, "template", "spec", "containers", 0)
    assert get(container, "command") == [
        "echo",
        "${trialParameters.lr} $(params.tektons)",
        "${trialParameters.layers}",
    ]
    assert get(container, "args") == ["sgd", "3"]
    assert get(template, "primaryContainerName") == "main"
    assert get(template, "trialParameters", 0) == {
        "name": "lr",
        "reference": "lr",
        "description": "the rate",
        "type": "number",
        "default": 0.02,
    }


def test_an_experiment_without_parameters_takes_those_of_the_template() -> None:
    text = referring(*OURS, TEMPLATE, parameters="")
    assert checked(text)[1] == []
    parameters = get(normalized(text).document.tree, "spec", "parameters")
    assert parameters == [
        {"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.01", "max": "0.03"}},
        {"name": "layers", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3"}},
        {"name": "optimizer", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
    ]


OPTIMIZER = SEARCH + "    - {name: optimizer, parameterType: categorical, feasibleSpace: {list: [sgd, adamw]}}\n"


@pytest.mark.parametrize(
    ("parameters", "template", "code", "at"),
    [
        (SEARCH.replace("int, ", "double, "), TEMPLATE, "type-mismatch", "layers, parameterType"),
        (OPTIMIZER, TEMPLATE, "not-in-enum", "optimizer, parameterType"),
        (SEARCH.replace("name: lr", "name: rl"), TEMPLATE, "undeclared-parameter", "name: rl"),
        (SEARCH.splitlines(keepends=True)[0] + SEARCH.splitlines(keepends=True)[1], TEMPLATE, "no-value", "layers, ty"),
        (SEARCH, TEMPLATE.replace("type: number", "type: numbre"), "unknown-value", "numbre"),
        (SEARCH, TEMPLATE.replace("name: epochs", "name: lr"), "duplicate-name", "name: lr, type: integer"),
        (
            SEARCH,
            TEMPLATE.replace("  template:\n", "  templates:\n"),
            "unknown-field",
            "templates:",
        ),
        (SEARCH, TEMPLATE.replace("name: train}", "name: other}"), "template-missing", "trialTemplateRef"),
        (SEARCH, TEMPLATE.replace("default: 3}", "default: three}"), "type-mismatch", "default: three"),
        (SEARCH, TEMPLATE.replace("default: sgd", "default: lion"), "not-in-enum", "default: lion"),
        (
            SEARCH,
            TEMPLATE.replace("integer, default: 3", "integer, default: 3, enum: [3, x]"),
            "type-mismatch",
            "[3, x]",
        ),
        (
            SEARCH,
            TEMPLATE.replace('type: integer, feasibleSpace: {min: "1", max: "3"}', "type: integer, enum: [1, 2]"),
            "not-in-enum",
            "name: layers, parameterType",
        ),
        (
            SEARCH.replace('int, feasibleSpace: {min: "2", max: "5"}', "discrete, feasibleSpace: {list: [1, 2.5]}"),
            TEMPLATE,
            "type-mismatch",
            "list: [1, 2.5]",
        ),
    ],
    ids=[
        "a wider type",
        "no value of the enum",
        "no such parameter",
        "neither default nor search",
        "no such type",
        "the same name twice",
        "no manifest",
        "no such template",
        "a default of another type",
        "a default that the enum lacks",
        "an enum of another type",
        "a range where there is an enum",
        "a value of another type",
    ],
)
def test_what_does_not_fit_the_template_is_said_at_its_line(parameters: str, template: str, code: str, at: str) -> None:
    text = referring(*OURS, template, parameters)
    errors = [p for p in normalized(text).problems if p.severity is Severity.ERROR]
    assert (code, line_of(text, at)) in [(p.code, p.line) for p in errors]


def test_a_metric_that_the_template_does_not_report_is_a_warning() -> None:
    text = referring(*OURS, TEMPLATE).replace("objectiveMetricName: loss", "objectiveMetricName: lose")
    (problem,) = checked(text)[1]
    assert (problem.code, problem.severity) == ("unreported-metric", Severity.WARNING)
    assert "loss" in problem.remedy


def test_a_search_beyond_what_is_feasible_is_noted_and_a_default_beyond_it_is_a_warning() -> None:
    notes = normalized(referring(*OURS, TEMPLATE)).problems
    assert [(p.code, p.severity) for p in notes] == [("beyond-feasible-space", Severity.NOTE)]
    text = referring(*OURS, TEMPLATE.replace("default: 0.02", "default: 0.5"))
    assert [(p.code, p.line) for p in checked(text)[1]] == [("default-outside-space", line_of(text, "default: 0.5"))]


def test_a_trial_parameter_may_say_which_search_parameter_a_declared_one_is() -> None:
    text = referring(*OURS, TEMPLATE, SEARCH.replace("name: lr", "name: rate")).replace(
        "    trialTemplateRef", "    trialParameters: [{name: lr, reference: rate}]\n    trialTemplateRef"
    )
    template, problems = checked(text)
    assert problems == []
    declared = [(get(p, "name"), get(p, "reference")) for p in get_list(template, "trialParameters")]
    assert declared == [("lr", "rate"), ("layers", "layers")]


def test_what_the_template_does_not_declare_may_be_injected() -> None:
    more = SEARCH + '    - {name: seed, parameterType: int, feasibleSpace: {min: "1", max: "9"}}\n'
    text = referring(*OURS, TEMPLATE, more).replace(
        "    trialTemplateRef", "    inject: {as: env}\n    trialTemplateRef"
    )
    template, problems = checked(text)
    assert problems == []
    env = get(template, "trialSpec", "spec", "template", "spec", "containers", 0, "env")
    assert env == [{"name": "seed", "value": "${trialParameters.seed}"}]


def test_parameters_are_generated_as_katib_has_them() -> None:
    declared = """\
    - {name: lr, type: number, feasibleSpace: {min: 0.5, max: 1}}
    - {name: layers, type: integer, enum: [1, 2, 4]}
    - {name: optimizer, enum: [sgd, adam]}
    - {name: epochs, type: integer, default: 3}
"""
    start, end = TEMPLATE.index("    - {name: lr"), TEMPLATE.index("  metrics:")
    text = referring(*OURS, TEMPLATE[:start] + declared + TEMPLATE[end:], parameters="")
    parameters = get_list(normalized(text).document.tree, "spec", "parameters")
    assert [(get(p, "parameterType"), get(p, "feasibleSpace")) for p in parameters] == [
        ("double", {"min": "0.5", "max": "1"}),
        ("discrete", {"list": ["1", "2", "4"]}),
        ("categorical", {"list": ["sgd", "adam"]}),
    ]
    assert checked(text)[1] == []


def test_an_additional_metric_that_the_template_does_not_report_is_a_warning() -> None:
    names = "objectiveMetricName: loss, additionalMetricNames: [accuracy, speed]"
    text = referring(*OURS, TEMPLATE).replace("objectiveMetricName: loss", names)
    (problem,) = checked(text)[1]
    assert (problem.code, problem.path) == ("unreported-metric", "spec.objective.additionalMetricNames[1]")


def test_typed_parameters_may_stand_beside_the_manifest() -> None:
    body = TEMPLATE.partition("  template:\n")[2]
    manifest = "".join(f"  {line}\n" for line in body.splitlines())
    params = (
        "    params: [{name: lr, type: number}, {name: layers, type: integer}, {name: epochs, default: 2},"
        " {name: optimizer, default: adam}]\n"
    )
    text = f"{HEAD}{SEARCH}  trialTemplate:\n{params}    primaryContainerName: main\n    trialSpec:\n{manifest}"
    template, problems = checked(text)
    assert problems == []
    assert get(template, "trialSpec", "spec", "backoffLimit") == 2


TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: train}
spec:
  params:
    - {name: lr, type: string}
    - {name: layers}
    - {name: epochs, default: "3"}
    - {name: files, type: array, default: [a]}
  steps:
    - {name: train, image: example, command: [echo, "$(params.lr)"]}
"""


def test_of_a_task_a_task_run_is_made() -> None:
    template, problems = checked(referring("Task", "tekton.dev/v1", TASK))
    assert [p.code for p in problems] == ["not-available-yet"]
    run = get(template, "trialSpec")
    assert get(run, "kind") == "TaskRun"
    assert get(template, "primaryContainerName") == "step-train"
    assert get(run, "spec", "params") == [
        {"name": "lr", "value": "${trialParameters.lr}"},
        {"name": "layers", "value": "${trialParameters.layers}"},
    ]
    assert get(run, "spec", "taskSpec", "steps", 0, "command") == ["echo", "$(params.lr)"]


def test_of_a_pipeline_a_pipeline_run_is_made() -> None:
    pipeline = TASK.replace("kind: Task", "kind: Pipeline").replace("  steps:\n", "  tasks:\n")
    template, _ = checked(referring("Pipeline", "tekton.dev/v1", pipeline))
    assert get(template, "trialSpec", "kind") == "PipelineRun"
    assert get(template, "trialSpec", "spec", "pipelineSpec", "tasks", 0, "name") == "train"


WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: train}
spec:
  entrypoint: main
  arguments:
    parameters:
      - {name: lr}
      - {name: layers, value: "1"}
      - {name: epochs, value: "3"}
  templates:
    - name: main
      container: {image: example, command: [echo, "{{workflow.parameters.lr}}"]}
"""


def test_of_a_workflow_template_a_workflow_is_made() -> None:
    template, _ = checked(referring("WorkflowTemplate", "argoproj.io/v1alpha1", WORKFLOW))
    assert get(template, "trialSpec", "kind") == "Workflow"
    assert get(template, "trialSpec", "spec", "arguments", "parameters") == [
        {"name": "lr", "value": "${trialParameters.lr}"},
        {"name": "layers", "value": "${trialParameters.layers}"},
        {"name": "epochs", "value": "3"},
    ]


FOREIGN = """\
apiVersion: example.dev/v1
kind: NightlyTrialTemplate
metadata: {name: train}
spec:
  params: [{name: lr, type: number}, {name: layers, type: integer}, {name: epochs, default: 3}]
"""


def test_of_a_template_with_a_controller_of_its_own_a_run_of_its_group_is_made() -> None:
    template, _ = checked(referring("NightlyTrialTemplate", "example.dev/v1", FOREIGN))
    assert get(template, "trialSpec") == {
        "apiVersion": "example.dev/v1",
        "kind": "NightlyTrialRun",
        "spec": {
            "templateRef": {"name": "train"},
            "params": [
                {"name": "lr", "value": "${trialParameters.lr}"},
                {"name": "layers", "value": "${trialParameters.layers}"},
            ],
        },
    }


def test_a_run_whose_metrics_are_in_its_status_needs_no_container() -> None:
    text = referring("NightlyTrialTemplate", "example.dev/v1", FOREIGN)
    assert "required" in [p.code for p in checked(text)[1]]
    collector = "{collector: {kind: Outputs}, source: {metricFields: [{name: loss, path: status.loss}]}}"
    text = text.replace("  trialTemplate:\n", f"  metricsCollectorSpec: {collector}\n  trialTemplate:\n")
    assert "required" not in [p.code for p in checked(text)[1]]


def test_a_foreign_template_that_holds_its_jobs_spec_is_filled_in() -> None:
    held = (
        FOREIGN.replace("Nightly", "TFJob") + "  tfjobspec: {tfReplicaSpecs: {Worker: {replicas: $(params.layers)}}}\n"
    )
    template = template_of(normalized(referring("TFJobTrialTemplate", "example.dev/v1", held)))
    assert get(template, "trialSpec", "kind") == "TFJob"
    assert get(template, "trialSpec", "apiVersion") == "kubeflow.org/v1"
    replicas = get(template, "trialSpec", "spec", "tfReplicaSpecs", "Worker", "replicas")
    assert replicas == "${trialParameters.layers}"


def test_a_kind_that_is_no_template_is_an_error() -> None:
    text = referring("Deployment", "apps/v1", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: train}\n")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == ("unknown-kind", line_of(text, "trialTemplateRef"))
    (slip,) = normalized(referring("Taks", "tekton.dev/v1", TASK)).problems
    assert (slip.code, slip.remedy) == ("unknown-kind", "did you mean 'Task'?")


def test_of_two_references_the_second_is_one_too_many() -> None:
    text = referring(*OURS, TEMPLATE).replace("trialTemplateRef: {", "trialTemplateRef: [{kind: Task, name: a}, {")
    text = text.replace("name: train}\n---", "name: train}]\n---")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.path) == ("wrong-type", "spec.trialTemplate.trialTemplateRef[1]")


def test_a_template_that_cannot_be_read_hides_that_it_would_bring_the_parameters() -> None:
    text = referring(*OURS, TEMPLATE.replace("default: 3", "description: how many"), parameters="")
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    assert [p.code for p in problems if p.severity is Severity.ERROR] == ["no-value"]


def test_the_proposals_list_of_one_and_the_short_field_are_the_same() -> None:
    text = referring(*OURS, TEMPLATE)
    start, end = text.index("trialTemplateRef: ") + len("trialTemplateRef: "), text.index("}\n---") + 1
    listed = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    short = text.replace("trialTemplateRef:", "reference:")
    assert template_of(normalized(listed)) == template_of(normalized(text)) == template_of(normalized(short))
