"""Assignments that get into a manifest without a placeholder of its author's."""

import json
import re
import shlex

import pytest
from forms_samples import HEAD, documents, line_of, normalized, template_of, with_template
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.problem import Problem
from trialmill.api.tree import Json, get, get_list
from trialmill.check.documents import check_documents
from trialmill.template.compiled import TrialContext
from trialmill.template.render import render, render_parts

LR, LAYERS = "${trialParameters.lr}", "${trialParameters.num-layers}"


def job(inject: str, *, command: str = "[python, train.py]", more: str = "", side: str = "") -> str:
    return with_template(f"""\
        {inject}
        trialSpec:
          apiVersion: batch/v1
          kind: Job
          spec:
            template:
              spec:
                restartPolicy: Never
                containers:
                  - {{name: main, image: example, command: {command}{more}}}
                  {side}
        """)


def containers(text: str) -> list[Json]:
    template = template_of(normalized(text))
    return get_list(template, "trialSpec", "spec", "template", "spec", "containers")


SIDE = "- {name: side, image: side}"


def test_a_word_is_encoded_in_the_file_alone_when_others_get_it_too() -> None:
    search = (
        "    - {name: optimizer, parameterType: categorical, feasibleSpace: {list: [sgd, adam]}}\n  trialTemplate:\n"
    )
    text = job("inject: {as: [env, args, file], path: /in/p.json}").replace("  trialTemplate:\n", search)
    problems: list[Problem] = []
    checked = check_documents(documents(text), problems)
    assert checked is not None, [str(p) for p in problems]
    context = TrialContext({"lr": 0.02, "num-layers": 3, "optimizer": "adam"}, "t", "ns", 0, 1, "e", {})
    container = get(render(checked.template, context), "spec", "template", "spec", "containers", 0)
    assert get(container, "args", 2) == "--optimizer=adam"
    assert get(container, "env", 2) == {"name": "optimizer", "value": "adam"}
    data = get(render_parts(checked.template, context)[0], "data", "p.json")
    assert json.loads(str(data)) == {"lr": 0.02, "num-layers": 3, "optimizer": "adam"}


def test_constants_reach_every_trial_in_the_same_ways() -> None:
    text = job("inject: {as: [args, file], path: /in/p.env, constants: {epochs: 3, name: a b}}")
    template = template_of(normalized(text))
    assert get(containers(text)[0], "args") == [f"--lr={LR}", f"--num-layers={LAYERS}", "--epochs=3", "--name=a b"]
    data = str(get(template, "additionalResources", 0, "data", "p.env"))
    assert data.endswith("epochs=3\nname='a b'\n")


@pytest.mark.parametrize(
    ("constants", "code"), [("{lr: 1}", "already-there"), ("[a]", "wrong-type"), ("{a: [1]}", "wrong-type")]
)
def test_what_is_no_constant_is_an_error(constants: str, code: str) -> None:
    (problem,) = normalized(job(f"inject: {{as: args, constants: {constants}}}")).problems
    assert problem.code == code


def test_two_ways_of_saying_how_values_get_in_are_an_error_that_names_both() -> None:
    (problem,) = normalized(job("inject: {as: args}\n        parametersInjectPolicy: env")).problems
    assert (problem.code, problem.found) == ("mixed-forms", "parametersInjectPolicy")
    assert "line" in problem.message


def test_a_format_that_nothing_asks_for_is_an_error() -> None:
    text = job("parametersFormat: --lr 0.01")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == ("required", line_of(text, "parametersFormat"))
    assert "parametersInjectPolicy" in problem.remedy


@pytest.mark.parametrize(("as_", "field"), [("args", "args: --lr"), ("env", "env: {a: b}")])
def test_what_should_be_a_list_and_is_none_is_reported_and_not_replaced(as_: str, field: str) -> None:
    (problem,) = normalized(job(f"inject: {{as: {as_}}}", more=f", {field}")).problems
    assert (problem.code, problem.expected) == ("wrong-type", "a list")


def test_a_slip_on_the_way_to_the_containers_is_what_is_reported() -> None:
    text = job("inject: {as: args}").replace("containers:", "container:")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line, problem.remedy) == (
        "unknown-field",
        line_of(text, "container:"),
        "did you mean 'containers'?",
    )


@pytest.mark.parametrize(
    ("inject", "arguments"),
    [
        ("inject: {as: args}", [f"--lr={LR}", f"--num-layers={LAYERS}"]),
        ("inject: {as: args, format: '-{name}={value}'}", [f"-lr={LR}", f"-num-layers={LAYERS}"]),
        ("inject: {as: args, format: ['--{name}', '{value}']}", ["--lr", LR, "--num-layers", LAYERS]),
        ("inject: {as: args, format: '--{name} {value}'}", ["--lr", LR, "--num-layers", LAYERS]),
        ("inject: {as: args, format: 'opt.{name}={value}'}", [f"opt.lr={LR}", f"opt.num-layers={LAYERS}"]),
        ("parametersInjectPolicy: args", [f"--lr={LR}", f"--num-layers={LAYERS}"]),
        (
            "parametersInjectPolicy: args\n        parametersFormat: --lr 0.01",
            ["--lr", LR, "--num-layers", LAYERS],
        ),
        (
            "parametersInjectPolicy: args\n        parametersFormat: -lr=0.01",
            [f"-lr={LR}", f"-num-layers={LAYERS}"],
        ),
    ],
)
def test_arguments_are_added_by_their_format(inject: str, arguments: list[str]) -> None:
    (container,) = containers(job(inject))
    assert get(container, "args") == arguments


def test_what_a_trial_parameter_passes_on_is_not_injected() -> None:
    text = job("inject: {as: args}\n        trialParameters: [{name: lr, reference: lr}]", command=f"[run, '{LR}']")
    assert get(containers(text)[0], "args") == [f"--num-layers={LAYERS}"]


def test_variables_reach_all_containers_and_may_be_in_capitals() -> None:
    main, side = containers(job("inject: {as: env, upperCase: true}", side=SIDE))
    expected: Json = [{"name": "LR", "value": LR}, {"name": "NUM_LAYERS", "value": LAYERS}]
    assert get(main, "env") == get(side, "env") == expected
    (named,) = [c for c in containers(job("inject: {as: env, container: side}", side=SIDE)) if get(c, "env")]
    assert get(named, "name") == "side"


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        (job("inject: {as: args}", command="[run, --lr=1]"), "already-there", "containers"),
        (job("inject: {as: args}", command="[run]", more=", args: [--num-layers, 3]"), "already-there", "containers"),
        (job("inject: {as: env}", more=", env: [{name: lr, value: a}]"), "already-there", "containers"),
        (job("inject: {as: args}", command="[sh, -c, run]"), "swallowed-arguments", "containers"),
        (job("inject: {as: args}", command="[env, A=1, sh, -c, run]"), "swallowed-arguments", "containers"),
        (job("inject: {as: args}", command="[tini, --, nice, sh, -ec, run]"), "swallowed-arguments", "containers"),
        (job("inject: {as: args}", command="[/bin/bash]", more=", args: [-ec, run]"), "swallowed-arguments", "cont"),
        (job("inject: {as: args}", side=SIDE), "which-container", "inject"),
        (job("inject: {as: args, container: mian}"), "unknown-container", "inject"),
        (job("inject: {as: arg}"), "unknown-value", "inject"),
        (job("inject: {as: args, format: '--{name}'}"), "invalid-format", "inject"),
        (job("inject: args"), "wrong-type", "inject"),
        (job("inject: {}"), "required", "inject"),
        (job("inject: {as: file}"), "required", "inject"),
        (job("inject: {as: file, path: inputs/a.json}"), "invalid-path", "inject"),
        (job("inject: {as: file, path: /a.toml, format: toml}"), "unknown-value", "inject"),
    ],
)
def test_what_cannot_be_injected_is_said_at_its_line(text: str, code: str, at: str) -> None:
    problem = normalized(text).problems[0]
    first = line_of(text, at)
    assert problem.code == code
    assert problem.line in (first, first + 1)


def test_a_kind_whose_containers_nobody_knows_is_an_error() -> None:
    text = with_template("inject: {as: args}\ntrialSpec: {apiVersion: example.dev/v1, kind: Trainer, spec: {}}\n")
    (problem,) = normalized(text).problems
    assert problem.code == "unknown-containers"


def replicated(kind: str, field: str, *roles: str, name: str) -> str:
    specs = "".join(
        f"      {role}: {{replicas: 1, template: {{spec: {{containers: [{{name: {name}, image: i}}]}}}}}}\n"
        for role in roles
    )
    head = f"inject: {{as: args}}\ntrialSpec:\n  apiVersion: kubeflow.org/v1\n  kind: {kind}\n  spec:\n"
    return with_template(f"{head}    {field}:\n{specs}")


def test_all_replicas_that_train_get_the_arguments_and_an_mpi_launcher_alone() -> None:
    text = replicated("PyTorchJob", "pytorchReplicaSpecs", "Master", "Worker", name="pytorch")
    specs = get(template_of(normalized(text)), "trialSpec", "spec", "pytorchReplicaSpecs")
    for role in ("Master", "Worker"):
        arguments = get(specs, role, "template", "spec", "containers", 0, "args")
        assert arguments == [f"--lr={LR}", f"--num-layers={LAYERS}"]
    text = replicated("MPIJob", "mpiReplicaSpecs", "Launcher", "Worker", name="mpi")
    specs = get(template_of(normalized(text)), "trialSpec", "spec", "mpiReplicaSpecs")
    assert get(specs, "Launcher", "template", "spec", "containers", 0, "args") is not None
    assert get(specs, "Worker", "template", "spec", "containers", 0, "args") is None


def test_a_train_job_takes_them_in_its_trainer() -> None:
    trainer = "trialSpec: {apiVersion: trainer.kubeflow.org/v1alpha1, kind: TrainJob, spec: {runtimeRef: {name: a}}}"
    template = template_of(normalized(with_template(f"inject: {{as: args}}\n{trainer}\n")))
    assert get(template, "trialSpec", "spec", "trainer", "args") == [f"--lr={LR}", f"--num-layers={LAYERS}"]


# --- As a file


def file_of(form: str, value: str) -> str:
    """The text of the file that a trial gets for a word."""
    written = re.sub("[^ -~]", lambda found: f"\\U{ord(found[0]):08x}", json.dumps(value, ensure_ascii=False))
    parameter = f"    - {{name: word, parameterType: categorical, feasibleSpace: {{list: [{written}, b]}}}}\n"
    head = HEAD.replace("  trialTemplate:\n", f"{parameter}  trialTemplate:\n").replace("maxTrialCount: 4", "x-a: 4")
    body = job(f"inject: {{as: file, path: /in/values, format: {form}}}").removeprefix(HEAD)
    problems: list[Problem] = []
    checked = check_documents(documents(head.replace("  x-a: 4\n", "  maxTrialCount: 4\n") + body), problems)
    assert checked is not None, [str(p) for p in problems]
    context = TrialContext({"lr": 1e-05, "num-layers": 3, "word": value}, "t-1", "default", 0, 0, "t")
    mounts = get(render(checked.template, context), "spec", "template", "spec", "containers", 0, "volumeMounts")
    assert mounts == [{"name": "trial-parameters", "mountPath": "/in/values", "subPath": "values"}]
    (part,) = render_parts(checked.template, context)
    assert get(part, "metadata", "name") == "t-1-trial-parameters"
    text = get(part, "data", "values")
    assert isinstance(text, str)
    return text


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=2, max_size=12)


@given(WORDS)
def test_any_word_reaches_a_file_of_json_as_it_is(word: str) -> None:
    assert json.loads(file_of("json", word)) == {"lr": 1e-05, "num-layers": 3, "word": word}


@given(WORDS)
def test_any_word_reaches_a_file_of_yaml_as_it_is(word: str) -> None:
    (document,) = documents(file_of("yaml", word))
    assert document.tree == {"lr": 1e-05, "num-layers": 3, "word": word}


@given(WORDS)
def test_any_word_reaches_a_file_of_variables_as_it_is(word: str) -> None:
    assert shlex.split(file_of("env", word)) == ["lr=1e-05", "num-layers=3", f"word={word}"]
