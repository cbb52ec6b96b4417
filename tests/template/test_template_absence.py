"""What falls away where a parameter is inactive."""

import copy
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from template_fakes import FakeSchema, compiled, context, found, job

from trialmill.api.experiment import TrialParameter
from trialmill.api.fields import Field, FieldType
from trialmill.api.space import Assignments, Categorical, Condition, Double, Space
from trialmill.api.tree import Json, JsonObject, Path, get_object
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.encode import compiled_from_json, compiled_to_json
from trialmill.template.render import render

SPACE: Final = Space(
    (Categorical("optimizer", ("sgd", "adam")), Double("momentum", 0.0, 1.0)),
    (Condition("momentum", "optimizer", ("sgd",)),),
)
OPTIMIZER: Final = TrialParameter("optimizer", "optimizer")
MOMENTUM: Final = TrialParameter("m", "momentum")
M: Final = "${trialParameters.m}"
WITH: Final[Assignments] = {"optimizer": "sgd", "momentum": 0.5}
WITHOUT: Final[Assignments] = {"optimizer": "adam"}


def spec_of(spec: Json, assignments: Assignments, parameter: TrialParameter = MOMENTUM) -> Json:
    """The rendered spec; `o` makes sure that both trial parameters are used."""
    whole: JsonObject = {"o": "${trialParameters.optimizer}", "spec": spec, "m": {"used": M}}
    template = compiled(job(whole), OPTIMIZER, parameter, space=SPACE)
    assert compiled_from_json(compiled_to_json(template)) == template
    return get_object(render(template, context(assignments)), "spec")["spec"]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        pytest.param(["--a", "--m", M, "--b"], ["--a", "--b"], id="an option and its value that stands alone"),
        pytest.param(["--a=1", M, "b"], ["--a=1", "b"], id="an option with a value of its own stays"),
        pytest.param(["train", M, "b"], ["train", "b"], id="a word before it stays"),
        pytest.param(["-", M], ["-"], id="a dash alone is no option"),
        pytest.param(["--", M], ["--"], id="neither are two"),
        pytest.param(["--a", f"--m={M}", "b"], ["--a", "b"], id="an argument that it is a part of"),
        pytest.param(["--a", f"m={M},n=2"], ["--a"], id="the option before a text with other parts stays"),
        pytest.param([M], [], id="the only item"),
        pytest.param([M, M, "a"], ["a"], id="two neighbours"),
        pytest.param(["--x", M, "--y", M], [], id="two options"),
        pytest.param([{"name": "M", "value": M}, {"name": "N", "value": "1"}], [{"name": "N", "value": "1"}], id="env"),
        pytest.param([{"name": f"x-{M}", "value": "1"}], [], id="a variable that is named by it"),
        pytest.param({"name": "a", "value": M}, {"name": "a"}, id="name and value in no list"),
        pytest.param({"a": M, "b": "1"}, {"b": "1"}, id="an entry of a map"),
        pytest.param({f"k-{M}": {"deep": [1]}, "b": 2}, {"b": 2}, id="an entry whose key it is in"),
        pytest.param({f"k-{M}": {"deep": M}, "b": 2}, {"b": 2}, id="an entry with it in the key and below"),
        pytest.param([["--m", M], "x"], [[], "x"], id="a list in a list"),
        pytest.param([{"command": ["x", M]}, {"y": 1}], [{"command": ["x"]}, {"y": 1}], id="deep inside"),
    ],
)
def test_what_holds_a_placeholder_without_a_value_goes_and_nothing_else(written: Json, left: Json) -> None:
    assert spec_of(copy.deepcopy(written), WITHOUT) == left


def test_nothing_goes_while_the_parameter_is_active() -> None:
    assert spec_of(["--m", M, f"--n={M}", {"name": "M", "value": M}], WITH) == [
        "--m",
        "0.5",
        "--n=0.5",
        {"name": "M", "value": "0.5"},
    ]


def test_a_default_takes_the_place_of_the_missing_value_everywhere() -> None:
    parameter = TrialParameter("m", "momentum", default=0.25)
    assert spec_of(["--m", M, f"--n={M}"], WITHOUT, parameter) == ["--m", "0.25", "--n=0.25"]
    assert spec_of(["--m", M], WITH, parameter) == ["--m", "0.5"]


def test_a_derived_value_is_missing_where_one_of_its_parameters_is() -> None:
    derived = TrialParameter("m", "", value="momentum * 2")
    assert spec_of(["--m", M], WITHOUT, derived) == []
    assert spec_of(["--m", M], WITH, derived) == ["--m", "1.0"]
    assert spec_of(["--m", M], WITHOUT, TrialParameter("m", "", value="momentum * 2", default=7)) == ["--m", "7"]


def test_the_keys_that_stay_get_their_values_beside_those_that_go() -> None:
    written: Json = [M, {f"a-{M}": 1, "${trialParameters.optimizer}": "x"}]
    assert spec_of(written, WITHOUT) == [{"adam": "x"}]


class _Strict(FakeSchema):
    """Every mapping at `at` needs the field `image`."""

    def field(self, api_version: str, kind: str, path: Path) -> Field | None:
        if path == ("spec", "spec"):
            return Field(FieldType.OBJECT, {"image": FieldType.STRING}, frozenset({"image"}))
        return super().field(api_version, kind, path)


def test_a_field_that_the_schema_requires_cannot_go() -> None:
    whole: JsonObject = {"o": "${trialParameters.optimizer}", "spec": {"image": f"train:{M}"}}
    problems = found(job(whole), OPTIMIZER, MOMENTUM, schema=_Strict(), names=SPACE.names, space=SPACE)
    assert problems == [("inactive-required", "spec.trialTemplate.trialSpec.spec.spec.image")]


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["sh", "-c", f"train {M}"]},
        {"command": ["/bin/bash", "-ec", f"train {M}"]},
        {"command": ["sh", "-c"], "args": [f"train {M}"]},
        {"command": ["python3", "-c", f"print({M})"]},
    ],
    ids=["sh", "bash with flags", "the script in args", "python"],
)
def test_a_whole_script_cannot_go(container: JsonObject) -> None:
    whole: JsonObject = {"o": "${trialParameters.optimizer}", "spec": container}
    problems = found(job(whole), OPTIMIZER, MOMENTUM, names=SPACE.names, space=SPACE)
    assert [code for code, _ in problems] == ["inactive-script"]


@pytest.mark.parametrize("text", [f"a: 1\nm: {M}\n", f"#!/bin/sh\ntrain {M}"])
def test_a_whole_file_cannot_go(text: str) -> None:
    whole: JsonObject = {"o": "${trialParameters.optimizer}", "spec": {"file": text}}
    problems = found(job(whole), OPTIMIZER, MOMENTUM, names=SPACE.names, space=SPACE)
    assert [code for code, _ in problems] == ["inactive-file"]


def test_an_option_called_c_of_a_program_may_go_with_its_value() -> None:
    assert spec_of({"command": ["train", "-c", M]}, WITHOUT) == {"command": ["train"]}


def template_of(tree: Json) -> CompiledTemplate:
    whole: JsonObject = {"o": "${trialParameters.optimizer}", "m": [M], "tree": tree}
    return compiled(job(whole), OPTIMIZER, MOMENTUM, space=SPACE)


_WORDS: Final = st.sampled_from(["--a", "-b", "x", "k=v", "", "--c=1", "name", "value"])
_TEXTS: Final = st.one_of(_WORDS, st.sampled_from([M, f"--m={M}", f"a {M} b", "${trialParameters.optimizer}"]))
_TREES: Final = st.recursive(
    st.one_of(_TEXTS, st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(_TEXTS, inner, max_size=4)),
    max_leaves=25,
)


def holds(node: Json, part: str) -> bool:
    match node:
        case str():
            return part in node
        case list():
            return any(holds(item, part) for item in node)
        case dict():
            return any(part in key or holds(value, part) for key, value in node.items())
    return False


def kept(node: Json) -> Json:
    """The rule once more, in the words of the page: from the outside in, on the tree as written."""
    match node:
        case dict():
            return {
                key.replace("${trialParameters.optimizer}", "adam"): kept(value)
                for key, value in node.items()
                if M not in key and not (isinstance(value, str) and M in value)
            }
        case list():
            gone = {i for i, item in enumerate(node) if _goes(item)}
            options = {i - 1 for i in gone if i and node[i] == M and node[i - 1] in ("--a", "-b")}
            return [kept(item) for i, item in enumerate(node) if i not in gone | options]
        case str():
            return node.replace("${trialParameters.optimizer}", "adam")
    return node


def _goes(item: Json) -> bool:
    if isinstance(item, dict) and {"name", "value"} <= item.keys():
        return any(isinstance(item[key], str) and M in str(item[key]) for key in ("name", "value"))
    return isinstance(item, str) and M in item


@given(_TREES)
@settings(max_examples=300, deadline=None)
def test_no_placeholder_is_ever_left_and_no_other_item_is_touched(tree: Json) -> None:
    if isinstance(tree, str) or _names_meet(tree):
        return
    template = template_of(tree)
    before = copy.deepcopy(template.tree)
    rendered = render(template, context(WITHOUT))
    assert not holds(rendered, "${trialParameters.")
    assert get_object(rendered, "spec")["tree"] == kept(tree)
    assert render(template, context(WITHOUT)) == rendered
    assert template.tree == before, "the template is shared by all trials"


def _names_meet(node: Json) -> bool:
    """Whether two keys of a mapping could become one, which is an error of its own."""
    match node:
        case dict():
            return {"adam", "${trialParameters.optimizer}"} <= node.keys() or any(map(_names_meet, node.values()))
        case list():
            return any(map(_names_meet, node))
    return False
