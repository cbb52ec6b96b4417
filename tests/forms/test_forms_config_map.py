"""A template in a ConfigMap."""

import pytest
from forms_samples import documents, line_of, normalized, template_of, with_template

from trialmill.api.problem import Problem
from trialmill.api.tree import get
from trialmill.check.documents import check_documents

REFERENCE = """\
primaryContainerName: main
trialParameters:
  - {name: lr, reference: lr}
  - {name: layers, reference: num-layers}
configMap:
  configMapName: templates
  configMapNamespace: team
  templatePath: job.yaml
"""
BESIDE = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: templates}
data:
  job.yaml: |-
    apiVersion: batch/v1
    kind: Job
    spec:
      parallelism: ${trialParameters.layers}
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: main
              image: example
              command: [echo, "loss=${trialParameters.lr}"]
"""


def test_the_text_takes_the_place_of_the_reference_and_its_fields_are_typed() -> None:
    problems: list[Problem] = []
    checked = check_documents(documents(with_template(REFERENCE) + BESIDE), problems)
    assert checked is not None, problems
    assert get(checked.experiment.spec.template.trial_spec, "kind") == "Job"
    assert checked.companions == ()


def test_a_problem_in_the_text_is_reported_at_its_own_line() -> None:
    text = with_template(REFERENCE) + BESIDE.replace("command:", "comand:")
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    (wrong,) = [p for p in problems if p.code == "unknown-field"]
    line = text.splitlines()[line_of(text, "comand:") - 1]
    assert (wrong.line, wrong.column) == (line_of(text, "comand:"), line.index("comand:") + 1)


def test_a_text_that_is_no_yaml_is_reported_at_its_own_line_with_the_way_out() -> None:
    text = with_template(REFERENCE) + BESIDE.replace('[echo, "loss=${trialParameters.lr}"]', "[${trialParameters.lr}]")
    (problem, *_) = normalized(text).problems
    assert problem.line == line_of(text, "[${trial")
    assert "quote" in problem.remedy


@pytest.mark.parametrize(
    ("edit", "code", "at"),
    [
        (("name: templates}", "name: others}"), "config-map-missing", "configMapName:"),
        (("  job.yaml: |-", "  other.yaml: |-"), "config-map-key-missing", "templatePath:"),
        (("      templatePath: job.yaml\n", ""), "required", "configMap:"),
        (("configMapName: templates", "configMapName: [templates]"), "wrong-type", "configMapName:"),
    ],
    ids=["no such ConfigMap", "no such key", "no key named", "a list for a name"],
)
def test_what_is_wrong_with_the_reference_is_said_at_its_line(edit: tuple[str, str], code: str, at: str) -> None:
    whole = with_template(REFERENCE) + BESIDE
    assert edit[0] in whole
    text = whole.replace(*edit)
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == (code, line_of(text, at))


OTHER_KIND = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: templates}
data:
  job.yaml: |
    apiVersion: example.dev/v1
    kind: Trainer
    spec:
      layers: ${trialParameters.layers}
      text: "${trialParameters.layers}"
      rate: "${trialParameters.lr}"
"""


def test_in_a_kind_that_nobody_knows_an_unquoted_placeholder_has_the_type_of_its_parameter() -> None:
    template = template_of(normalized(with_template(REFERENCE) + OTHER_KIND))
    assert get(template, "trialSpec", "spec") == {
        "layers": "${trialParameters.layers}",
        "text": "${trialParameters.layers-text}",
        "rate": "${trialParameters.lr}",
    }
    assert get(template, "trialParameters") == [
        {"name": "lr", "reference": "lr"},
        {"name": "layers", "reference": "num-layers", "as": "integer"},
        {"name": "layers-text", "reference": "num-layers", "as": "string"},
    ]
