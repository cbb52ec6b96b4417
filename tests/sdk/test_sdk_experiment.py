"""Experiments made by programs: written, checked, and brought to files and back."""

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sdk_samples import SPACE, container_of, errors_of, job, sample

import trialmill
from trialmill import (
    Algorithm,
    Experiment,
    ExperimentWarning,
    InputError,
    Retry,
    Template,
    ValidationError,
    choice,
    discrete,
    double,
    integer,
    literal,
    metrics_from_file,
    minimize,
    param,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


def whole() -> Experiment:
    """An Experiment with everything in it."""
    return sample(
        Template(job(), primary_container="train", deadline=datetime.timedelta(minutes=2), retain=True),
        objective=minimize("loss", goal=0.1, additional=["accuracy"], strategies={"accuracy": "latest"}),
        parameters={
            "lr": double("1e-4", 0.1, log=True, default=0.01, description="step size"),
            "layers": integer(1, 9, step=2),
            "optimizer": choice("sgd", "adam"),
        },
        algorithm=Algorithm("tpe", {"n_EI_candidates": 4}),
        early_stopping=Algorithm("medianstop", {"min_trials_required": 3}),
        metrics=metrics_from_file("/out/metrics.log", format="json"),
        parallel_trials=2,
        max_failed_trials=1,
        retry=Retry(2, datetime.timedelta(seconds=90)),
        timeout="2h",
        seed=7,
        namespace="team",
        labels={"owner": "me"},
        annotations={"note": "x"},
    )


def test_every_argument_is_in_the_tree_as_a_file_would_have_it() -> None:
    tree: Any = whole().to_dict()
    assert tree["metadata"] == {
        "name": "sample",
        "namespace": "team",
        "labels": {"owner": "me"},
        "annotations": {"note": "x"},
    }
    spec = tree["spec"]
    template = spec.pop("trialTemplate")
    assert spec == {
        "objective": {
            "type": "minimize",
            "objectiveMetricName": "loss",
            "goal": 0.1,
            "additionalMetricNames": ["accuracy"],
            "metricStrategies": [{"name": "accuracy", "value": "latest"}],
        },
        "algorithm": {"algorithmName": "tpe", "algorithmSettings": [{"name": "n_EI_candidates", "value": "4"}]},
        "earlyStopping": {
            "algorithmName": "medianstop",
            "algorithmSettings": [{"name": "min_trials_required", "value": "3"}],
        },
        "metricsCollectorSpec": {
            "collector": {"kind": "File"},
            "source": {"fileSystemPath": {"path": "/out/metrics.log", "kind": "File", "format": "JSON"}},
        },
        "parallelTrialCount": 2,
        "maxTrialCount": 3,
        "maxFailedTrialCount": 1,
        "timeout": "2h",
        "seed": 7,
        "parameters": [
            {
                "name": "lr",
                "parameterType": "double",
                "feasibleSpace": {"min": "1e-4", "max": "0.1", "distribution": "logUniform"},
            },
            {"name": "layers", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9", "step": "2"}},
            {"name": "optimizer", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
        ],
    }
    assert template == {
        "primaryContainerName": "train",
        "activeDeadlineSeconds": 120,
        "retain": True,
        "retry": {"limit": 2, "delay": "1m30s"},
        "trialParameters": [
            {"name": "lr", "reference": "lr", "description": "step size", "default": "0.01"},
            {"name": "layers", "reference": "layers"},
            {"name": "optimizer", "reference": "optimizer"},
        ],
        "trialSpec": job(),
    }


def test_an_experiment_with_everything_is_valid() -> None:
    assert whole().validate(strict=True) == ()


def test_discrete_numbers_keep_their_spelling() -> None:
    made = sample(job(f"--batch={param('batch')}"), parameters={"batch": discrete(16, "0.10", default=16)})
    assert container_of(made.render())["command"] == ["--batch=16"]
    assert container_of(made.render({"batch": 0.1}))["command"] == ["--batch=0.10"]


# --- what is wrong


def test_problems_are_those_of_the_command_without_a_line(tmp_path: Path) -> None:
    wrong = sample(name="Wrong", parameters={**SPACE, "lr": double(1, 0.5)}, max_trials=-1)
    file = tmp_path / "wrong.yaml"
    file.write_text(wrong.to_yaml(), encoding="utf-8")
    of_file = Experiment.from_yaml(file).validate()
    own = wrong.validate()
    assert [(p.code, p.severity, p.path, p.message) for p in sorted(own, key=str)] == [
        (p.code, p.severity, p.path, p.message) for p in sorted(of_file, key=lambda p: str(p).partition(": ")[2])
    ]
    assert {(p.file, p.line, p.column) for p in own} == {("", 0, 0)}
    assert all(p.file == str(file) and p.line for p in of_file)


def test_a_run_of_a_wrong_experiment_names_everything_that_is_wrong() -> None:
    wrong = sample(name="Wrong", parameters={**SPACE, "lr": double(1, 0.5)})
    with pytest.raises(ValidationError) as caught:
        wrong.run()
    assert str(caught.value).startswith("experiment Wrong cannot run: 2 problems\n")
    for problem in wrong.validate():
        if problem.severity == "error":
            assert str(problem) in str(caught.value)
    assert caught.value.problems == wrong.validate()


def test_warnings_are_errors_when_asked() -> None:
    doubtful = sample(job("true", *(param(name) for name in SPACE), "$(trialParameters.lr)"))
    assert errors_of(doubtful) == []
    assert "error" in {p.severity for p in doubtful.validate(strict=True)}


def test_a_space_of_another_making_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"parameters\['lr'\] is tuple: write double"):
        sample(parameters={"lr": (0, 1)})


def test_a_value_that_no_trial_gets_is_rendered_with_a_warning() -> None:
    with pytest.warns(ExperimentWarning, match="no trial would get 5"):
        assert container_of(sample().render({"lr": 5}))["command"][0] == "--lr=5.0"
    with pytest.raises(InputError, match="did you mean layers"):
        sample().render({"layer": 5})


def test_corners_are_rendered() -> None:
    assert container_of(sample().render(corner="max"))["command"] == ["--lr=0.1", "--layers=4", "--optimizer=adam"]


# --- to files and back


@settings(max_examples=60, deadline=None)
@example(lr=0.01, layers=1, word="a\u0085b", texts=["\r", "\u2028\n", " \n x", "\ufeff", "\t\n"], number=1e-05)
@given(
    lr=st.floats(1e-4, 1e-1),
    layers=st.integers(1, 4),
    word=TEXTS.filter(lambda text: text.strip() == text and text != ""),
    texts=st.lists(TEXTS, max_size=4),
    number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1),
)
def test_a_written_file_stamps_out_the_same_resources(
    lr: float, layers: int, word: str, texts: list[str], number: float
) -> None:
    template = job(f"--lr={param('lr')}", param("optimizer"), *map(literal, texts), parallelism=param("layers"))
    template["spec"]["template"]["metadata"] = {"annotations": {"number": repr(number), "text": literal(word)}}
    made = sample(template, parameters={**SPACE, "optimizer": choice(word, "other")})
    again = Experiment.from_yaml(made.to_yaml())
    assert again.to_dict() == made.to_dict()
    assignment = {"lr": lr, "layers": layers, "optimizer": word}
    assert again.render(assignment) == made.render(assignment)
    assert container_of(made.render(assignment))["command"] == [f"--lr={lr!r}", word, *texts]


def test_the_tree_that_is_given_away_is_a_copy() -> None:
    made = sample()
    made.to_dict().clear()
    assert made.to_dict()["kind"] == "Experiment"


def test_a_template_that_is_changed_afterwards_changes_nothing() -> None:
    template = job()
    made = sample(template)
    template["spec"].clear()
    assert container_of(made.render())["name"] == "train"


def test_an_experiment_from_a_tree_may_hold_placeholders() -> None:
    tree: Any = sample().to_dict()
    tree["spec"]["trialTemplate"]["trialSpec"] = job(*(param(name) for name in SPACE))
    made = Experiment.from_dict(tree)
    assert errors_of(made) == []
    assert made.name == "sample"
    assert made.namespace == "default"


def test_companions_go_with_the_experiment() -> None:
    template = job()
    container_of(template)["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    companion = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}
    made = sample(template, companions=[companion])
    assert errors_of(made) == []
    assert [document["kind"] for document in yaml.safe_load_all(made.to_yaml())] == ["Experiment", "ConfigMap"]
    assert Experiment.from_yaml(made.to_yaml()).to_yaml() == made.to_yaml()


def test_what_cannot_be_read_is_a_problem_too(tmp_path: Path) -> None:
    missing = Experiment.from_yaml(tmp_path / "missing.yaml")
    assert [p.code for p in missing.validate()] == ["file-not-found"]
    assert missing.to_dict() == {}
    broken = Experiment.from_yaml("a: [\n")
    assert [(p.severity, p.file, p.line) for p in broken.validate()] == [("error", "<text>", 1)]


# --- the package


def test_names_of_the_door_are_those_of_the_package() -> None:
    from trialmill import sdk

    assert set(trialmill.__all__) == {*sdk.__all__, "__version__"}
    assert all(getattr(trialmill, name) is getattr(sdk, name) for name in sdk.__all__)
    assert set(trialmill.__all__) <= set(dir(trialmill))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = trialmill.nothing


def test_importing_the_package_alone_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import trialmill; print(*sorted(set(sys.modules) - before))"
    told = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(trialmill.__file__).parents[1])},
    )
    assert told.stdout.split() == ["trialmill"]


def test_a_parameter_may_count_only_while_others_have_certain_values() -> None:
    space = {
        "optimizer": choice("sgd", "adam"),
        "momentum": double(0, 1).when(optimizer="sgd"),
        "nesterov": choice("yes", "no").when(optimizer=["sgd"]).when({"momentum": 0.5}),
    }
    tuning = sample(job(*[f"--{name}={param(name)}" for name in space]), parameters=space)
    tree: Any = tuning.to_dict()
    assert [entry.get("activeWhen") for entry in tree["spec"]["parameters"]] == [
        None,
        {"parameter": "optimizer", "equals": "sgd"},
        [{"parameter": "optimizer", "in": ["sgd"]}, {"parameter": "momentum", "equals": "0.5"}],
    ]
    assert errors_of(tuning) == []
    assert container_of(tuning.render({"optimizer": "adam"}))["command"] == ["--optimizer=adam"]
    assert container_of(tuning.render({"optimizer": "sgd", "momentum": 0.5, "nesterov": "no"}))["command"] == [
        "--optimizer=sgd",
        "--momentum=0.5",
        "--nesterov=no",
    ]


def test_a_condition_on_what_is_not_there_is_an_error() -> None:
    tuning = sample(job("--a", param("a")), parameters={"a": double(0, 1).when(optimiser="sgd")})
    assert errors_of(tuning) == [("unknown-reference", "spec.parameters[0].activeWhen.parameter")]


def test_lists_and_mappings_are_choices_too() -> None:
    commands = choice(["python", "a.py"], ["python", "b.py", "--fast"])
    template = job()
    template["spec"]["template"]["spec"]["containers"][0].update(
        command=param("cmd", cast="json"), args=[f"--{name}={param(name)}" for name in [*SPACE, "cfg"]]
    )
    made = sample(template, parameters={**SPACE, "cmd": commands, "cfg": choice({"bias": True}, {"bias": None})})
    container = container_of(made.render({"cmd": ["python", "b.py", "--fast"], "cfg": {"bias": None}}))
    assert container["command"] == ["python", "b.py", "--fast"]
    assert container["args"][-1] == '--cfg={"bias": null}'


@pytest.mark.parametrize("value", [None, {"a", "b"}, b"adam", object(), str, [float("nan")], {"a": object()}])
def test_what_has_no_text_is_no_choice(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^[A-Za-z ]+ cannot be (a value: write|written as JSON)"):
        choice("sgd", value)
