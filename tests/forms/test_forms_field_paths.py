"""Trial parameters that point at fields of a manifest that has no placeholders."""

from pathlib import Path

import pytest
from forms_samples import HEAD, documents, line_of, normalized, template_of, with_template

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem
from trialmill.api.tree import Json, get
from trialmill.check.documents import check_documents
from trialmill.forms.field_paths import Match, Option, parse_path
from trialmill.forms.normalize import normalize

JOB = """\
apiVersion: batch/v1
kind: Job
spec:
  backoffLimit: 1
  template:
    metadata:
      annotations: {example.dev/rate: "1"}
    spec:
      restartPolicy: Never
      containers:
        - name: side
          image: side
        - name: train
          image: example
          command: [python, train.py]
          args: [--lr=0.1, --layers, "3", --verbose]
"""


def pointing(*paths: str, job: str = JOB) -> str:
    declared = "".join(f"  - {{name: p{n}, reference: lr, path: {path}}}\n" for n, path in enumerate(paths))
    indented = "".join(f"  {line}\n" for line in job.splitlines())
    return with_template(f"trialParameters:\n{declared}trialSpec:\n{indented}")


TRAIN = "spec.template.spec.containers[name=train]"


@pytest.mark.parametrize(
    ("path", "at", "becomes"),
    [
        ("spec.backoffLimit", ("spec", "backoffLimit"), "${trialParameters.p0}"),
        (f"'{TRAIN}.image'", ("image",), "${trialParameters.p0}"),
        (f"'{TRAIN}.args[--lr]'", ("args", 0), "--lr=${trialParameters.p0}"),
        (f"'{TRAIN}.args[--layers]'", ("args", 2), "${trialParameters.p0}"),
        (f"'{TRAIN}.args[0]'", ("args", 0), "${trialParameters.p0}"),
        ("spec.parallelism", ("spec", "parallelism"), "${trialParameters.p0}"),
        (
            """'spec.template.metadata.annotations["example.dev/rate"]'""",
            ("spec", "template", "metadata", "annotations", "example.dev/rate"),
            "${trialParameters.p0}",
        ),
    ],
    ids=[
        "a field",
        "of a named item",
        "an option",
        "an option apart",
        "a position",
        "absent but known",
        "a quoted key",
    ],
)
def test_the_field_becomes_a_placeholder_and_the_rest_stays(path: str, at: tuple[str | int, ...], becomes: str) -> None:
    result = normalized(pointing(path))
    template = template_of(result)
    place = at if at[0] == "spec" else ("spec", "template", "spec", "containers", 1, *at)
    assert get(template, "trialSpec", *place) == becomes
    assert get(template, "trialParameters") == [{"name": "p0", "reference": "lr"}]
    expected: Json = documents(JOB)[0].tree
    assert _without(get(template, "trialSpec"), place) == _without(expected, place)


def _without(tree: Json, path: tuple[str | int, ...]) -> Json:
    """The tree with the value at a path taken out of it."""
    if not path:
        return None
    match tree, path[0]:
        case dict(), str() as key:
            rest = {k: v for k, v in tree.items() if k != key}
            return rest | ({key: _without(tree.get(key), path[1:])} if len(path) > 1 else {})
        case list(), int() as position:
            return [_without(v, path[1:]) if n == position else v for n, v in enumerate(tree)]
    return tree


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("spec.tempalte.spec", "no-such-field", "did you mean template?"),
        ("'spec.template.spec.containers[name=trian].image'", "no-such-field", "they are side, train"),
        ("'spec.template.spec.containers[7].image'", "no-such-field", ""),
        (f"'{TRAIN}.args[--layer]'", "no-such-field", "did you mean --layers?"),
        (f"'{TRAIN}.args[--verbose]'", "no-such-field", ""),
        (f"'{TRAIN}[--lr].args'", "no-such-field", ""),
        ("'spec..template'", "invalid-path", "write it as"),
        ("'spec.template['", "invalid-path", "write it as"),
        ("''", "invalid-path", "write it as"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error_at_the_path(path: str, code: str, says: str) -> None:
    text = pointing(path)
    (problem,) = normalized(text).problems
    assert problem.code == code
    assert problem.line == line_of(text, "path:")
    assert says in problem.remedy


def test_one_parameter_may_point_at_several_fields() -> None:
    template = template_of(normalized(pointing("[spec.backoffLimit, spec.parallelism]")))
    assert get(template, "trialSpec", "spec", "parallelism") == "${trialParameters.p0}"
    assert get(template, "trialSpec", "spec", "backoffLimit") == "${trialParameters.p0}"


def test_in_a_kind_that_nobody_knows_the_value_that_is_there_shows_the_type() -> None:
    job = "apiVersion: example.dev/v1\nkind: Trainer\nspec: {layers: 3, rate: 0.5, fast: true, name: a}\n"
    template = template_of(normalized(pointing("spec.layers", "spec.rate", "spec.fast", "spec.name", job=job)))
    declared = get(template, "trialParameters")
    assert isinstance(declared, list)
    assert [get(d, "as") for d in declared] == ["integer", "number", "boolean", None]


def test_a_path_is_read_in_steps() -> None:
    assert parse_path("a.b[0][name=x]['y.z'].c[--lr]") == ["a", "b", 0, Match("name", "x"), "y.z", "c", Option("--lr")]


REFERRING = """\
trialParameters:
  - {name: lr, path: "spec.template.spec.containers[name=train].args[--lr]"}
  - {name: num-layers, path: "spec.template.spec.containers[name=train].args[--layers]"}
primaryContainerName: train
reference: {file: job.yaml}
"""


def referring(folder: Path, job: str, template: str = REFERRING) -> tuple[Path, list[Problem]]:
    (folder / "job.yaml").write_text(job, encoding="utf-8")
    file = folder / "experiment.yaml"
    problems: list[Problem] = []
    check_documents(load_documents(with_template(template, HEAD).encode(), str(file), problems), problems)
    return file, problems


def test_a_manifest_file_is_tuned_without_a_placeholder(tmp_path: Path) -> None:
    file, problems = referring(tmp_path, JOB)
    assert [p for p in problems if p.severity != "note"] == []
    (document,) = load_documents(with_template(REFERRING).encode(), str(file), [])
    template = template_of(normalize(document, ()))
    arguments = get(template, "trialSpec", "spec", "template", "spec", "containers", 1, "args")
    assert arguments == ["--lr=${trialParameters.lr}", "--layers", "${trialParameters.num-layers}", "--verbose"]


def test_a_derived_value_is_put_at_its_path_and_keeps_its_expression() -> None:
    text = pointing("spec.backoffLimit").replace("reference: lr", "value: lr * 2")
    template = template_of(normalized(text))
    assert get(template, "trialSpec", "spec", "backoffLimit") == "${trialParameters.p0}"
    assert get(template, "trialParameters") == [{"name": "p0", "value": "lr * 2"}]


def test_a_mistake_in_the_file_is_reported_there(tmp_path: Path) -> None:
    _, problems = referring(tmp_path, JOB.replace("image: example", "imagee: example"))
    (problem,) = [p for p in problems if p.code == "unknown-field"]
    assert (problem.file, problem.line) == (str(tmp_path / "job.yaml"), line_of(JOB, "image: example"))


@pytest.mark.parametrize(
    ("job", "code", "at"),
    [("", "empty", "reference"), ("a: [", "yaml-syntax", ""), ("- 1", "wrong-type", "")],
    ids=["empty", "no YAML", "a list"],
)
def test_a_file_that_holds_no_manifest_is_an_error(job: str, code: str, at: str, tmp_path: Path) -> None:
    _, problems = referring(tmp_path, job)
    errors = [p for p in problems if p.severity == "error"]
    assert [p.code for p in errors] == [code]
    if at:
        assert errors[0].line == line_of(with_template(REFERRING), at)


def test_a_file_that_is_not_there_is_an_error_at_the_line_that_names_it(tmp_path: Path) -> None:
    _, problems = referring(tmp_path, JOB, REFERRING.replace("job.yaml", "jobs.yaml"))
    (problem,) = [p for p in problems if p.severity == "error"]
    assert (problem.code, problem.line) == ("file-not-found", line_of(with_template(REFERRING), "reference"))


def test_a_reference_needs_a_file() -> None:
    for wrong in ("reference: job.yaml", "reference: {}", "reference: {file: [a]}"):
        (problem,) = normalized(with_template(wrong)).problems
        assert problem.code in ("wrong-type", "required")
