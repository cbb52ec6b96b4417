"""One mistake, one problem, at the place that is wrong: names that are defined here and used there."""

import pytest
from check_samples import GOOD, check, edited

from trialmill.api.problem import Problem, Severity


def refused(text: str) -> list[Problem]:
    return [p for p in check(text)[1] if p.severity in (Severity.ERROR, Severity.WARNING)]


def _line(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_use_is_blamed_where_both_could_be_wrong() -> None:
    text = edited(("--lr=${trialParameters.learningRate}", "--lr=${trialParameters.learnignRate}"))

    (problem,) = refused(text)
    assert (problem.code, problem.line) == ("undeclared-placeholder", _line(text, "learnignRate"))


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ((("- name: layers\n        reference", "- name: laeyrs\n        reference"),), "undeclared-placeholder"),
        ((("- name: layers\n      parameterType", "- name: laeyrs\n      parameterType"),), "unknown-reference"),
    ],
    ids=["a trial parameter", "a parameter"],
)
def test_a_definition_is_blamed_where_all_uses_agree_against_it(edits: tuple[tuple[str, str], ...], code: str) -> None:
    text = edited(*edits)

    (problem,) = refused(text)
    assert (problem.code, problem.line, problem.remedy) == (code, _line(text, "laeyrs"), "did you mean 'layers'?")


def test_a_trial_parameter_that_is_missing_is_one_problem_at_their_list() -> None:
    text = edited(("      - name: layers\n        reference: layers\n", ""))

    (problem,) = refused(text)
    assert (problem.code, problem.line) == ("undeclared-placeholder", _line(text, "trialParameters:"))
    assert problem.remedy == "add one with `name: layers` and `reference: layers`"


def test_a_misspelt_kind_field_is_named_and_nothing_follows_from_it() -> None:
    text = edited(("      kind: Job", "      kidn: Job"))

    (problem,) = refused(text)
    assert (problem.code, problem.line, problem.remedy) == (
        "unknown-field",
        _line(text, "kidn"),
        "did you mean 'kind'?",
    )


def test_a_container_that_cannot_be_called_so_is_one_problem() -> None:
    text = edited(("- name: training\n                image", "- name: my training\n                image"))

    (problem,) = refused(text)
    assert (problem.code, problem.line) == ("invalid-name", _line(text, "my training"))


def test_a_manifest_is_checked_where_its_form_finds_no_container() -> None:
    text = edited(
        ("            containers:", "            containres:"),
        ("    trialParameters:", "    inject: {as: args}\n    trialParameters:"),
    )

    assert [(p.code, p.line) for p in refused(text)] == [("unknown-field", _line(text, "containres"))]


def test_what_a_mistake_in_the_syntax_cut_off_is_not_missed() -> None:
    text = GOOD.partition("    trialSpec:")[0] + "    configMap: {configMapName: c, templatePath: t}\n---\na: [\n"

    assert [p.code for p in refused(text)] == ["yaml-syntax"]


def test_a_role_that_the_operator_does_not_know_is_an_error() -> None:
    manifest = (
        "    trialSpec:\n      apiVersion: kubeflow.org/v1\n      kind: PyTorchJob\n      spec:\n"
        "        pytorchReplicaSpecs:\n"
        "          Masetr:\n            template:\n              spec:\n                containers:\n"
        "                  - {name: pytorch, image: i, args: ['${trialParameters.learningRate}', "
        "'${trialParameters.layers}', '${trialParameters.batch}', '${trialParameters.optimizer}']}\n"
    )
    text = GOOD.partition("    trialSpec:")[0] + manifest

    assert ("unknown-role", _line(text, "Masetr")) in [(p.code, p.line) for p in refused(text)]


def test_the_fields_of_a_nas_config_are_checked() -> None:
    nas = "{graphConfig: {numLayers: many, inputSizes: [x]}, operatoins: []}"
    text = edited(
        (
            "  parameters:\n",
            f"  nasConfig: {nas}\n  parameters:\n",
        )
    )

    assert {p.path for p in refused(text)} >= {
        "spec.nasConfig.graphConfig.numLayers",
        "spec.nasConfig.graphConfig.inputSizes[0]",
        "spec.nasConfig.operatoins",
    }


def test_of_many_problems_of_a_sort_a_hundred_are_reported() -> None:
    text = GOOD + "".join(f"                field{n}: x\n" for n in range(300))

    found = [p for p in refused(text) if p.code == "unknown-field"]
    assert len(found) <= 101
