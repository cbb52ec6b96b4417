"""JSONPath as kubectl has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.tree import Json
from trialmill.kinds.jsonpath import JsonPathError, find, parse

TREE: Json = {
    "status": {
        "phase": "Done",
        "replicas": 3,
        "conditions": [
            {"type": "Ready", "status": "True", "weight": 2},
            {"type": "Failed", "status": "False", "weight": 0.5},
        ],
        "a.b": {"c d": 1},
        "nothing": None,
    }
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("{.status.phase}", ["Done"]),
        (".status.phase", ["Done"]),
        ("status.phase", ["Done"]),
        ("{$.status.phase}", ["Done"]),
        ("{['status']['phase']}", ["Done"]),
        ("{.status['phase','replicas']}", ["Done", 3]),
        (r"{.status.a\.b['c d']}", [1]),
        ("{.status.conditions[0].type}", ["Ready"]),
        ("{.status.conditions[-1].type}", ["Failed"]),
        ("{.status.conditions[0,1].type}", ["Ready", "Failed"]),
        ("{.status.conditions[:1].type}", ["Ready"]),
        ("{.status.conditions[*].weight}", [2, 0.5]),
        ("{.status.conditions[9].type}", []),
        ('{.status.conditions[?(@.type=="Ready")].status}', ["True"]),
        ("{.status.conditions[?(@.type!='Ready')].status}", ["False"]),
        ("{.status.conditions[?(@.weight>1)].type}", ["Ready"]),
        ("{.status.conditions[?(@.weight<=0.5)].type}", ["Failed"]),
        ("{.status.conditions[?(@.weight)].type}", ["Ready", "Failed"]),
        ("{.status.conditions[?(@.type>1)].type}", []),
        ("{.status.conditions[?(2==@.weight)].type}", ["Ready"]),
        ("{..type}", ["Ready", "Failed"]),
        ("{.nope.deeper}", []),
        ("{.status.phase.deeper}", []),
        ("{.status.nothing}", [None]),
        ("{.}", [TREE]),
    ],
)
def test_a_path_leads_to(path: str, found: list[Json]) -> None:
    assert find(TREE, parse(path)) == found


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "empty"),
        ("{}", "empty"),
        ("{.status", "not closed"),
        (".status}", "not opened"),
        ("{.status..}", "a name is missing"),
        ("{.status[}", "an index is missing"),
        ("{.status[0}", "']' is missing at the end"),
        ("{.status[?(@.a==)]}", "a value is missing"),
        ("{.status[?(@.a==1]}", "')' is missing"),
        ("{.a} and {.b}", "at '} and {.b'"),
        ("{.a[::0]}", "a step above 0"),
        ("{." + "a" * 5000 + "}", "more than 4096"),
    ],
)
def test_what_is_no_path_is_told_with_its_place(path: str, message: str) -> None:
    with pytest.raises(JsonPathError, match=r".*") as caught:
        parse(path)
    assert message in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_an_error_of_one_sentence(text: str) -> None:
    try:
        find(TREE, parse(text))
    except JsonPathError as error:
        assert "\n" not in str(error).replace(repr(text), "")


@given(st.text(alphabet=".[]{}()'\"@$?*:,=<>!0-9 a\\", max_size=30))
def test_so_is_any_text_made_of_the_signs_of_paths(text: str) -> None:
    try:
        find(TREE, parse(text))
    except JsonPathError as error:
        assert str(error)
