"""What is said of a resource of an unknown kind while no condition has matched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.tree import Json, JsonObject
from trialmill.api.verdict import VerdictMemory
from trialmill.kinds.profile import profile_of
from trialmill.kinds.undecided import undecided
from trialmill.kinds.verdict import Policy, judge

OWN = Policy('status.[@this].#(phase=="Fine")#', 'status.[@this].#(phase=="Broken")#')
SPELLED = f"successCondition {OWN.success} and failureCondition {OWN.failure} did not match"


def widget(status: Json) -> JsonObject:
    return {"kind": "Widget", "metadata": {"name": "w"}, "status": status}


def said(status: Json, policy: Policy = OWN) -> tuple[str, bool]:
    resource = widget(status)
    found = undecided(resource, policy, judge(resource, policy, VerdictMemory()))
    return (found.message, found.looks_over) if found else ("", False)


@pytest.mark.parametrize(
    ("status", "message", "looks_over"),
    [
        pytest.param(
            {"phase": "Other"},
            f'{SPELLED} Widget w so far: it says phase="Other"; if that is its end, write '
            "successCondition: 'status.[@this].#(phase==\"Other\")#'",
            False,
            id="a phase that stands",
        ),
        pytest.param(
            {"phase": "Completed"},
            f'Widget w looks succeeded, but {SPELLED}: it says phase="Completed"; if that is its end, write '
            "successCondition: 'status.[@this].#(phase==\"Completed\")#'",
            True,
            id="a phase that is an end by its word",
        ),
        pytest.param(
            {"state": {"phase": "Aborted"}},
            f'Widget w looks failed, but {SPELLED}: it says state.phase="Aborted"; if that is its end, write '
            "failureCondition: 'status.state.[@this].#(phase==\"Aborted\")#'",
            True,
            id="a failure, one level deeper",
        ),
        pytest.param(
            {"conditions": [{"type": "Done", "status": "True"}, {"type": "Idle", "status": "False"}]},
            f"{SPELLED} Widget w so far: it says conditions [Done=True, Idle=False]; if that is its "
            'end, write successCondition: \'status.conditions.#(type=="Done")#|#(status=="True")#\'',
            False,
            id="conditions of other names",
        ),
        pytest.param(
            {}, "Widget w has no status so far: does its controller run, and does it know this Widget?", False
        ),
    ],
)
def test_what_was_seen_and_what_is_waited_for(status: Json, message: str, looks_over: bool) -> None:
    assert said(status) == (message, looks_over)


def test_the_condition_that_is_recommended_is_met_by_what_was_seen() -> None:
    seen: list[Json] = [{"phase": "A"}, {"state": {"phase": "B"}}, {"conditions": [{"type": "C", "status": "True"}]}]
    for status in seen:
        condition = said(status)[0].partition("write successCondition: '")[2].removesuffix("'")
        assert judge(widget(status), Policy(condition), VerdictMemory()).phase.is_terminal


def test_without_conditions_nothing_that_looks_like_an_end_is_missed() -> None:
    message, looks_over = said({"phase": "Other"}, Policy())
    assert message.startswith('nothing in the status of Widget w looks like an end so far: it says phase="Other"')
    assert not looks_over


@pytest.mark.parametrize(
    ("status", "policy"),
    [
        pytest.param({"phase": "Fine"}, OWN, id="a condition has matched"),
        pytest.param({"phase": "Other"}, Policy(profile=profile_of("batch/v1", "Job")), id="the kind is known"),
        pytest.param({"conditions": [{"type": "Suspended", "status": "True"}]}, OWN, id="it is suspended"),
    ],
)
def test_nothing_is_said_where(status: Json, policy: Policy) -> None:
    assert said(status, policy) == ("", False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_no_status_raises(status: Json) -> None:
    said(status)
