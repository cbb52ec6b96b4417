"""Where our verdicts part from kstatus (sigs.k8s.io/cli-utils, `pkg/kstatus/status`), situation by situation.

kstatus says whether a resource has become what its spec asks for, and not whether it is over: a Job that runs and a Pod
that has failed are both Current. What it does first is what we look at too: deletion, generations, Stalled.
"""

from dataclasses import dataclass
from typing import Final

import pytest
from verdict_samples import SEEN, P, condition, conditions, policy_for, resource

from trialmill.api.tree import JsonObject
from trialmill.kinds.verdict import Policy, judge

DELETED: Final = "2026-01-01T00:00:00Z"
SAME: Final = {
    "Terminating": {P.TERMINATING},
    "InProgress": {P.PENDING, P.RUNNING},
    "Failed": {P.FAILED},
    "Current": {P.SUCCEEDED},
    "error": set[P](),
}
"""What a word of kstatus would mean for a trial if it spoke of ends."""
ANY, JOB, POD = Policy(), policy_for("batch/v1", "Job"), policy_for("v1", "Pod")
READY, RECONCILING, STALLED = (condition(kind) for kind in ("Ready", "Reconciling", "Stalled"))
COMPLETE, FAILED = condition("Complete"), condition("Failed")


@dataclass(frozen=True)
class Row:
    """`why` stands where the two differ."""

    found: JsonObject
    kstatus: str
    ours: P
    why: str = ""
    policy: Policy = ANY


def waiting(reason: str) -> JsonObject:
    return {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": reason}}}]}


WHEN_DELETED = "what is over gets deleted, by its TTL or by us: that it was over counts"
NO_END = "to be as the spec asks is no end"
IN_ORDER = "of two that contradict each other the failure counts, whichever stands first"
ROWS: dict[str, Row] = {
    # Its deletion
    "deleted": Row(resource(conditions(READY), deletionTimestamp=DELETED), "Terminating", P.TERMINATING),
    "deleted after its success": Row(
        resource(conditions(COMPLETE), deletionTimestamp=DELETED), "Terminating", P.SUCCEEDED, WHEN_DELETED
    ),
    "deleted after its failure": Row(
        resource(conditions(FAILED), deletionTimestamp=DELETED), "Terminating", P.FAILED, WHEN_DELETED
    ),
    # Its generations
    "a generation that was not seen": Row(
        resource({"observedGeneration": 1, **conditions(COMPLETE)}, generation=2), "InProgress", P.RUNNING
    ),
    "a generation that was not seen, and a condition that speaks of it": Row(
        resource({"observedGeneration": 1, **conditions({**COMPLETE, "observedGeneration": 2})}, generation=2),
        "InProgress",
        P.SUCCEEDED,
        "a condition's own generation says more than that of the status",
    ),
    "an old condition in a status that is new": Row(
        resource({"observedGeneration": 2, **conditions({**COMPLETE, "observedGeneration": 1})}, generation=2),
        "Current",
        P.RUNNING,
        "the same",
    ),
    "a generation that was not seen, and a phase": Row(
        resource({"observedGeneration": 1, "phase": "Succeeded"}, generation=2),
        "InProgress",
        P.SUCCEEDED,
        "a phase is of no generation, and what ran is over: a trial's resource is made once",
    ),
    "a generation ahead of its own": Row(
        resource({"observedGeneration": 3, **conditions(COMPLETE)}, generation=2),
        "InProgress",
        P.SUCCEEDED,
        "only what is older is stale",
    ),
    "no generation that is observed": Row(resource(conditions(COMPLETE), generation=2), "Current", P.SUCCEEDED),
    # Reconciling and Stalled
    "reconciling": Row(resource(conditions(RECONCILING)), "InProgress", P.RUNNING),
    "reconciling though it is complete": Row(
        resource(conditions(RECONCILING, COMPLETE)), "InProgress", P.SUCCEEDED, "a controller tidies up after an end"
    ),
    "stalled": Row(resource(conditions(STALLED)), "Failed", P.FAILED),
    "stalled, then reconciling": Row(resource(conditions(STALLED, RECONCILING)), "Failed", P.FAILED),
    "reconciling, then stalled": Row(resource(conditions(RECONCILING, STALLED)), "InProgress", P.FAILED, IN_ORDER),
    "not stalled": Row(resource(conditions(condition("Stalled", "False"))), "Current", P.RUNNING, NO_END),
    "a stalled Job": Row(
        resource(conditions(STALLED)),
        "Failed",
        P.RUNNING,
        "of a known kind its own conditions decide, and no guess",
        JOB,
    ),
    # Ready
    "ready": Row(resource(conditions(READY)), "Current", P.RUNNING, NO_END),
    "not ready": Row(resource(conditions(condition("Ready", "False"))), "InProgress", P.RUNNING),
    "perhaps ready": Row(resource(conditions(condition("Ready", "Unknown"))), "InProgress", P.RUNNING),
    "ready and failed": Row(
        resource(conditions(READY, FAILED)), "Current", P.FAILED, "kstatus knows no condition of this name"
    ),
    # Nothing
    "no status": Row(resource(), "Current", P.PENDING, "nobody has looked at it yet"),
    "no conditions": Row(resource({"conditions": []}), "Current", P.PENDING, "nobody has looked at it yet"),
    "a status without conditions": Row(resource({"replicas": 1}), "Current", P.RUNNING, NO_END),
    "conditions that are none": Row(
        resource({"conditions": "Ready"}),
        "error",
        P.RUNNING,
        "a verdict never raises: one odd object stops no experiment",
    ),
    # Kinds that both know
    "a Job that has not begun": Row(resource({}), "InProgress", P.PENDING, policy=JOB),
    "a Job that runs": Row(resource({"startTime": DELETED, "active": 1}), "Current", P.RUNNING, NO_END, JOB),
    "a Job that is complete": Row(resource(conditions(COMPLETE)), "Current", P.SUCCEEDED, policy=JOB),
    "a Job that has failed": Row(resource(conditions(FAILED)), "Failed", P.FAILED, policy=JOB),
    "a Job that is suspended": Row(
        resource(conditions(condition("Suspended")), spec={"suspend": True}), "Current", P.SUSPENDED, NO_END, JOB
    ),
    "a Pod that has succeeded": Row(resource({"phase": "Succeeded"}), "Current", P.SUCCEEDED, policy=POD),
    "a Pod that has failed": Row(
        resource({"phase": "Failed"}),
        "Current",
        P.FAILED,
        "it is over, which kstatus asks, and not well, which we ask",
        POD,
    ),
    "a Pod that crashes again and again": Row(
        resource({"phase": "Running", **waiting("CrashLoopBackOff")}),
        "Failed",
        P.RUNNING,
        "it is started again; when that is given up is the runtime's to say, which sees the restarts",
        POD,
    ),
    "a Pod that no node has taken for 15 s": Row(
        resource({"phase": "Pending", **conditions(condition("PodScheduled", "False", reason="Unschedulable"))}),
        "Failed",
        P.PENDING,
        "a full cluster empties; how long that is waited for is the runtime's to say",
        POD,
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_we_say_of(row: Row) -> None:
    assert judge(row.found, row.policy, SEEN).phase is row.ours


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_where_we_say_something_else_it_is_said_why(row: Row) -> None:
    assert (row.ours not in SAME[row.kstatus]) is bool(row.why)
