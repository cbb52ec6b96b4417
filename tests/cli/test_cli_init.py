"""`init`: a first Experiment from a manifest, by the command line alone or by questions and answers."""

import argparse
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from trialmill.api.fields import FieldType
from trialmill.cli import init as init_module
from trialmill.cli.init_questions import is_maximised, suggestion
from trialmill.cli.main import build_parser, main
from trialmill.forms.candidates import Candidate

JOB = """\
# A job that works
apiVersion: batch/v1
kind: Job
metadata:
  name: train
  namespace: team
  uid: 8f2
spec:
  parallelism: 1
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: train
          command: [python3, train.py]
          args: [--lr=0.01, --opt, sgd]  # the options
          env: [{name: MOMENTUM, value: "0.9"}]
status: {active: 1}
"""
TEMPLATE = """\
apiVersion: trialmill.dev/v1
kind: TrialTemplate
metadata: {name: reusable}
spec:
  parameters:
    - {name: lr, type: number, default: 0.05, feasibleSpace: {min: "0.01", max: "0.1"}}
    - {name: optimizer, type: string, default: sgd, enum: [sgd, adam]}
    - {name: epochs, type: integer, default: 3}
  metrics: [loss]
  primaryContainerName: main
  template:
    apiVersion: batch/v1
    kind: Job
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: main
              image: train
              command: [train, $(params.lr), $(params.optimizer), $(params.epochs)]
"""


class FakeTerminal:
    """Gives the answers one after the other, and keeps what was asked and told."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("job.yaml").write_text(JOB)
    Path("template.yaml").write_text(TEMPLATE)
    return tmp_path


def arguments(*argv: str) -> argparse.Namespace:
    return build_parser().parse_args(["init", *argv])


def made(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    """The Experiment that goes to stdout, which has nothing wrong with it."""
    assert main(["init", *argv]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    Path("made.yaml").write_text(out)
    assert main(["validate", "--strict", "made.yaml", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["problems"]
    # Its programs need not be here.
    assert [p for p in found if "refuse this on this machine" not in p["message"]] == []
    experiment: dict[str, object] = yaml.safe_load(out)
    return experiment


def at(tree: object, *path: str | int) -> object:
    for step in path:
        tree = tree[step]  # type: ignore[index]
    return tree


def test_what_varies_gets_a_parameter_and_a_placeholder(capsys: pytest.CaptureFixture[str]) -> None:
    option = "spec.template.spec.containers[0].args[--opt]"
    tree = made(
        capsys,
        *("--from", "job.yaml", "--metric", "accuracy"),
        *("--vary", "lr=log:1e-5..1e-1", "--vary", f"{option}=sgd,adam", "--vary", "spec.parallelism=1..4"),
    )
    assert at(tree, "metadata") == {"name": "train"}
    assert at(tree, "spec", "objective") == {"type": "maximize", "objectiveMetricName": "accuracy"}
    assert at(tree, "spec", "parameters") == [
        {
            "name": "lr",
            "parameterType": "double",
            "feasibleSpace": {"min": "1e-5", "max": "1e-1", "distribution": "logUniform"},
        },
        {"name": "opt", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
        {"name": "parallelism", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "4"}},
    ]
    template = at(tree, "spec", "trialTemplate")
    assert at(template, "primaryContainerName") == "main"
    assert at(template, "trialSpec", "spec", "parallelism") == "${trialParameters.parallelism}"
    container = at(template, "trialSpec", "spec", "template", "spec", "containers", 0)
    assert at(container, "args") == ["--lr=${trialParameters.lr}", "--opt", "${trialParameters.opt}"]
    assert at(container, "env") == [{"name": "MOMENTUM", "value": "0.9"}]


def test_present_values_are_what_a_try_takes(capsys: pytest.CaptureFixture[str]) -> None:
    tree = made(capsys, "--from", "job.yaml", "--vary", "lr=0.001..0.1", "--vary", "opt=adam,adamw", "--metric", "a")
    assert at(tree, "spec", "trialTemplate", "trialParameters") == [
        {"name": "lr", "reference": "lr", "default": "0.01"},
        {"name": "opt", "reference": "opt"},  # sgd is not among its values any more
    ]


def test_what_a_trial_or_a_server_sets_is_not_taken_from_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    tree = made(capsys, "--from", "job.yaml", "--vary", "lr=0.001..0.1", "--metric", "accuracy")
    manifest = at(tree, "spec", "trialTemplate", "trialSpec")
    assert isinstance(manifest, dict)
    assert list(manifest) == ["apiVersion", "kind", "spec"]


def test_comments_say_what_is_what_and_those_of_the_manifest_stay(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", "job.yaml", "--vary", "lr=0.001..0.1", "--metric", "accuracy"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# Tunes job.yaml. ")
    assert "  # The metric that training prints on lines such as `accuracy=0.93`" in out
    assert "      # A job that works\n      apiVersion: batch/v1\n" in out
    assert "# the options" in out


def test_what_is_beside_the_manifest_stays_beside_the_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"
    uses = JOB.replace("image: train\n", "image: train\n          envFrom: [{configMapRef: {name: settings}}]\n")
    Path("job.yaml").write_text(uses + config)
    assert main(["init", "--from", "job.yaml", "--vary", "lr=0.001..0.1", "--metric", "accuracy"]) == 0
    experiment, beside = yaml.safe_load_all(capsys.readouterr().out)
    assert experiment["kind"] == "Experiment"
    assert beside["data"] == {"a": "b"}


@pytest.mark.parametrize(
    ("argv", "direction"),
    [
        (["--metric", "val_loss"], "minimize"),
        (["--metric", "loss", "--maximize"], "maximize"),
        (["--metric", "f1"], "maximize"),
    ],
)
def test_the_direction_is_said_or_known_by_the_metrics_name(
    argv: list[str], direction: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = made(capsys, "--from", "job.yaml", "--vary", "lr=0.001..0.1", *argv)
    assert at(tree, "spec", "objective", "type") == direction


def test_a_file_is_written_whole_and_never_over_another(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["init", "--from", "job.yaml", "--vary", "lr=0.001..0.1", "--metric", "accuracy", "-o", "new.yaml"]
    assert main(argv) == 0
    assert capsys.readouterr() == ("", "trialmill: new.yaml is written; next: trialmill try new.yaml\n")
    assert "#   trialmill run new.yaml\n" in Path("new.yaml").read_text()
    assert main([*argv, "--name", "other"]) == 2
    assert "new.yaml is there already" in capsys.readouterr().err
    assert main([*argv, "--name", "other", "--force"]) == 0
    assert "name: other" in Path("new.yaml").read_text()


def test_the_manifest_itself_is_never_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--from", "job.yaml", "--vary", "lr=0.1..1", "--metric", "a", "-o", "./job.yaml", "--force"]
    assert main(["init", *argv]) == 2
    assert "is the manifest itself" in capsys.readouterr().err
    assert Path("job.yaml").read_text() == JOB


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--vary", "lr"], "--vary lr: expected PATH=SPACE"),
        (["--vary", "lr=0.1"], "--vary lr: '0.1' is no space"),
        (["--vary", "lrr=0.1..1"], "job.yaml has no field 'lrr' to vary; "),
        (["--vary", "momentm=0.1..1"], "did you mean MOMENTUM?"),
        (["--vary", "spec.replicas=1..3"], "there is no field replicas in spec"),
        (["--vary", "spec..x=1..3"], "spec..x: this is no path to a field"),
        (["--vary", "lr=0.1..1", "--vary", "lr=0.2..1"], "is varied twice"),
        ([], "what should vary? Say it with --vary NAME=SPACE, such as lr=log:1e-5..1e-1; there are parallelism, lr,"),
    ],
)
def test_what_means_nothing_is_bad_input_and_explained(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--from", "job.yaml", "--metric", "accuracy", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_without_a_metric_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", "job.yaml", "--vary", "lr=0.1..1"]) == 2
    assert "Name it with --metric NAME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no document"),
        ("a: [", "yaml-syntax"),
        ("apiVersion: kubeflow.org/v1beta1\nkind: Experiment\n", "is an Experiment already"),
        ("a: b\n", "needs an apiVersion and a kind"),
        ("apiVersion: v1\nkind: ConfigMap\n", "expected one manifest of a resource that runs, there is none"),
        (f"{JOB}---\n{JOB}", "expected one manifest of a resource that runs, there are Job, Job"),
    ],
)
def test_a_file_without_one_manifest_is_refused(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.yaml").write_text(text)
    assert main(["init", "--from", "odd.yaml", "--vary", "lr=0.1..1", "--metric", "a"]) == 2
    assert told in capsys.readouterr().err


def test_a_manifest_that_is_wrong_is_shown_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("job.yaml").write_text(JOB.replace("restartPolicy: Never", "restartPolicy: Always"))
    assert main(["init", "--from", "job.yaml", "--vary", "lr=0.1..1", "--metric", "a", "-o", "new.yaml"]) == 2
    err = capsys.readouterr().err
    assert "[restart-policy-invalid]" in err
    assert "restartPolicy: Always" in err
    assert not Path("new.yaml").exists()


def test_of_several_containers_one_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("job.yaml").write_text(
        JOB.replace(
            "        - name: main\n", "        - {name: log, image: log, command: [log]}\n        - name: main\n"
        )
    )
    argv = ["--from", "job.yaml", "--vary", "lr=0.1..1", "--metric", "a"]
    assert main(["init", *argv]) == 2
    assert "Name it with --container NAME; there are log, main" in capsys.readouterr().err
    tree = made(capsys, *argv, "--container", "main")
    assert at(tree, "spec", "trialTemplate", "primaryContainerName") == "main"


# --- From a TrialTemplate


def test_a_templates_spaces_become_the_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    tree = made(capsys, "--from", "template.yaml")
    assert at(tree, "spec", "objective") == {"type": "minimize", "objectiveMetricName": "loss"}
    assert at(tree, "spec", "parameters") == [
        {"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.01", "max": "0.1"}},
        {"name": "optimizer", "parameterType": "categorical", "feasibleSpace": {"list": ["sgd", "adam"]}},
    ]
    container = at(tree, "spec", "trialTemplate", "trialSpec", "spec", "template", "spec", "containers", 0)
    assert at(container, "command") == ["train", "${trialParameters.lr}", "${trialParameters.optimizer}", "3"]


def test_a_templates_parameters_can_be_varied_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    tree = made(capsys, "--from", "template.yaml", "--vary", "epochs=1..90")
    assert at(tree, "spec", "parameters") == [
        {"name": "epochs", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "90"}}
    ]


def test_a_parameter_that_a_template_lacks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", "template.yaml", "--vary", "epoch=1..9"]) == 2
    assert "the template has no parameter 'epoch'; it has lr, optimizer, epochs" in capsys.readouterr().err


def test_a_space_that_a_template_does_not_allow_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--from", "template.yaml", "--vary", "optimizer=sgd,adagrad"]) == 2
    assert "[not-in-enum]" in capsys.readouterr().err


# --- Questions


def asked(capsys: pytest.CaptureFixture[str], terminal: FakeTerminal, *argv: str) -> dict[str, object]:
    assert init_module.init(arguments(*argv), terminal) == 0
    experiment: dict[str, object] = yaml.safe_load(capsys.readouterr().out)
    return experiment


def spaces(tree: object) -> dict[object, object]:
    parameters = at(tree, "spec", "parameters")
    assert isinstance(parameters, Sequence)
    return {at(p, "name"): at(p, "feasibleSpace") for p in parameters}


def test_fields_are_listed_and_enter_takes_what_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = FakeTerminal("2, MOMENTUM", "", "0.5..0.99", "", "")
    tree = asked(capsys, terminal, "--from", "job.yaml")
    assert terminal.told[0] == "job.yaml has 4 fields that could vary:"
    assert terminal.told[2].split() == [
        "2",
        "lr",
        "number",
        "0.01",
        "spec.template.spec.containers[name=main].args[--lr]",
    ]
    assert spaces(tree) == {
        "lr": {"min": "0.001", "max": "0.1", "distribution": "logUniform"},
        "MOMENTUM": {"min": "0.5", "max": "0.99"},
    }
    assert at(tree, "spec", "objective") == {"type": "maximize", "objectiveMetricName": "accuracy"}
    assert terminal.asked[1] == "Space of lr (now 0.01)? [log:0.001..0.1] "


def test_an_answer_that_means_nothing_is_explained_and_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = FakeTerminal("9", "", "nothing", "lr", "many", "8..1", "0.1..1", "loss", "perhaps", "min")
    tree = asked(capsys, terminal, "--from", "job.yaml")
    assert spaces(tree) == {"lr": {"min": "0.1", "max": "1"}}
    assert at(tree, "spec", "objective", "type") == "minimize"
    told = "\n".join(terminal.told)
    assert "There is no field 9, the last one is 4." in told
    assert "has no field 'nothing' to vary" in told
    assert "'many' is no space" in told
    assert "from the smaller to the larger" in told
    assert "Answer maximize or minimize." in told


def test_what_the_command_line_says_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = FakeTerminal("opt", "sgd,adam")
    asked(capsys, terminal, "--from", "job.yaml", "--metric", "loss", "--minimize")
    assert len(terminal.asked) == 2


def test_of_several_containers_one_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    Path("job.yaml").write_text(
        JOB.replace(
            "        - name: main\n", "        - {name: log, image: log, command: [log]}\n        - name: main\n"
        )
    )
    terminal = FakeTerminal("lr", "", "", "", "mian", "main")
    tree = asked(capsys, terminal, "--from", "job.yaml")
    assert at(tree, "spec", "trialTemplate", "primaryContainerName") == "main"
    assert terminal.told[-1] == "  Name one of them."


def test_a_templates_own_spaces_are_offered_first(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = FakeTerminal("", "", "")
    tree = asked(capsys, terminal, "--from", "template.yaml")
    assert list(spaces(tree)) == ["lr", "optimizer"]
    assert terminal.asked[0] == "Other spaces than the template's? [no] "


def test_input_that_ends_early_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    from trialmill.root.errors import InputError

    with pytest.raises(InputError, match="the input ended before all was asked"):
        init_module.init(arguments("--from", "job.yaml", "-o", "new.yaml"), FakeTerminal("lr"))
    assert not Path("new.yaml").exists()


@pytest.mark.parametrize(
    ("kind", "value", "space"),
    [
        (FieldType.INTEGER, "8", "int:2..32"),
        (FieldType.INTEGER, "1", "int:1..4"),
        (FieldType.INTEGER, "0", "int:0..10"),
        (FieldType.NUMBER, "0.01", "log:0.001..0.1"),
        (FieldType.NUMBER, "0.0", "double:0..1"),
        (FieldType.NUMBER, "-0.5", ""),
        (FieldType.BOOLEAN, "true", "true,false"),
        (FieldType.STRING, "sgd", ""),
        (FieldType.QUANTITY, "1Gi", ""),
    ],
)
def test_a_space_is_suggested_around_the_present_value(kind: FieldType, value: str, space: str) -> None:
    assert suggestion(Candidate("spec.x", "x", kind, value)) == space


@pytest.mark.parametrize(
    ("metric", "up"), [("accuracy", True), ("val_loss", False), ("Loss", False), ("closeness", True)]
)
def test_more_is_better_unless_the_name_says_otherwise(metric: str, up: bool) -> None:
    assert is_maximised(metric) is up


def mutations(tree: object) -> Iterator[object]:
    """The tree with each node taken away, or replaced by something else."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield {key: item for key, item in tree.items() if key != name}
            yield from ({**tree, name: other} for other in (None, [], "text", *mutations(value)))
    elif isinstance(tree, list):
        for position, item in enumerate(tree):
            yield [*tree[:position], *tree[position + 1 :]]
            others = (None, {}, 7, *mutations(item))
            yield from ([*tree[:position], other, *tree[position + 1 :]] for other in others)


@pytest.mark.parametrize("text", [JOB, TEMPLATE], ids=["a manifest", "a TrialTemplate"])
def test_whatever_is_wrong_with_a_file_an_experiment_comes_out_or_a_reason(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    endings = set()
    for mutated in mutations(yaml.safe_load(text)):
        Path("odd.yaml").write_text(json.dumps(mutated))
        ending = main(["init", "--from", "odd.yaml", "--vary", "lr=0.1..1", "--metric", "loss", "--container", "main"])
        out, err = capsys.readouterr()
        assert (ending == 0) == bool(out), mutated
        assert ending == 0 or "trialmill: " in err, mutated
        assert "a fault in Trialmill" not in err, (mutated, err)
        endings.add(ending)
    assert endings == {0, 2}


def test_a_manifest_can_come_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(JOB.encode())))
    tree = made(capsys, "--from", "-", "--vary", "lr=0.1..1", "--metric", "loss")
    assert at(tree, "metadata", "name") == "train"
