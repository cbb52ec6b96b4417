"""`successWhen` and `failureWhen`: the conditions of `kubectl wait`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.experiment import When
from trialmill.api.tree import Json
from trialmill.api.verdict import VerdictMemory, VerdictPhase
from trialmill.kinds.verdict import Policy, judge
from trialmill.kinds.when import met, when_problem

CONDITIONS: Json = {
    "status": {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "Waiting", "message": "not yet"},
            {"type": "Done", "status": "True", "reason": "AllIn", "message": "all is in"},
            {"type": "Ready", "status": "True"},
        ]
    }
}


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ("Done", True),
        ("done", True),
        ("Done=true", True),
        ("Done=False", False),
        ("Ready=False", True),
        ("Ready", False),  # the first condition of a type decides
        ("Nope", False),
        ("Nope=False", False),
    ],
)
def test_a_condition_is_met_by_the_rule_of_kubectl(condition: str, is_met: bool) -> None:
    assert (met(CONDITIONS, When(condition=condition)) is not None) is is_met


def test_the_words_of_the_condition_go_into_the_verdict() -> None:
    verdict = judge(CONDITIONS, Policy(success=When(condition="Done")), VerdictMemory())
    assert (verdict.phase, verdict.reason, verdict.message) == (VerdictPhase.SUCCEEDED, "AllIn", "all is in")


@pytest.mark.parametrize(
    ("value", "wanted", "is_met"),
    [
        ("Done", "Done", True),
        ("Done", " Done ", True),
        ("Done", "done", False),
        ("Done", None, True),
        (3, "3", True),
        (True, "true", True),
        (True, "True", False),
        (None, None, True),
        (None, "<nil>", True),
        (0.5, "0.5", True),
        (3.0, "3", True),
        (1e6, "1e+06", True),
        (1234567.5, "1.2345675e+06", True),
        (0.00001, "1e-05", True),
        (0.0001, "0.0001", True),
        (-2.5e-7, "-2.5e-07", True),
        ([], None, False),
        ({"a": 1}, None, False),
    ],
)
def test_a_path_is_met_by_one_value_as_go_prints_it(value: Json, wanted: str | None, is_met: bool) -> None:
    tree: Json = {"status": {"x": value}}
    assert (met(tree, When(jsonpath="{.status.x}", value=wanted)) is not None) is is_met


@pytest.mark.parametrize(
    ("expression", "is_met"),
    [
        ('object.status.conditions.exists(c, c.type == "Done" && c.status == "True")', True),
        ('object.status.conditions.exists(c, c.type == "Nope")', False),
        ("size(object.status.conditions) > 2", True),
        ("object.status.phase == 'Done'", False),  # a field that is not there is an error, and no match
        ("!has(object.status.phase)", True),
        ("object.status", False),  # no truth but true
    ],
)
def test_an_expression_is_met_where_it_is_true(expression: str, is_met: bool) -> None:
    assert (met(CONDITIONS, When(cel=expression)) is not None) is is_met


def test_several_values_and_none_are_no_match() -> None:
    tree: Json = {"items": [{"x": 1}, {"x": 1}]}
    assert met(tree, When(jsonpath="{.items[*].x}", value="1")) is None
    assert met(tree, When(jsonpath="{.items[*].y}")) is None


def test_failure_comes_before_success() -> None:
    policy = Policy(success=When(condition="Done"), failure=When(jsonpath="{.status.conditions[1].reason}"))
    assert judge(CONDITIONS, policy, VerdictMemory()).phase is VerdictPhase.FAILED


@pytest.mark.parametrize(
    ("when", "word"),
    [
        (When(condition="=True"), "Type=Status"),
        (When(condition="Ready="), "Type=Status"),
        (When(jsonpath="{.a"), "not closed"),
        (When(cel="object.status ="), "column 15"),
        (When(cel="object.a &&"), "the expression ends too early (column 12"),
        (When(cel="'a' < 1"), "< cannot be applied to a text and an integer (column 5"),
        (When(cel="status.phase == 'Done'"), "undeclared reference to 'status"),
        (When(cel="size(object.x)"), "it gives int"),
        (When(cel="object.a == " + "1" * 1000), "longer than 1000"),
    ],
)
def test_what_can_never_be_met_is_a_problem(when: When, word: str) -> None:
    assert word in when_problem(when)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["{.a}", "{..*}", "{[*]}", '{.[?(@.a=="x")]}']), st.none() | st.text(max_size=3))
def test_no_tree_makes_a_condition_raise(tree: Json, path: str, value: str | None) -> None:
    met(tree, When(jsonpath=path, value=value))
    met(tree, When(cel="object.a == 1 || object.b[0] == 'x'"))
    met({"status": tree}, When(condition="Ready"))
    met({"status": {"conditions": tree}}, When(condition="Ready"))
