"""Go templates by themselves: what they make, where it came from, and what is said of those that cannot be read."""

import pytest
from go_template_samples import TRIAL
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.forms.go_template import ErrorKind, Evaluated, evaluate
from trialmill.forms.go_template.literals import read_number, write_float, write_quoted


def errors_of(template: str) -> list[tuple[ErrorKind, str, str]]:
    """Kind, message, and what stands at the place of each error."""
    found = evaluate(template, TRIAL).errors
    return [(error.kind, error.message, template[error.offset :]) for error in found]


def test_the_template_of_every_v1alpha3_file_makes_one_argument_of_each_parameter() -> None:
    template = """\
command:
{{- with .HyperParameters}}
{{- range .}}
- "{{.Name}}={{.Value}}"
{{- end}}
{{- end}}
name: {{.Trial}}
"""
    evaluated = evaluate(template, TRIAL)
    assert evaluated.errors == ()
    assert evaluated.output.text == 'command:\n- "--lr=<lr>"\n- "--opt=<opt>"\nname: <trial>\n'


def test_each_place_of_the_output_knows_where_in_the_template_it_came_from() -> None:
    template = "a:\n{{- range .HyperParameters}}\n  - {{.Name}}={{.Value}}\n{{- end}}\nb: 1"
    output = evaluate(template, TRIAL).output

    def origin(part: str) -> str:
        return template[output.origin(output.text.index(part)) :]

    assert origin("a:").startswith("a:")
    assert origin("  - --lr").startswith("  - {{.Name}}")
    assert origin("--opt").startswith("{{.Name}}")
    assert origin("<opt>").startswith("{{.Value}}")
    assert origin("b: 1") == "b: 1"
    assert output.origin(len(output.text)) == len(template)
    assert evaluate("", TRIAL).output.origin(0) == 0


@pytest.mark.parametrize(
    ("template", "doing"),
    [
        ('{{range .HyperParameters}}{{if eq .Value "1"}}{{end}}{{end}}', "compared"),
        ("{{range .HyperParameters}}{{if .Value}}{{end}}{{end}}", "tested"),
        ("{{range .HyperParameters}}{{with .Value}}{{end}}{{end}}", "tested"),
        ("{{range .HyperParameters}}{{not .Value}}{{end}}", "tested"),
        ("{{range .HyperParameters}}{{or .Value 1}}{{end}}", "tested"),
        ("{{range .HyperParameters}}{{lt .Value 1}}{{end}}", "compared"),
        ("{{range .HyperParameters}}{{len .Value}}{{end}}", "measured"),
        ("{{range .HyperParameters}}{{index .Value 0}}{{end}}", "taken apart"),
        ("{{range .HyperParameters}}{{index $.HyperParameters .Value}}{{end}}", "counted with"),
        ("{{range .HyperParameters}}{{range .Value}}{{end}}{{end}}", "ranged over"),
        ("{{range .HyperParameters}}{{printf .Value}}{{end}}", "used as a format"),
        ('{{range .HyperParameters}}{{printf "%d" .Value}}{{end}}', "formatted with %d"),
        ('{{range .HyperParameters}}{{printf "%q" .Value}}{{end}}', "formatted with %q"),
    ],
)
def test_whoever_needs_a_value_is_told_once_that_it_is_not_known_yet(template: str, doing: str) -> None:
    ((kind, message, _),) = errors_of(template)
    assert kind is ErrorKind.OPAQUE
    assert message == f"the value of --lr is not known before the trial, so it cannot be {doing}"


@pytest.mark.parametrize("template", ["{{with .Trial}}{{.}}{{end}}", "{{if .NameSpace}}<trial>{{end}}"])
def test_that_a_trial_has_a_name_is_known(template: str) -> None:
    assert evaluate(template, TRIAL).output.text == "<trial>"


@pytest.mark.parametrize(
    ("template", "kind", "message", "place"),
    [
        ("a\n{{.Trail}}", ErrorKind.EVALUATION, "the trial has no field .Trail", ".Trail"),
        (
            "{{range .HyperParameters}}{{.Trial}}{{end}}",
            ErrorKind.EVALUATION,
            "a hyperparameter has no field .Trial",
            ".T",
        ),
        ("{{prnt 1}}", ErrorKind.SYNTAX, "there is no function prnt", "prnt"),
        ("{{$x}}", ErrorKind.SYNTAX, "the variable $x is not set", "$x"),
        ("{{if true}} x", ErrorKind.SYNTAX, "this if has no {{end}}", "{{if"),
        ("a {{end}}", ErrorKind.SYNTAX, "{{end}} belongs to no if, with or range", "{{end"),
        ("a {{.Trial", ErrorKind.SYNTAX, "this action is not closed", "{{.Trial"),
        ('{{define "x"}}{{end}}', ErrorKind.UNSUPPORTED, "{{define}} is not known here", "{{define"),
        ('{{template "x"}}', ErrorKind.UNSUPPORTED, "{{template}} is not known here", "{{template"),
        ("{{html .Trial}}", ErrorKind.UNSUPPORTED, "the function html is not known here", "html"),
        ("{{.HyperParameters}}", ErrorKind.UNSUPPORTED, "a list cannot be printed as a whole", ".Hyper"),
        ("{{.}}", ErrorKind.UNSUPPORTED, "the trial cannot be printed as a whole", ".}}"),
        ("{{1i}}", ErrorKind.UNSUPPORTED, "1i is a number of a sort that is not known here", "1i"),
        ('{{printf "%5.1f" 1.0}}', ErrorKind.UNSUPPORTED, "printf does not know %5.1f here", "printf"),
        ('{{printf "%d" "a"}}', ErrorKind.PRINTF, "%d formats an integer, found a string", "printf"),
        ("{{" + "(" * 60 + "1" + ")" * 60 + "}}", ErrorKind.LIMIT, "this is nested deeper than 50 levels", "("),
    ],
)
def test_what_is_wrong_is_said_with_its_place(template: str, kind: ErrorKind, message: str, place: str) -> None:
    ((found, text, at),) = errors_of(template)
    assert (found, text) == (kind, message)
    assert at.startswith(place)


def test_all_that_goes_wrong_is_said_at_once() -> None:
    found = errors_of("{{.Trail}} {{if .Nothing}}{{end}} {{range .HyperParameters}}{{.nam}}{{end}}")
    assert [at[:6] for _, _, at in found] == [".Trail", ".Nothi", ".nam}}"]


def test_a_value_that_is_only_handed_on_need_not_be_known() -> None:
    template = '{{range .HyperParameters}}{{or "" .Value}}{{and .Name .Value}}{{$x := .Value}}{{$x}} {{end}}'
    assert evaluate(template, TRIAL).output.text == "<lr><lr><lr> <opt><opt><opt> "


def test_one_mistake_is_one_error_though_it_was_to_be_the_value_of_a_variable() -> None:
    assert [at[:6] for _, _, at in errors_of("{{$x := .Trail}}{{$x}}{{if $x}}{{end}}")] == [".Trail"]


@pytest.mark.parametrize(
    ("template", "remedy"),
    [
        ("{{.Trail}}", "did you mean .Trial?"),
        ("{{range .HyperParameters}}{{.Trial}}{{end}}", "did you mean $.Trial?"),
        ("{{pritn 1}}", "did you mean 'print'?"),
        ("{{Trial}}", 'did you mean .Trial, or the text "Trial"?'),
        ("{{$loss := 1}}{{$los}}", "did you mean '$loss'?"),
    ],
)
def test_a_slip_gets_its_remedy(template: str, remedy: str) -> None:
    (error,) = evaluate(template, TRIAL).errors
    assert error.remedy == remedy


@pytest.mark.parametrize(
    "template",
    [
        "{{range 1000000000}}x{{end}}",
        "{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}",
        '{{$x := "xxxxxxxxxxxxxxxx"}}{{range 60}}{{$x = print $x $x}}{{end}}',
        "{{$x := 1}}" + "{{$x := print $x $x $x $x}}" * 20,
        '{{"\\\\" ' + '| printf "%q" ' * 60 + "}}",
        "{{range 90000}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{end}}",
        "{{if true}}" * 1000 + "{{end}}" * 1000,
        "{{" + "(" * 1000 + "1" + ")" * 1000 + "}}",
        "x" * 600_000,
    ],
)
def test_a_template_that_would_not_end_is_stopped(template: str) -> None:
    (error,) = evaluate(template, TRIAL).errors
    assert error.kind is ErrorKind.LIMIT


def test_a_long_chain_of_else_if_is_no_deep_nesting() -> None:
    template = "{{if false}}" + "{{else if false}}" * 5000 + "{{else}}x{{end}}"
    assert evaluate(template, TRIAL).output.text == "x"


WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "/*",
        "*/",
        "if",
        "else",
        "end",
        "range",
        " ",
        "\n",
        ".",
        "$",
        '"',
        "`",
        "(",
        ")",
        ".Name",
    ]
)


@settings(max_examples=300)
@given(st.lists(WORDS | st.text(max_size=3), max_size=25).map("".join))
def test_whatever_a_text_is_the_answer_is_an_output_and_errors_with_places_in_it(text: str) -> None:
    evaluated: Evaluated = evaluate(text, TRIAL)
    assert all(0 <= error.offset <= len(text) for error in evaluated.errors)
    output = evaluated.output.text
    origins = [evaluated.output.origin(position) for position in range(len(output))]
    assert all(0 <= origin < len(text) for origin in origins)


@given(st.text(alphabet=st.characters(exclude_characters="{}")))
def test_text_without_actions_comes_out_as_it_is(text: str) -> None:
    assert evaluate(text, TRIAL).output.text == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_that_is_printed_is_read_as_the_same(value: float) -> None:
    assert float(write_float(value)) == value


@pytest.mark.parametrize(
    "text", ["", "+", ".", "0x", "1__0", "08", "9223372036854775808", "1e999", "1_0.5", "9" * 5000]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|integer"):
        read_number(text)


def test_a_quoted_text_escapes_what_cannot_be_seen() -> None:
    assert write_quoted('a"\\\n\x01é\ue000\U000e0001') == '"a\\"\\\\\\n\\x01é\\ue000\\U000e0001"'
