import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_fakes import FakeSchema, compiled, context, job

from trialmill.api.experiment import TrialParameter
from trialmill.api.fields import FieldType
from trialmill.api.space import Value, format_value
from trialmill.api.tree import Json, JsonObject, Path, get, get_object
from trialmill.template.compiled import CompiledTemplate, Ref, RefKind, Slot
from trialmill.template.conversion import ConversionError, convert
from trialmill.template.placeholders import escape
from trialmill.template.render import RenderError, render

A, B = ("a", "a"), ("b", "b")


def spec_of(trial_spec: Json, assignments: dict[str, Value], *parameters: TrialParameter | tuple[str, str]) -> Json:
    return render(compiled(job(trial_spec), *parameters), context(assignments))["spec"]


FORMATS: dict[str, tuple[Value, str]] = {
    "integer": (3, "3"),
    "whole float": (3.0, "3.0"),
    "small float": (1e-05, "1e-05"),
    "shortest float": (0.1, "0.1"),
    "the author's spelling": ("0.10", "0.10"),
    "what looks like a placeholder": ("${trialParameters.b}${trial.name}$$", "${trialParameters.b}${trial.name}$$"),
    "what would break JSON or YAML": ('"},\n- x: \\', '"},\n- x: \\'),
}


@pytest.mark.parametrize(("value", "text"), FORMATS.values(), ids=FORMATS)
def test_a_value_stands_in_text_and_in_string_fields_canonically(value: Value, text: str) -> None:
    assert spec_of({"x": "<${trialParameters.a}>", "y": "${trialParameters.a}"}, {"a": value}, A) == {
        "x": f"<{text}>",
        "y": text,
    }


def test_metadata_reaches_the_resource_directly_and_by_reference() -> None:
    direct = " ".join(f"${{trial.{name}}}" for name in ("name", "namespace", "index", "seed")) + " ${experiment.name}"
    names = {"k": "Kind", "v": "APIVersion", "l": "Labels[who]", "n": "Annotations[why]"}
    spec: Json = {"direct": direct, "by": " ".join(f"${{trialParameters.{n}}}" for n in names)}
    manifest = job(spec, {"labels": {"who": "us"}, "annotations": {"why": "$${trial.name}"}})
    template = compiled(manifest, *((n, f"${{trialSpec.{reference}}}") for n, reference in names.items()))
    assert render(template, context(who="them"))["spec"] == {
        "direct": "exp-7-abc team 7 4242 exp",
        "by": "Job batch/v1 us ${trial.name}",
    }


def test_name_and_namespace_are_the_trials_and_our_labels_win() -> None:
    manifest = job({}, {"name": "x", "labels": {"app": "mnist", "trial": "mine"}, "annotations": {"n": "1"}})
    assert render(compiled(manifest), context(trial="ours"))["metadata"] == {
        "name": "exp-7-abc",
        "namespace": "team",
        "labels": {"app": "mnist", "trial": "ours"},
        "annotations": {"n": "1"},
    }


@pytest.mark.parametrize("metadata", [None, {"labels": None}, {}], ids=["none", "empty labels", "empty"])
def test_metadata_need_not_be_in_the_template(metadata: JsonObject | None) -> None:
    resource = render(compiled(job({}, metadata)), context(a="b"))
    assert resource["metadata"] == {"name": "exp-7-abc", "namespace": "team", "labels": {"a": "b"}}


def test_rendering_leaves_the_template_as_it_was() -> None:
    spec: Json = {"list": [{"x": "${trialParameters.a}"}, {"${trialParameters.a}": 1}], "same": {"k": [1]}}
    template = compiled(job(spec, {"labels": {"x": "${trialParameters.a}"}}), A)
    before = copy.deepcopy(template)
    first = render(template, context({"a": "1"}, l="1"))
    second = render(template, context({"a": "2"}))
    assert template == before
    assert get(first, "spec", "list", 0, "x") == "1"
    assert get(second, "spec", "list", 0, "x") == "2"
    assert get_object(second, "metadata", "labels") == {"x": "2"}


# --- Keys


def test_keys_are_replaced_in_place_with_what_is_below_them() -> None:
    spec: Json = {"first": 0, "${trialParameters.a}": {"${trialParameters.b}": "${trialParameters.a}"}, "last": 1}
    result = spec_of(spec, {"a": "x", "b": "y"}, A, B)
    assert result == {"first": 0, "x": {"y": "x"}, "last": 1}
    assert list(result) == ["first", "x", "last"]


def test_an_escaped_key_stands_beside_the_placeholder_it_looks_like() -> None:
    spec: Json = {"$${trial.name}": 1, "${trial.name}": 2}
    assert spec_of(spec, {}) == {"${trial.name}": 1, "exp-7-abc": 2}


def test_a_key_may_take_the_spelling_that_another_one_gave_up() -> None:
    spec: Json = {"${trialParameters.a}": 1, "${trialParameters.b}": 2}
    result = spec_of(spec, {"a": "${trialParameters.b}", "b": "x"}, A, B)
    assert result == {"${trialParameters.b}": 1, "x": 2}


@pytest.mark.parametrize("spec", [{"${trialParameters.a}": 1, "x": 2}, {"${trialParameters.a}": 1, "${trial.name}": 2}])
def test_keys_that_become_equal_are_an_error(spec: JsonObject) -> None:
    value = next((k for k in spec if "$" not in k), "exp-7-abc")
    with pytest.raises(RenderError, match="two keys have become") as caught:
        spec_of(spec, {"a": value}, A)
    assert caught.value.path == ("spec",)


def test_a_key_cannot_bring_something_else_than_a_mapping_as_metadata() -> None:
    template = compiled({**job({}), "${trialParameters.a}": 3}, A)
    with pytest.raises(RenderError, match="metadata: this must be a mapping"):
        render(template, context({"a": "metadata"}))


# --- Types

CONVERSIONS: dict[str, tuple[FieldType, Value, Json]] = {
    "integer from int": (FieldType.INTEGER, 4, 4),
    "integer from whole float": (FieldType.INTEGER, 4.0, 4),
    "integer from text": (FieldType.INTEGER, "-4", -4),
    "integer from whole text": (FieldType.INTEGER, "4.0", 4),
    "integer from exponent": (FieldType.INTEGER, "1e3", 1000),
    "integer beyond floats": (FieldType.INTEGER, "9007199254740993", 9007199254740993),
    "number from float": (FieldType.NUMBER, 4.0, 4.0),
    "number from text": (FieldType.NUMBER, "1e-3", 0.001),
    "number from whole text": (FieldType.NUMBER, "4", 4),
    "boolean": (FieldType.BOOLEAN, "True", True),
    "boolean false": (FieldType.BOOLEAN, "false", False),
    "quantity": (FieldType.QUANTITY, 4, "4"),
    "string": (FieldType.STRING, 4, "4"),
    "int-or-string from int": (FieldType.INT_OR_STRING, 4, 4),
    "int-or-string from whole float": (FieldType.INT_OR_STRING, 4.0, 4),
    "int-or-string from number text": (FieldType.INT_OR_STRING, "80", 80),
    "int-or-string from percentage": (FieldType.INT_OR_STRING, "30%", "30%"),
    "int-or-string keeps spellings": (FieldType.INT_OR_STRING, "080", "080"),
    "int-or-string from fraction": (FieldType.INT_OR_STRING, 0.5, "0.5"),
    "list": (FieldType.LIST, "[1, {}]", [1, {}]),
    "map": (FieldType.MAP, '{"a": "${trial.name}"}', {"a": "${trial.name}"}),
    "object": (FieldType.OBJECT, "{}", {}),
    "any from JSON": (FieldType.ANY, "null", None),
    "any from a number": (FieldType.ANY, 0.5, 0.5),
}


@pytest.mark.parametrize(("target", "value", "expected"), CONVERSIONS.values(), ids=CONVERSIONS)
def test_a_whole_scalar_becomes_a_value_of_its_type(target: FieldType, value: Value, expected: Json) -> None:
    template = CompiledTemplate("v1", "X", {"x": "?"}, (Slot(("x",), (Ref(RefKind.PARAMETER, "a"),), target),))
    result = render(template, context({"a": value}))["x"]
    assert (result, type(result)) == (expected, type(expected))


REFUSED: dict[str, tuple[FieldType, Value]] = {
    "integer from word": (FieldType.INTEGER, "abc"),
    "integer from fraction": (FieldType.INTEGER, 0.5),
    "integer from infinity": (FieldType.INTEGER, float("inf")),
    "integer from nan": (FieldType.INTEGER, float("nan")),
    "integer from Python's spelling": (FieldType.INTEGER, "1_000"),
    "integer from other digits": (FieldType.INTEGER, "٣"),
    "integer from boolean": (FieldType.INTEGER, True),
    "integer too large to be certain": (FieldType.INTEGER, "1e40"),
    "integer of absurd length": (FieldType.INTEGER, "9" * 5000),
    "number from word": (FieldType.NUMBER, "nan"),
    "number from infinity": (FieldType.NUMBER, float("inf")),
    "number too large": (FieldType.NUMBER, "1e999"),
    "number from space": (FieldType.NUMBER, " 1"),
    "boolean from yes": (FieldType.BOOLEAN, "yes"),
    "boolean from one": (FieldType.BOOLEAN, 1),
    "list from object": (FieldType.LIST, "{}"),
    "map from number": (FieldType.MAP, 3),
    "JSON that is none": (FieldType.ANY, "[1"),
    "JSON with nan": (FieldType.ANY, "[NaN]"),
    "JSON with infinity": (FieldType.ANY, "[1e999]"),
    "JSON without end": (FieldType.ANY, "[" * 100_000),
    "any from nan": (FieldType.ANY, float("nan")),
}


@pytest.mark.parametrize(("target", "value"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_its_field_cannot_take_is_an_error_with_its_place(target: FieldType, value: Value) -> None:
    slot = Slot(("s", 0), (Ref(RefKind.PARAMETER, "lr"),), target)
    with pytest.raises(RenderError, match=r"^s\[0\]: lr: ") as caught:
        render(CompiledTemplate("v1", "X", {"s": ["?"]}, (slot,)), context({"lr": value}))
    assert caught.value.path == ("s", 0)
    assert len(caught.value.message) < 250


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(RenderError, match="no value of parameter a"):
        spec_of({"x": "${trialParameters.a}"}, {}, A)


def test_one_parameter_serves_an_integer_and_a_string_field() -> None:
    schema = FakeSchema({("spec", "n"): FieldType.INTEGER, ("spec", "env"): FieldType.STRING})
    template = compiled(job({"n": "${trialParameters.a}", "env": "${trialParameters.a}"}), A, schema=schema)
    assert render(template, context({"a": 3}))["spec"] == {"n": 3, "env": "3"}


# --- Laws

SCRAPS = st.sampled_from(["${trialParameters.a}", "${trial.name}", "$$", '"', "\\", "\n", "{}", "- x:", "${HOME}", "'"])
TEXTS = st.lists(SCRAPS | st.text(max_size=4), max_size=5).map("".join)
VALUES = TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = TEXTS.map(escape) | st.integers() | st.booleans() | st.none() | st.just("${trialParameters.a}")
TREES: st.SearchStrategy[Json] = st.recursive(
    LEAVES,
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text("abc-é\n", max_size=3), child, max_size=3),
    max_leaves=12,
)


def _expected(node: Json, value: str) -> Json:
    match node:
        case "${trialParameters.a}":
            return value
        case str():
            return node.replace("$${trial", "${trial")
        case list():
            return [_expected(item, value) for item in node]
        case dict():
            return {key: _expected(item, value) for key, item in node.items()}
    return node


@given(TREES, VALUES)
def test_any_value_comes_out_unchanged_at_its_slots_and_nothing_else_changes(tree: Json, value: Value) -> None:
    template = compiled(job([tree, "${trialParameters.a}"]), A)
    assert render(template, context({"a": value}))["spec"] == _expected(
        [tree, "${trialParameters.a}"], format_value(value)
    )


@given(TEXTS, TEXTS, TEXTS)
def test_text_around_placeholders_and_values_in_them_are_joined_untouched(before: str, one: str, two: str) -> None:
    before = before.rstrip("$")
    text = f"{escape(before)}${{trialParameters.a}} ${{trialParameters.b}}"
    assert spec_of(text, {"a": one, "b": two}, A, B) == f"{before}{one} {two}"


@given(VALUES, st.sampled_from(FieldType))
def test_a_conversion_succeeds_with_json_of_its_type_or_raises_its_own_error(value: Value, target: FieldType) -> None:
    types: dict[FieldType, type | tuple[type, ...]] = {
        FieldType.STRING: str,
        FieldType.QUANTITY: str,
        FieldType.INTEGER: int,
        FieldType.NUMBER: (int, float),
        FieldType.BOOLEAN: bool,
        FieldType.INT_OR_STRING: (int, str),
        FieldType.LIST: list,
        FieldType.MAP: dict,
        FieldType.OBJECT: dict,
        FieldType.ANY: object,
    }
    try:
        result = convert(value, target)
    except ConversionError:
        return
    assert isinstance(result, types[target])


def test_slots_that_do_not_belong_to_the_tree_are_an_error() -> None:
    paths: list[Path] = [("missing", "x"), ("text", 0)]
    for path in paths:
        with pytest.raises(RenderError, match="no such field"):
            render(CompiledTemplate("v1", "X", {"text": "t"}, (Slot(path, ("x",)),)), context())
