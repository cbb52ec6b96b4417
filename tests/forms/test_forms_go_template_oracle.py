"""Trialmill's Go templates beside Go's own; needs Go, and skips without it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import yaml
from forms_samples import documents
from go_template_samples import TRIAL, VALUES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trialmill.api.problem import Problem
from trialmill.api.space import format_value
from trialmill.api.tree import JsonObject, get, get_string
from trialmill.check.documents import check_documents
from trialmill.forms.go_template import ErrorKind, evaluate
from trialmill.forms.go_template.functions import FUNCTIONS
from trialmill.root.manifests import sample_manifest
from trialmill.template.corners import Corner, corner

ORACLE = Path(__file__).parents[2] / "tools" / "gotemplate_oracle"


class Ask(Protocol):
    def __call__(self, template: str, values: JsonObject = VALUES) -> str | None: ...


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks Go for the text of a template; None where Go has an error, or complains in the text."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go's own templates are not compared: go is not installed")
    program = tmp_path_factory.mktemp("gotemplate") / "oracle"
    build = [go, "build", "-buildvcs=false", "-o", str(program), "."]
    built = subprocess.run(build, cwd=ORACLE, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"Go's own templates are not compared: {built.stderr.strip().splitlines()[-1]}")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = process.stdin, process.stdout
        assert questions is not None
        assert answers is not None

        def asked(template: str, values: JsonObject = VALUES) -> str | None:
            questions.write(json.dumps({"template": template, **values}) + "\n")
            questions.flush()
            answer = json.loads(answers.readline())
            return None if "error" in answer or "%!" in answer["text"] else str(answer["text"])

        yield asked
        questions.close()


def assert_same(ask: Ask, template: str) -> None:
    ours = evaluate(template, TRIAL)
    first = ours.errors[0] if ours.errors else None
    if first is None:
        assert ask(template) == ours.output.text
    elif first.kind in (ErrorKind.SYNTAX, ErrorKind.EVALUATION):
        assert ask(template) is None, first


CORPUS = {
    "what v1alpha3 files do": """\
name: {{.Trial}}
namespace: {{.NameSpace}}
command:
  - "--experiment={{ .Experiment }}"
  {{- with .HyperParameters}}
  {{- range .}}
  - "{{.Name}}={{.Value}}"
  {{- end}}
  {{- end}}
restartPolicy: Never
""",
    "trim markers": "a  {{- /* gone */ -}}  b {{- 1 -}} \n\t c{{ 2 -}}\n\n{{- 3 }} d",
    "a dash that is no marker": "{{-3}} {{- 3}} {{3 -}} x",
    "a comment with spaces before it": "{{ /* none */ }}",
    "a comment that does not end": "{{/* a }}",
    "a comment before something else": "{{/* a */ .Trial}}",
    "else if": "{{range $i := 4}}{{if eq $i 0}}a{{else if eq $i 1 3}}b{{else}}c{{end}}{{end}}",
    "a test of a name": '{{range .HyperParameters}}{{if eq .Name "--lr"}}{{.Value}}{{else}}0{{end}}{{end}}',
    "else with": "{{with ``}}a{{else with 7}}{{.}}{{else}}c{{end}}",
    "else if after with": "{{with ``}}a{{else if true}}b{{end}}",
    "else with after range": "{{range 0}}a{{else with 1}}b{{end}}",
    "two elses": "{{if 1}}a{{else}}b{{else}}c{{end}}",
    "else of a range": "{{range 0}}a{{else}}nothing in {{$.Trial}}{{end}}",
    "a range with two variables": "{{range $i, $p := .HyperParameters}}{{$i}}:{{$p.Name}}={{$p.Value}};{{end}}",
    "a range over a variable": "{{$all := .HyperParameters}}{{range $all}}{{.Name}}{{end}}{{len $all}}",
    "a range over an integer": "{{range $i := 3}}{{$i}}{{.}}{{end}}",
    "a range over an integer with two variables": "{{range $i, $j := 3}}{{$i}}{{end}}",
    "a range that assigns": "{{$i := 9}}{{$p := 8}}{{range $i, $p = .HyperParameters}}{{end}}{{$i}}{{$p.Name}}",
    "a range that assigns what is not set": "{{range $i = .HyperParameters}}{{end}}",
    "break and continue": "{{range $i, $p := .HyperParameters}}{{if eq $i 0}}{{continue}}{{end}}{{$i}}{{break}}{{end}}",
    "break outside": "{{break}}",
    "the scope of a variable": "{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}",
    "an assigned variable": "{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}",
    "a variable after its end": "{{if $y := 1}}{{$y}}{{end}}{{$y}}",
    "a variable of the condition in the else": "{{if $y := 0}}{{else if eq $y 0}}{{$y}}{{end}}",
    "a variable that is not set": "{{$z}}",
    "pipelines": '{{.Trial | printf "%s-%s" "x" | print "y"}} {{"a" | len | eq 1}}',
    "a pipe at the end": "{{.Trial | }}",
    "a pipe at the start": "{{| .Trial}}",
    "a value behind a pipe": "{{.Trial | 3}}",
    "a field behind a pipe": "{{3 | .Trial}}",
    "parentheses": "{{(index .HyperParameters 1).Name}} {{(len (print 1 2))}} {{not (eq 1 2)}}",
    "a parenthesis that is not closed": "{{(len .Trial}}",
    "the dollar inside": "{{range .HyperParameters}}{{$.Experiment}}{{$.HyperParameters | len}}{{end}}",
    "and, or": '{{and 1 "a" 0}} {{or 0 "" "z"}} {{and}}',
    "and that stops": "{{and 0 (index .HyperParameters 99)}}{{or 1 (len 3)}}",
    "orders": '{{lt 1 2}}{{le "a" "a"}}{{gt 1.5 0.5}}{{ge 2 3}}{{ne true false}}',
    "booleans in order": "{{lt true false}}",
    "an integer and a number": "{{eq 1 1.0}}",
    "a text and an integer": '{{eq "1" 1}}',
    "index of a text": '{{index "abc" 1}} {{index `é` 0}} {{len `é`}}',
    "an index too large": "{{index .HyperParameters 2}}",
    "prints": '{{print 1 2 "a" 3 4}} {{println 1 "a"}}{{print}}',
    "printf": '{{printf "%s|%v|%d|%q|%%|%03d|%-4d|%4d" "a" 1.5 7 "x\\"\\n\\u00e9\\x01" 5 6 8}}',
    "printf with the wrong value": '{{printf "%d" "a"}}',
    "printf without a value": '{{printf "%s"}}',
    "printf with too many values": '{{printf "%s" "a" "b"}}',
    "numbers": "{{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{-7}} {{+7}} {{'a'}} {{1.}} {{.5}} {{1e3}} {{-0}}",
    "a number with a zero in front": "{{08}}",
    "a number that is too large": "{{9223372036854775808}}",
    "floats": "{{100000.0}} {{1000000.0}} {{123456789.0}} {{0.0001}} {{0.00001}} {{1e300}} {{0.1}} {{-0.0}}",
    "texts": '{{"a\\tb\\101\\u00e9\\U0001F600"}}{{`raw\\n\n`}}',
    "an unknown escape": '{{"\\y"}}',
    "a text over two lines": '{{"a\nb"}}',
    "an action over two lines": "{{print\n1\n}}",
    "an unknown function": "{{nofunction .Trial}}",
    "an unknown field": "{{.Value}}",
    "a field of a text": "{{.Trial.Name}}",
    "an argument to a field": "{{.Trial 1}}",
    "nothing": "{{}}",
    "an end too many": "{{end}}",
    "an end too few": "{{if 1}}",
    "an action that is not closed": "{{.Trial",
    "braces alone": "}} { {  } {{`{{`}}",
    "words without spaces": '{{"a""b"}}',
    "keywords in the wrong place": "{{print end}}",
    "spaces of all kinds": "{{\t.Trial\r\n}}",
}


@pytest.mark.parametrize("template", CORPUS.values(), ids=CORPUS.keys())
def test_templates_of_all_kinds_come_out_as_from_go(ask: Ask, template: str) -> None:
    assert_same(ask, template)


WORDS = "true false .Trial .NameSpace .HyperParameters . $ $x $p $i $p.Name $x.Name $.Experiment .Name .Value .Nothing"
CONSTANTS = ["0", "1", "2", "-1", "1.5", '"--lr"', '""', "`b`", "'c'"]
ITEMS = ["(index .HyperParameters 0)", "(index .HyperParameters 1).Name"]
ATOMS = st.sampled_from([*re.split(" ", WORDS), *CONSTANTS, *ITEMS])
NAMES = st.sampled_from(sorted(FUNCTIONS))
FORMATS = st.sampled_from(['"%s"', '"%v"', '"%d"', '"%q"', '"%s=%v"', '"%%"', '"%03d"'])


def _calls(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = st.tuples(NAMES, st.lists(values, max_size=3)).map(lambda call: " ".join([call[0], *call[1]]))
    formats = st.tuples(FORMATS, st.lists(values, max_size=2)).map(lambda f: " ".join(["printf", f[0], *f[1]]))
    pipes = st.tuples(values, calls).map(" | ".join)
    return st.one_of(calls, formats, pipes).map(lambda text: f"({text})")


VALUES_IN_PARENTHESES = st.recursive(ATOMS, _calls, max_leaves=4)
PIPELINES = VALUES_IN_PARENTHESES.map(lambda text: text[1:-1] if text.startswith("(") and text.endswith(")") else text)
OPENS = st.sampled_from(["{{", "{{- ", "{{ "])
CLOSES = st.sampled_from(["}}", " -}}", " }}"])
TEXTS = st.sampled_from(["", " ", "\n", "a", "  - b: ", "\n\n  c", "}", "é"])
CONTROLS = st.sampled_from(
    ["if ", "with ", "range ", "range $i, $p := ", "range $p := ", "if $x := ", "with $x := ", "range $i, $p = "]
)
ELSES = st.sampled_from(
    ["", "{{else}}", "{{- else -}}", "{{else if true}}", "{{else with 1}}", "{{break}}", "{{continue}}"]
)


def _action(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(OPENS, inner, CLOSES).map("".join)


def _bodies(body: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    head = _action(st.tuples(CONTROLS, PIPELINES).map("".join))
    blocks = st.tuples(head, body, ELSES, body, _action(st.just("end"))).map("".join)
    return st.lists(blocks | body, min_size=1, max_size=3).map("".join)


SETS = st.tuples(st.sampled_from(["$x := ", "$p := ", "$i := ", "$x = "]), PIPELINES).map("".join)
TEMPLATES = st.recursive(TEXTS | _action(PIPELINES) | _action(SETS), _bodies, max_leaves=6).map(
    lambda text: "{{$x := 1}}{{$p := 2}}{{$i := 3}}" + text
)
SYMBOLS = (
    "{{ }} /* */ ( ) | := = , : \" ` ' \\ . - -3 0x 1 1_0 e5 _ é $ $x .Trial .Name true if else end range with eq print"
)
WHOLE = ["{{- ", " -}}", " ", "\n", "{{end}}", "{{else}}", "{{if 1}}", "{{range .HyperParameters}}"]
PIECES = st.sampled_from([*re.split(" ", SYMBOLS), *WHOLE])


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(template=TEMPLATES)
def test_every_template_comes_out_as_from_go(ask: Ask, template: str) -> None:
    assert_same(ask, template)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("{{0x}}")
@given(template=st.lists(PIECES, max_size=12).map("".join))
def test_what_go_cannot_read_is_an_error_here_too(ask: Ask, template: str) -> None:
    assert_same(ask, template)


FILES = sorted((Path(__file__).parent / "v1alpha3").glob("*.yaml"))


@pytest.mark.parametrize("which", Corner)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_trial_creates_what_katib_v1alpha3_would_have_created(ask: Ask, file: Path, which: Corner) -> None:
    found = documents(file.read_text())
    problems: list[Problem] = []
    checked = check_documents(found, problems)
    assert checked is not None, problems
    manifest, _ = sample_manifest(checked, which, ())
    raw = get(found[0].tree, "spec", "trialTemplate", "goTemplate", "rawTemplate")
    text = raw if isinstance(raw, str) else get_string(found[1].tree, "data", "pytorch.yaml")
    name = get_string(manifest, "metadata", "name")
    assigned = corner(checked.space, which)
    values: JsonObject = {
        "trial": name,
        "nameSpace": "kubeflow",
        "experiment": checked.experiment.name,
        "hyperParameters": [{"name": name, "value": format_value(value)} for name, value in assigned.items()],
    }
    theirs = yaml.safe_load((ask(text, values) or "").replace(f"- name: {name}", "- name: training"))
    assert manifest["spec"] == theirs["spec"]
    assert get_string(manifest, "metadata", "namespace") == theirs["metadata"]["namespace"]
