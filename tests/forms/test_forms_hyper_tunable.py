"""`hyperTunable`: an image with its assignments in a file and its metrics in files."""

from forms_samples import documents, line_of, normalized, template_of

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import get, get_list
from trialmill.check.documents import check_documents

TUNABLE = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: sample}
spec:
  maxTrialCount: 4
  parallelTrialCount: 1
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  trialTemplate:
    hyperTunable:
      image: example
      command: [run]
      parameterSpecs:
        - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.03"}}
        - {name: opt, type: categorical, feasibleSpace: {list: [a, b]}}
      parameterAssignments:
        - {name: epochs, value: 3}
      metrics:
        - {name: loss, path: /outputs/loss}
"""


def checked(text: str) -> list[Problem]:
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    return [p for p in problems if p.severity is not Severity.NOTE]


def test_it_becomes_a_job_that_gets_its_assignments_as_variables_and_as_a_file() -> None:
    assert checked(TUNABLE) == []
    tree = normalized(TUNABLE).document.tree
    template = template_of(normalized(TUNABLE))
    (container,) = get_list(template, "trialSpec", "spec", "template", "spec", "containers")
    assert [get(v, "name") for v in get_list(container, "env")] == ["lr", "opt", "epochs"]
    assert get(container, "volumeMounts", 0, "mountPath") == "/inputs/parameters.json"
    assert [get(p, "parameterType") for p in get_list(tree, "spec", "parameters")] == ["double", "categorical"]
    assert get(tree, "spec", "metricsCollectorSpec", "source", "metricFiles") == [
        {"name": "loss", "path": "/outputs/loss"}
    ]


def test_what_is_assigned_and_not_searched_is_in_the_file_and_in_the_environment() -> None:
    template = template_of(normalized(TUNABLE))
    (container,) = get_list(template, "trialSpec", "spec", "template", "spec", "containers")
    assert get(container, "env", 2) == {"name": "epochs", "value": "3"}
    assert '"epochs": 3' in str(get(template, "additionalResources", 0, "data", "parameters.json"))
    assert '"lr": ${trialParameters.lr}' in str(get(template, "additionalResources", 0, "data", "parameters.json"))


def test_what_is_searched_cannot_be_assigned() -> None:
    text = TUNABLE.replace("name: epochs, value", "name: opt, value")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == ("already-there", line_of(text, "name: opt, value"))


def test_another_word_on_how_values_get_in_is_an_error() -> None:
    text = TUNABLE.replace("    hyperTunable:", "    inject: {as: args}\n    hyperTunable:")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == ("mixed-forms", line_of(text, "inject"))


def test_an_objective_without_a_file_is_an_error_at_the_metrics() -> None:
    text = TUNABLE.replace("{name: loss, path", "{name: lose, path")
    (problem,) = checked(text)
    assert (problem.code, problem.line) == ("required", line_of(text, "- {name: lose"))


def test_an_image_is_needed() -> None:
    (problem,) = normalized(TUNABLE.replace("      image: example\n", "")).problems
    assert (problem.code, problem.line) == ("required", line_of(TUNABLE, "hyperTunable:"))
