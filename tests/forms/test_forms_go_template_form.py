"""Go templates in an Experiment: what becomes of them, and what is said at which line."""

import json

import pytest
from forms_samples import documents, line_of, normalized, template_of, with_template
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.marked import marked
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import get
from trialmill.check.documents import check_documents
from trialmill.forms.draft import Draft
from trialmill.forms.go_template_form import rewrite_proposed

TEXT = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{.Trial}}
  namespace: {{.NameSpace}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: {{.Trial}}
          image: example
          command:
            - train
            {{- range .HyperParameters}}
            - "--{{.Name}}={{.Value}}"
            {{- end}}
"""
CONFIG_MAP = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: templates, namespace: team}
data:
  job: |
"""


def raw(text: str = TEXT, beside: str = "") -> str:
    """An Experiment with a `goTemplate` of this text."""
    return with_template(f"goTemplate:\n  rawTemplate: |-\n{indented(text, 4)}{beside}")


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}" if line.strip() else line for line in text.splitlines(keepends=True))


def edited(old: str, new: str) -> str:
    assert old in TEXT
    return raw(TEXT.replace(old, new))


def problems_of(text: str) -> list[tuple[str, int]]:
    return [(p.code, p.line) for p in normalized(text).problems]


def arguments_of(text: str) -> object:
    return get(template_of(normalized(text)), "trialSpec", "spec", "template", "spec", "containers", 0, "command")


def test_a_template_becomes_a_manifest_with_declared_placeholders() -> None:
    assert template_of(normalized(raw())) == {
        "trialSpec": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [
                            {
                                "name": "training",
                                "image": "example",
                                "command": [
                                    "train",
                                    "--lr=${trialParameters.lr}",
                                    "--num-layers=${trialParameters.num-layers}",
                                ],
                            }
                        ],
                    }
                }
            },
        },
        "primaryContainerName": "training",
        "trialParameters": [
            {"name": "lr", "reference": "lr"},
            {"name": "num-layers", "reference": "num-layers"},
        ],
    }


def test_a_name_that_says_more_than_the_trials_own_stays() -> None:
    template = template_of(normalized(edited("name: {{.Trial}}\n  namespace", "name: {{.Trial}}-x\n  namespace")))
    assert get(template, "trialSpec", "metadata") == {"name": "${trialParameters.trialName}-x"}
    assert {"name": "trialName", "reference": "${trialSpec.Name}"} in (get(template, "trialParameters") or [])  # type: ignore[operator]  # a list, or the test fails


def test_only_what_is_printed_is_declared() -> None:
    text = edited("{{- range .HyperParameters}}", '{{- range .HyperParameters}}{{if ne .Name "lr"}}').replace(
        "{{- end}}", "{{- end}}{{end}}"
    )
    template = template_of(normalized(text))
    assert get(template, "trialParameters") == [{"name": "num-layers", "reference": "num-layers"}]


def test_a_value_without_quotes_is_a_placeholder_that_is_a_whole_value_even_between_brackets() -> None:
    text = raw(
        "kind: Foo\napiVersion: example.dev/v1\nspec:\n"
        "  values: [{{range $i, $p := .HyperParameters}}{{if $i}}, {{end}}{{.Value}}{{end}}]\n"
    )
    values = get(template_of(normalized(text)), "trialSpec", "spec", "values")
    assert values == ["${trialParameters.lr}", "${trialParameters.num-layers}"]


def test_in_a_kind_that_nobody_knows_a_value_has_the_type_that_it_would_have_been_printed_with() -> None:
    text = raw(
        "kind: Foo\napiVersion: example.dev/v1\nspec:\n{{- range $i, $p := .HyperParameters}}\n"
        '  plain{{$i}}: {{.Value}}\n  quoted{{$i}}: "{{.Value}}"\n{{- end}}\n'
    )
    template = template_of(normalized(text))
    assert get(template, "trialSpec", "spec") == {
        "plain0": "${trialParameters.lr}",
        "quoted0": "${trialParameters.lr-text}",
        "plain1": "${trialParameters.num-layers}",
        "quoted1": "${trialParameters.num-layers-text}",
    }
    assert get(template, "trialParameters", 0) == {"name": "lr", "reference": "lr", "as": "number"}


def test_names_that_differ_only_in_dashes_get_placeholders_of_their_own() -> None:
    text = raw().replace("name: num-layers", "name: --lr")
    assert arguments_of(text) == ["train", "--lr=${trialParameters.lr}", "----lr=${trialParameters.lr-2}"]


def test_several_documents_become_the_trials_own_and_those_beside_it() -> None:
    text = raw(TEXT + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {x: '{{.Experiment}}'}\n")
    template = template_of(normalized(text))
    assert get(template, "trialSpec", "kind") == "Job"
    assert get(template, "additionalResources", 0, "data") == {"x": "${experiment.name}"}


def test_a_template_in_a_config_map_is_read_from_the_documents_beside() -> None:
    reference = "goTemplate:\n  templateSpec: {configMapName: templates, configMapNamespace: team, templatePath: job}\n"
    text = with_template(reference) + CONFIG_MAP + indented(TEXT, 4)
    assert template_of(normalized(text)) == template_of(normalized(raw()))
    broken = text.replace("{{.NameSpace}}", "{{.Namespace}}")
    assert problems_of(broken) == [("go-template", line_of(broken, "{{.Namespace}}"))]


# --- The proposal's `template`


@pytest.mark.parametrize("reference", ["path", "templatePath"])
def test_the_proposals_wording_is_the_same_template(reference: str) -> None:
    proposed = with_template("template:\n  kind: goTemplate\n  rawTemplate: |-\n" + indented(TEXT, 4))
    assert template_of(normalized(proposed)) == template_of(normalized(raw()))
    elsewhere = f"template: {{kind: goTemplate, configmapTemplate: {{configMapName: templates, {reference}: job}}}}\n"
    text = with_template(elsewhere) + CONFIG_MAP + indented(TEXT, 4)
    assert template_of(normalized(text)) == template_of(normalized(raw()))


def test_a_template_that_uses_no_value_is_asked_whether_args_was_meant() -> None:
    without = TEXT.replace('- "--{{.Name}}={{.Value}}"', "")
    text = with_template("template:\n  kind: goTemplate\n  rawTemplate: |-\n" + indented(without, 4))
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == ("no-values", line_of(text, "rawTemplate:"))
    assert problem.remedy.startswith("did you mean `kind: args`?")


@pytest.mark.parametrize(("kind", "message"), [("yaml", "'yaml' is no kind of template"), ("", "kind is empty")])
def test_a_kind_that_is_none_is_an_error(kind: str, message: str) -> None:
    text = with_template(f"template:\n  kind: '{kind}'\n  rawTemplate: |-\n" + indented(TEXT, 4))
    (problem,) = normalized(text).problems
    assert (problem.message, problem.line) == (message, line_of(text, "  kind: '"))


@pytest.mark.parametrize(("kind", "as_"), [("args", "args"), ("envVar", "env")])
def test_the_kinds_without_values_hold_the_trials_names_and_leave_the_values_to_inject(kind: str, as_: str) -> None:
    without = TEXT.replace('- "--{{.Name}}={{.Value}}"', "").replace("- train", "- --out={{.Trial}}")
    without = without.replace("{{- range .HyperParameters}}\n", "").replace("{{- end}}", "")
    (document,) = documents(with_template(f"template:\n  kind: {kind}\n  rawTemplate: |-\n" + indented(without, 4)))
    draft = Draft(marked(document), document)
    rewrite_proposed(draft, draft.template.fields["template"])
    assert draft.problems == []
    assert get(draft.template.json(), "inject") == {"as": as_}
    containers = get(draft.template.json(), "trialSpec", "spec", "template", "spec", "containers")
    assert containers == [{"name": "training", "image": "example", "command": ["--out=${trial.name}"]}]


# --- What is wrong, and where


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{{.NameSpace}}", "{{.Namespace}}", "go-template"),
        ("{{- range .HyperParameters}}", "{{- rnage .HyperParameters}}", "go-template-syntax"),
        ("{{.Value}}", "{{if eq .Value `1`}}x{{end}}", "opaque-value"),
        ("{{.Value}}", "{{.Value | html}}", "go-template-unsupported"),
        ("{{.Value}}", "${trialParameters.lr}", "mixed-forms"),
        ('"--{{.Name}}={{.Value}}"', '"--{{.Name}}={{.Value}}', "yaml-syntax"),
        ("{{.Value}}", "${{.Value}}", "go-template-unsupported"),
        ("image: example", "image: 'a' b", "yaml-syntax"),
        ("image: example", "name: {{.Experiment}}", "duplicate-key"),
    ],
)
def test_a_mistake_in_the_template_is_reported_at_its_line(old: str, new: str, code: str) -> None:
    text = edited(old, new)
    problem, *_ = normalized(text).problems
    assert (problem.code, problem.line) == (code, line_of(text, new))
    assert problem.path.startswith("spec.trialTemplate.goTemplate.rawTemplate")


def test_a_wrong_field_behind_actions_is_reported_at_its_line_and_column() -> None:
    text = edited("            {{- end}}\n", "            {{- end}}\n          imagePullPolice: Always\n")
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    (wrong,) = [p for p in problems if p.code == "unknown-field"]
    line = line_of(text, "imagePullPolice")
    assert (wrong.line, wrong.column) == (line, text.splitlines()[line - 1].index("imagePullPolice") + 1)


def test_a_wrong_value_behind_an_action_in_the_same_line_is_reported_at_its_column() -> None:
    text = edited("image: example", "{{/* a comment */}}image: {{/* another */}}[]")
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    (wrong,) = [p for p in problems if p.code == "wrong-type"]
    line = line_of(text, "another")
    assert (wrong.line, wrong.column) == (line, text.splitlines()[line - 1].index("[]") + 1)


def test_marks_never_reach_the_user() -> None:
    text = edited('- "--{{.Name}}={{.Value}}"', "- {{.Value}}: 1\n              {{.Value}}: 2")
    (problem, *_) = normalized(text).problems
    assert "${trialParameters.lr}" in problem.message
    assert not any("\ue000" <= character <= "\uf8ff" for p in normalized(text).problems for character in str(p))


@pytest.mark.parametrize("forged", ['{{"\\ue00099\\ue001"}}', "\ue00099\ue001", '{{"\\ue000"}}x{{"\\ue001"}}'])
def test_a_template_that_spells_marks_itself_gets_its_text(forged: str) -> None:
    arguments = arguments_of(edited("- train", f"- 'a{forged}'"))
    assert isinstance(arguments, list)
    assert str(arguments[0]).startswith("a\ue000")
    assert arguments[1] == "--lr=${trialParameters.lr}"


@pytest.mark.parametrize(
    ("template", "code", "at"),
    [
        ("goTemplate: text\n", "wrong-type", "goTemplate:"),
        ("goTemplate: {}\n", "required", "goTemplate:"),
        ("goTemplate: {rawTemplate: ''}\n", "required", "goTemplate:"),
        ("goTemplate: {rawTemplate: [1]}\n", "wrong-type", "goTemplate:"),
        ("goTemplate: {rawTemplate: 'kind: {{.Trial'}\n", "go-template-syntax", "goTemplate:"),
        ("goTemplate: {rawTemplate: '{{/* nothing */}}'}\n", "empty", "goTemplate:"),
        ("goTemplate: {rawTemplate: '- {{.Trial}}'}\n", "wrong-type", "goTemplate:"),
        ("goTemplate:\n  templateSpec: x\n", "wrong-type", "templateSpec:"),
        ("goTemplate:\n  templateSpec: {configMapName: a, templatePath: b}\n", "config-map-missing", "templateSpec:"),
        ("goTemplate:\n  rawTemplate: x\n  templateSpec: {}\n", "mixed-forms", "templateSpec:"),
        ("template: text\n", "wrong-type", "template:"),
    ],
)
def test_a_template_that_is_none_is_an_error_at_its_place(template: str, code: str, at: str) -> None:
    text = with_template(template)
    assert problems_of(text) == [(code, line_of(text, at))]


@pytest.mark.parametrize("other", ["trialParameters: [{name: lr, reference: lr}]", "trialParams: [{name: lr}]"])
def test_values_that_come_in_two_ways_are_an_error_that_names_both(other: str) -> None:
    text = raw(beside=f"{other}\n")
    mixed = [p for p in normalized(text).problems if p.code == "mixed-forms"]
    assert [p.line for p in mixed] == [line_of(text, other)]
    assert str(line_of(text, "goTemplate:")) in mixed[0].message


def test_an_unknown_field_is_a_warning_with_what_was_meant() -> None:
    text = raw().replace("  rawTemplate: |-", "  rawTempalte: x\n      rawTemplate: |-")
    (problem,) = normalized(text).problems
    assert (problem.code, problem.severity, problem.remedy) == (
        "unknown-field",
        Severity.WARNING,
        "did you mean 'rawTemplate'?",
    )


# --- What always holds

WORDS = [
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "if",
    "end",
    "range",
    " ",
    "\n",
    ".",
    "$x",
    '"',
    "[",
    ":",
    "- ",
    ".Value",
    "\t",
    "&a",
    "*a",
]
VISIBLE = st.characters(categories=("L", "N", "P", "S"))
INSERTED = st.lists(st.sampled_from(WORDS) | st.text(VISIBLE, max_size=2), max_size=6).map("".join)


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, len(TEXT)), length=st.integers(0, 40), inserted=INSERTED)
def test_whatever_is_done_to_a_template_there_is_a_manifest_or_an_error_with_its_line(
    position: int, length: int, inserted: str
) -> None:
    wrong = json.dumps(TEXT[:position] + inserted + TEXT[position + length :], ensure_ascii=False)
    result = normalized(with_template(f"goTemplate: {{rawTemplate: {wrong}}}\n"))
    assert result.failed or isinstance(get(template_of(result), "trialSpec"), dict)
    assert all(p.line > 0 for p in result.problems)
