"""Experiments of `kubeflow.org/v1alpha3`: their fields, brought up to v1beta1."""

from pathlib import Path

import pytest
from forms_samples import documents, line_of, normalized

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, get
from trialmill.check.documents import check_documents

FILES = sorted((Path(__file__).parent / "v1alpha3").glob("*.yaml"))
SPEC = """\
apiVersion: kubeflow.org/v1alpha3
kind: Experiment
metadata: {name: old}
spec:
  maxTrialCount: 4
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  parameters:
    - {name: --lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.03"}}
"""
TEMPLATE = """\
  trialTemplate:
    goTemplate:
      rawTemplate: |
        apiVersion: batch/v1
        kind: Job
        spec:
          template:
            spec:
              restartPolicy: Never
              containers:
                - {name: "{{.Trial}}", image: x, args: [{{range .HyperParameters}}{{.Name}}={{.Value}}{{end}}]}
"""
OLD = SPEC + TEMPLATE
DEFAULT_TEMPLATE = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: trial-template, namespace: kubeflow}
data:
  defaultTrialTemplate.yaml: |
    apiVersion: batch/v1
    kind: Job
    metadata: {name: "{{.Trial}}"}
    spec: {args: "{{range .HyperParameters}}{{.Value}}{{end}}"}
"""


def spec_of(text: str) -> Json:
    result = normalized(text)
    assert not result.failed, [str(p) for p in result.problems]
    assert get(result.document.tree, "apiVersion") == "kubeflow.org/v1beta1"
    return get(result.document.tree, "spec")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_of_v1alpha3_has_nothing_wrong_and_at_most_something_unavailable(file: Path) -> None:
    problems: list[Problem] = []
    check_documents(documents(file.read_text()), problems)
    assert {p.severity for p in problems} <= {Severity.UNAVAILABLE, Severity.NOTE}
    assert [p.code for p in problems if p.severity is Severity.NOTE] == ["old-version"]


def test_names_of_parameters_lose_their_dashes_in_the_template_only() -> None:
    spec = spec_of(OLD)
    assert get(spec, "parameters", 0, "name") == "--lr"
    assert get(spec, "trialTemplate", "trialParameters") == [{"name": "lr", "reference": "--lr"}]
    args = get(spec, "trialTemplate", "trialSpec", "spec", "template", "spec", "containers", 0, "args")
    assert args == ["--lr=${trialParameters.lr}"]


@pytest.mark.parametrize(
    ("kind", "container", "primary"),
    [("Job", "{{.Trial}}", "training"), ("Job", "main", "main"), ("Job", "{{.Trial}}-x", None)],
)
def test_the_training_container_of_a_job_is_the_first(kind: str, container: str, primary: str | None) -> None:
    text = OLD.replace('"{{.Trial}}"', f'"{container}"') + "                - {name: sidecar, image: y}\n"
    assert get(spec_of(text), "trialTemplate", "primaryContainerName") == primary


def test_a_primary_container_that_is_named_stays() -> None:
    text = OLD.replace("    goTemplate:", "    primaryContainerName: other\n    goTemplate:")
    assert get(spec_of(text), "trialTemplate", "primaryContainerName") == "other"


def test_fields_that_were_already_those_of_today_stay_as_they_are() -> None:
    more = "  parallelTrialCount: 2\n  resumePolicy: Never\n"
    spec = spec_of(
        OLD.replace("  maxTrialCount: 4\n", "  maxTrialCount: 4\n" + more).replace("goT", "retain: true\n    goT")
    )
    assert [get(spec, "parallelTrialCount"), get(spec, "resumePolicy")] == [2, "Never"]
    assert get(spec, "trialTemplate", "retain") is True


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{collector: {kind: fileCollector}}", {"collector": {"kind": "File"}}),
        ("{collector: {kind: tfEventCollector}}", {"collector": {"kind": "TensorFlowEvent"}}),
        ("{collector: {kind: None}}", {"collector": {"kind": "Push"}}),
        ("{retain: true, collector: {kind: StdOut}}", {"collector": {"kind": "StdOut"}}),
        (
            "{source: {fileSystemPath: {path: /x, kind: diretory}}}",
            {"source": {"fileSystemPath": {"path": "/x", "kind": "Directory"}}},
        ),
        ("{goTemplate: {rawTemplate: 'kind: CronJob'}}", None),
        ("{collector: 1}", {"collector": 1}),
        ("text", "text"),
    ],
)
def test_collectors_get_the_names_of_today(old: str, new: Json) -> None:
    assert get(spec_of(f"{OLD}  metricsCollectorSpec: {old}\n"), "metricsCollectorSpec") == new


def test_a_collector_that_was_a_job_goes_with_a_word_about_what_is_there_today() -> None:
    text = OLD + "  metricsCollectorSpec:\n    goTemplate: {rawTemplate: 'kind: CronJob'}\n"
    (warning,) = [p for p in normalized(text).problems if p.severity is Severity.WARNING]
    assert (warning.code, warning.line) == ("old-collector", line_of(text, "goTemplate: {raw"))


def test_early_stopping_moves_out_of_the_algorithm() -> None:
    early = "earlyStopping: {earlyStoppingAlgorithmName: medianstop, earlyStoppingSettings: [{name: a, value: b}]}"
    spec = spec_of(OLD.replace("algorithmName: random}", f"algorithmName: random, {early}}}"))
    assert get(spec, "algorithm") == {"algorithmName": "random"}
    assert get(spec, "earlyStopping") == {
        "algorithmName": "medianstop",
        "algorithmSettings": [{"name": "a", "value": "b"}],
    }


def test_a_search_for_an_architecture_is_unavailable_for_that_reason_alone() -> None:
    text = OLD[: OLD.index("  parameters:")] + "  nasConfig: {}\n" + TEMPLATE
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    wrong = [p.path for p in problems if p.severity in (Severity.ERROR, Severity.UNAVAILABLE)]
    assert [path for path in wrong if path.startswith("spec.trialTemplate")] == []
    assert "spec.nasConfig" in wrong


def test_what_was_kept_by_a_switch_is_always_kept_today() -> None:
    text = OLD + "  retainHistoricalData: true\n"
    assert get(spec_of(text), "retainHistoricalData") is None
    assert [p.code for p in normalized(text).problems] == ["old-version", "old-field"]


@pytest.mark.parametrize("template", ["", "  trialTemplate: {}\n", "  trialTemplate: {retain: true, goTemplate: {}}\n"])
def test_without_a_template_that_of_the_installation_is_asked_for(template: str) -> None:
    (_, problem) = normalized(SPEC + template).problems
    assert problem.code == "no-template"
    assert "trial-template" in problem.message


@pytest.mark.parametrize(("template", "retain"), [("", True), ("  trialTemplate: {goTemplate: {}}\n", None)])
def test_the_template_of_the_installation_is_taken_where_it_is_given(template: str, retain: bool | None) -> None:
    spec = spec_of(SPEC + template + DEFAULT_TEMPLATE)
    assert get(spec, "trialTemplate", "trialSpec") == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {"args": "${trialParameters.lr}"},
    }
    assert get(spec, "trialTemplate", "retain") is retain


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\n",
        "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\nspec: 1\n",
        "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\nspec: {trialTemplate: 1, algorithm: 2}\n",
        "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\nspec: {trialTemplate: {goTemplate: 1}}\n",
        "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\nspec: {parameters: 1, algorithm: {earlyStopping: 1}}\n",
    ],
)
def test_an_experiment_with_hardly_anything_in_it_is_wrong_and_no_more(text: str) -> None:
    problems: list[Problem] = []
    assert check_documents(documents(text), problems) is None
    assert any(p.severity is Severity.ERROR for p in problems)
    assert "not-available-yet" not in {p.code for p in problems}


def test_what_else_is_wrong_is_said_beside_what_is_wrong_with_the_template() -> None:
    text = OLD.replace("type: minimize", "type: smallest").replace("{{.Value}}", "{{.Valeu}}")
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    lines = {p.line for p in problems if p.severity is Severity.ERROR}
    assert lines == {line_of(text, "smallest"), line_of(text, "Valeu")}
