"""`successWhen` and `failureWhen`: the conditions of `kubectl wait`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.experiment import When
from trialmill.api.tree import Json
from trialmill.api.verdict import ConditionError, VerdictMemory, VerdictPhase
from trialmill.kinds.condition_errors import condition_errors
from trialmill.kinds.verdict import Policy, judge
from trialmill.kinds.when import error_on, met, when_problem

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


STATUS: Json = {"status": {"phase": "Done", "epoch": 3, "best": None, "values": ["0.5"], "rows": [{"x": 1}, {"x": 2}]}}


@pytest.mark.parametrize(
    ("when", "error"),
    [
        (When(cel="object.status.phase > 3"), "No matching overloads found: _>_(string, int64)"),
        (When(cel="object.status.epoch"), "it gives int, and a condition is true or false"),
        (When(cel="object.status.epoch.last == 1"), "Applying SELECT to non-message type"),
        (When(cel="object.status.values['a'] == '1'"), "Index error: expected integer type, got string"),
        (When(cel="object.status.epoch / 0 == 1"), "divide by zero"),
        (When(cel="int(object.status.phase) == 1"), "cannot convert string to int"),
        (When(jsonpath="{.status.rows[*].x}"), "the path leads to 2 values, and one is wanted"),
        (When(jsonpath="{.status.values}"), "the path leads to a list, and one plain value is wanted"),
        (When(jsonpath="{.status}", value="Done"), "the path leads to a map, and one plain value is wanted"),
    ],
    ids=str,
)
def test_a_condition_that_makes_no_sense_on_a_resource_says_why_and_is_not_met(when: When, error: str) -> None:
    assert error_on(STATUS, when) == error
    assert met(STATUS, when) is None


@pytest.mark.parametrize(
    "when",
    [
        When(cel="object.status.phase == 'Over'"),
        When(cel="object.status.result.score > 0.5"),  # a field that is not there yet
        When(cel="object.spec.replicas == object.status.replicas"),
        When(cel="object.status.values[1] == '1'"),  # an entry that is not there yet
        When(cel="object.status.best > 0.5"),  # controllers write null for what is not known yet
        When(cel="object.status.best.score > 0.5"),
        When(cel="object.status.best"),
        When(jsonpath="{.status.result}"),
        When(jsonpath="{.status.phase}", value="Over"),
        When(condition="Done"),
    ],
    ids=str,
)
def test_what_is_not_met_or_not_there_yet_is_no_error(when: When) -> None:
    resources: list[Json] = [STATUS, {}, {"status": None}, {"status": {}}]
    for resource in resources:
        assert error_on(resource, when) == ""


BROKEN = When(cel="object.status.phase > 3")
IS_BROKEN = "No matching overloads found: _>_(string, int64)"


def test_errors_are_those_of_the_conditions_that_a_verdict_asks() -> None:
    done = When(jsonpath="{.status.phase}", value="Done")
    both = (ConditionError(f"failureWhen {BROKEN}", IS_BROKEN), ConditionError(f"successWhen {BROKEN}", IS_BROKEN))

    assert condition_errors(STATUS, Policy(BROKEN, BROKEN)) == both
    assert condition_errors(STATUS, Policy(success=done, failure=BROKEN)) == both[:1]
    assert condition_errors(STATUS, Policy(success=BROKEN, failure=done)) == ()
    assert condition_errors(STATUS, Policy("status.phase", "#(")) == ()
    assert condition_errors(None, Policy(BROKEN)) == ()


def test_a_stale_condition_is_not_there_for_an_expression_either() -> None:
    stale: Json = {"type": "Ready", "status": True, "observedGeneration": 1}
    resource: Json = {"metadata": {"generation": 2}, "status": {"conditions": [stale]}}
    assert condition_errors(resource, Policy(When(cel="object.status.conditions[0].status > 'a'"))) == ()


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
    error_on(tree, When(jsonpath=path, value=value))
    error_on(tree, When(cel="object.a == 1 || object.b[0] < 'x'"))
    error_on({"a": tree}, When(cel="object.a > 1"))
    met({"status": tree}, When(condition="Ready"))
    met({"status": {"conditions": tree}}, When(condition="Ready"))
