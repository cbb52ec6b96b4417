"""From snapshots of resources to events: each is judged, and only what is new is told."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from trialmill.api.tree import JsonObject
from trialmill.api.verdict import ConditionError, Stuck, Undecided, Verdict, VerdictMemory, VerdictPhase
from trialmill.engine.events import ResourceChanged, ResourceGone
from trialmill.engine.ports import Gone, Snapshot
from trialmill.engine.records import AttemptKey
from trialmill.kinds.condition_errors import condition_errors
from trialmill.kinds.orphans import judge_by_pod
from trialmill.kinds.undecided import undecided
from trialmill.kinds.verdict import Policy, judge, remember, unmatched


@dataclass(slots=True)
class _Judged:
    """What was concluded of one attempt's resource so far."""

    memory: VerdictMemory = field(default_factory=VerdictMemory)
    verdict: Verdict | None = None
    unmatched: Verdict | None = None
    resource: JsonObject | None = None
    stuck: Stuck | None = None
    undecided: Undecided | None = None
    errors: tuple[ConditionError, ...] = ()


class Judge:
    """Remembers what was told of each attempt that is under way."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._judged: dict[AttemptKey, _Judged] = {}

    def hear(self, snapshot: Snapshot, uid: str, at: datetime) -> ResourceChanged | None:
        """The event that the snapshot amounts to; None where it says nothing new. `uid` is the attempt's resource's as
        far as it is known: another one in its place means that it is lost.
        """
        judged = self._judged.setdefault(snapshot.key, _Judged(VerdictMemory(uid)))
        judged.resource = snapshot.resource
        verdict = judge(snapshot.resource, self._policy, judged.memory)
        judged.memory = remember(judged.memory, snapshot.resource, verdict)
        if verdict.phase is VerdictPhase.FAILED and snapshot.evidence:
            message = f"{snapshot.evidence}; {verdict.message}" if verdict.message else snapshot.evidence
            verdict = replace(verdict, message=message)
        mismatch = None if verdict.phase.is_terminal else unmatched(snapshot.resource, self._policy)
        stuck = None if verdict.phase.is_terminal else snapshot.stuck
        words = undecided(snapshot.resource, self._policy, verdict)
        errors = condition_errors(snapshot.resource, self._policy)
        new = (verdict, mismatch, stuck, words, errors)
        if new == (judged.verdict, judged.unmatched, judged.stuck, judged.undecided, judged.errors):
            return None
        judged.verdict, judged.unmatched, judged.stuck, judged.undecided, judged.errors = new
        ended = snapshot.ended if verdict.phase.is_terminal else None
        uid = judged.memory.uid or snapshot.uid
        return ResourceChanged(at, snapshot.key, uid, verdict, mismatch, stuck, ended, words, errors)

    def gone(self, gone: Gone, uid: str, at: datetime) -> ResourceChanged | ResourceGone:
        """What it means that a resource is gone: its attempt is lost, unless its pod says how it ended."""
        uid = gone.uid or uid
        verdict = judge_by_pod(gone.pod, self._policy, uid, gone.message)
        if verdict is None:
            return ResourceGone(at, gone.key, gone.uid, gone.message)
        return ResourceChanged(at, gone.key, uid, verdict)

    def resource(self, key: AttemptKey) -> JsonObject | None:
        """The attempt's resource as it was last heard of; None before that."""
        judged = self._judged.get(key)
        return judged.resource if judged else None

    def forget(self, key: AttemptKey) -> None:
        """The attempt has ended."""
        self._judged.pop(key, None)
