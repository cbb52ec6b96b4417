"""Files as a whole: how many Experiments, what else is in them, and the order of the problems."""

from dataclasses import replace

import pytest
from check_samples import GOOD, check, edited

from trialmill.api.document import Document
from trialmill.api.experiment import Algorithm, Setting
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.read_experiment import experiment_from_source
from trialmill.check.documents import check_documents, check_experiment

_CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  EPOCHS: '3'\n"
_FROM_CONFIG = (
    "                image: logger\n",
    "                image: logger\n                envFrom:\n                  - configMapRef: {name: settings}\n",
)


def test_config_maps_and_secrets_are_companions() -> None:
    key = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\n"
    checked, problems = check(f"{_CONFIG}---\n{edited(_FROM_CONFIG)}---\n{key}")

    assert problems == []
    assert checked is not None
    assert [c["kind"] for c in checked.companions] == ["ConfigMap", "Secret"]


def test_of_two_companions_with_one_name_the_second_is_warned_of() -> None:
    _, problems = check(f"{_CONFIG}---\n{_CONFIG}---\n{GOOD}")

    assert [(p.code, p.severity, p.line) for p in problems] == [("duplicate-companion", Severity.WARNING, 11)]


def test_other_documents_are_not_used() -> None:
    checked, problems = check(f"{GOOD}---\nkind: PersistentVolumeClaim\n---\nkind: ConfgMap\n---\n- 1\n")

    assert checked is not None
    assert [p.code for p in problems] == ["unused-document"] * 3
    assert problems[1].remedy == "did you mean 'ConfigMap'?"


def test_two_experiments_are_one_too_many_and_both_are_checked() -> None:
    broken = edited(("maxTrialCount: 12", "maxTrialCount: 0"))
    checked, problems = check(f"{broken}---\n{broken}")

    lines = len(broken.splitlines())
    assert checked is None
    assert [(p.code, p.line) for p in problems] == [
        ("out-of-range", 27),
        ("several-experiments", lines + 3),
        ("out-of-range", lines + 1 + 27),
    ]
    assert "the first begins in line 1" in problems[1].message


def test_a_file_of_companions_only_has_no_experiment() -> None:
    checked, problems = check(f"{_CONFIG}---\n{_CONFIG.replace('settings', 'more')}")

    assert checked is None
    assert [(p.code, p.line) for p in problems] == [("no-experiment", 0)]


def test_a_file_of_many_other_things_has_no_experiment() -> None:
    _, problems = check("kind: Deployment\n---\nkind: Service\n")

    assert {p.code for p in problems} == {"no-experiment", "unused-document"}


def test_the_one_document_is_told_what_it_is_not() -> None:
    _, problems = check(edited(("kind: Experiment", "kind: Experimnet")))

    assert [(p.code, p.line, p.remedy) for p in problems] == [("not-an-experiment", 2, "did you mean Experiment?")]


def test_an_unreadable_file_is_not_said_to_have_no_experiment_too() -> None:
    _, problems = check("a: [1\n")

    assert [p.code for p in problems] == ["yaml-syntax"]


def test_what_the_loader_found_keeps_the_experiment_from_running() -> None:
    checked, problems = check(edited(("  maxTrialCount: 12", "  maxTrialCount: 12\n  maxTrialCount: 12")))

    assert checked is None
    assert [p.code for p in problems] == ["duplicate-key"]


def test_problems_come_in_the_order_of_the_file() -> None:
    text = edited(
        ("name: mnist", "name: MNIST"),
        ("TrialCount: 2", "TrialCount: 99"),
        ('min: "1"', 'min: "9"'),
        ("cpu: 5", "cpu: x"),
    )
    _, problems = check(text)

    assert [p.code for p in problems] == ["invalid-name", "parallel-above-max", "min-above-max", "quantity-invalid"]
    assert [p.line for p in problems] == sorted(p.line for p in problems)


def test_an_empty_list_of_documents_has_no_experiment() -> None:
    problems: list[Problem] = []

    assert check_documents([], problems) is None
    assert [p.code for p in problems] == ["no-experiment"]


def test_an_experiment_without_a_file_is_checked_too() -> None:
    checked, _ = check(GOOD)
    assert checked is not None
    problems = Problems()

    again = check_experiment(experiment_from_source(checked.experiment.source), (), problems)

    assert problems.found == []
    assert again is not None
    assert again.template == checked.template


def test_a_wrong_experiment_without_a_file_has_its_problems_without_lines() -> None:
    checked, _ = check(edited(("maxTrialCount: 12", "maxTrialCount: 2"), ("  parallelTrialCount: 2\n", "")))
    assert checked is None
    checked, _ = check(GOOD)
    assert checked is not None
    source = checked.experiment.source
    problems = Problems()

    spec = source["spec"]
    assert isinstance(spec, dict)
    wrong = experiment_from_source({**source, "spec": {**spec, "maxTrialCount": 1}})

    assert check_experiment(wrong, (), problems) is None
    assert {(p.line, p.path) for p in problems} == {(0, "spec.parallelTrialCount"), (0, "spec.maxFailedTrialCount")}


def test_a_document_that_is_nothing_is_told_so() -> None:
    problems: list[Problem] = []

    assert check_documents([Document("file.yaml", [1, 2])], problems) is None
    assert [p.code for p in problems] == ["not-an-experiment"]


def test_an_experiment_whose_source_says_less_than_it_is_checked_by_its_own_positions() -> None:
    checked, _ = check(GOOD)
    assert checked is not None
    spec = checked.experiment.spec
    settings = (Setting("random_sate", "1"),)
    bare = replace(checked.experiment, source={}, spec=replace(spec, algorithm=Algorithm("random", settings)))
    problems = Problems()

    check_experiment(bare, (), problems)

    assert [p.path for p in problems] == ["spec.algorithm.algorithmSettings[0].name"]


@pytest.mark.parametrize("field", ["kind: Experiment", "apiVersion: kubeflow.org/v1beta1"])
def test_a_kind_or_version_that_is_an_empty_list_is_no_kind_or_version(field: str) -> None:
    checked, problems = check(edited((field, f"{field.partition(':')[0]}: []")))

    assert checked is None
    assert len(problems) == 1
