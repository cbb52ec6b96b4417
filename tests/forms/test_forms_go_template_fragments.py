"""Pieces of a Go template in the texts of a known spec."""

import pytest
from forms_samples import documents, line_of, normalized, template_of, with_template

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, get, get_list
from trialmill.check.documents import check_documents

LR, LAYERS = "${trialParameters.lr}", "${trialParameters.num-layers}"
LOOP = "{{- range .HyperParameters}} --{{.Name}}={{.Value}}{{end}}"


def job(*command: str, more: str = "") -> str:
    words = "".join(f"          - {word!r}\n" for word in command)
    return with_template(
        f"{more}jobSpec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n"
        f"      - name: main\n        image: example\n        command:\n{words}"
    )


def command(text: str) -> list[Json]:
    container = get(template_of(normalized(text)), "trialSpec", "spec", "template", "spec", "containers", 0)
    return get_list(container, "command")


def errors(text: str) -> list[Problem]:
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    return [p for p in problems if p.severity is Severity.ERROR]


def test_a_loop_over_the_parameters_becomes_as_many_arguments_as_it_has_words() -> None:
    text = job("python", "train.py", LOOP, "--trial={{.Trial}}")
    assert errors(text) == []
    assert command(text) == [
        *("python", "train.py", f"--lr={LR}", f"--num-layers={LAYERS}", "--trial=${trialParameters.trialName}"),
    ]


def test_a_loop_inside_other_text_stays_one_argument() -> None:
    text = job("sh", "-c", "python train.py" + LOOP)
    assert errors(text) == []
    assert command(text)[2] == f"python train.py --lr={LR} --num-layers={LAYERS}"


def test_braces_that_ask_for_nothing_of_ours_are_left_alone() -> None:
    text = job("run", "{{.Id}}", "{{ item }}", LOOP)
    assert errors(text) == []
    assert command(text)[1:3] == ["{{.Id}}", "{{ item }}"]


def test_the_trials_name_may_stand_beside_values_that_are_injected() -> None:
    text = job("run", "{{.Trial}}", more="inject: {as: env}\n")
    assert errors(text) == []
    assert command(text) == ["run", "${trial.name}"]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        (job("run", LOOP, more="inject: {as: env}\n"), "mixed-forms", "inject"),
        (job("run", LOOP, more="trialParameters: [{name: lr, reference: lr}]\n"), "mixed-forms", "trialParameters"),
        (job("run", "{{.Trial}"), "go-template-syntax", "{{.Trial}"),
        (job("run", LOOP.replace(".Value}}", ".Values}}")), "go-template", "{{- range"),
        (job("run", "{{range .HyperParameters}}{{if .Value}}x{{end}}{{end}}"), "opaque-value", "{{range"),
        (job("run", "${{.Trial}}"), "go-template-unsupported", "${{.Trial}}"),
    ],
    ids=["with inject", "with trial parameters", "broken", "no such field", "a value that is tested", "after a dollar"],
)
def test_what_is_wrong_is_said_at_its_line(text: str, code: str, at: str) -> None:
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == (code, line_of(text, at))
