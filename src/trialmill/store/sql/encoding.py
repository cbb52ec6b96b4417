"""Records as rows, and back.

Written out field by field: this is the hot path of saving a trial and of loading ten thousand. Inside JSON, fields that
have their default are left out.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from trialmill.api.history import Budget
from trialmill.api.metric import MetricSummary, Observation
from trialmill.api.tree import Json
from trialmill.api.verdict import Verdict, VerdictPhase
from trialmill.engine.records import (
    AttemptPhase,
    AttemptRecord,
    Cause,
    Condition,
    ConditionType,
    EventRecord,
    ExperimentPhase,
    ExperimentRecord,
    Intent,
    Outcome,
    RunState,
    StopCause,
    TrialPhase,
    TrialRecord,
)
from trialmill.store.sql.schema import index_of

Row: TypeAlias = tuple[Any, ...]
"""What sqlite3 takes and gives: text, numbers and None, by position."""

encode_json: Final = json.JSONEncoder(separators=(",", ":")).encode
_raw_decode: Final = json.JSONDecoder().raw_decode

_TRIAL_PHASES: Final = {p.value: p for p in TrialPhase}
_ATTEMPT_PHASES: Final = {p.value: p for p in AttemptPhase}
_CAUSES: Final = {c.value: c for c in Cause}
_VERDICT_PHASES: Final = {p.value: p for p in VerdictPhase}
_MICROSECOND: Final = timedelta(microseconds=1)
_NO_TIME: Final = timedelta(0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

EXPERIMENT_COLUMNS: Final = (
    "phase, generation, seed, created, started, finished, exhausted, intent, ending, conditions, settings, source, "
    "compiled"
)
TRIAL_COLUMNS: Final = (
    "phase, uid, name, reason, message, parent, completion, created, started, finished, assignments, labels, "
    "search_state, observation, attempts"
)


def decode_json(text: str) -> Any:
    """`json.loads` for text that `encode_json` made: it looks for no white space around it."""
    return _raw_decode(text)[0]


def storable(text: str) -> str:
    """The text as UTF-8 can hold it: lone surrogates (bytes of a log that were no UTF-8) become visible escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def experiment_row(record: ExperimentRecord) -> Row:
    """Values of EXPERIMENT_COLUMNS."""
    return (
        record.phase.value,
        record.generation,
        str(record.seed),
        _write_time(record.created),
        None if record.started is None else _write_time(record.started),
        None if record.finished is None else _write_time(record.finished),
        storable(record.exhausted),
        encode_json(_intent_to_json(record.intent)),
        None if record.ending is None else encode_json(_outcome_to_json(record.ending)),
        encode_json([_condition_to_json(c) for c in record.conditions]),
        encode_json(record.settings),
        encode_json(record.source),
        encode_json(record.compiled),
    )


def read_experiment(row: Row) -> ExperimentRecord:
    """From uid, namespace, name, version and EXPERIMENT_COLUMNS."""
    (uid, namespace, name, version, phase, generation, seed, created, started, finished, exhausted) = row[:11]
    intent, ending, conditions, settings, source, compiled = row[11:]
    return ExperimentRecord(
        uid=uid,
        namespace=namespace,
        name=name,
        source=decode_json(source),
        compiled=decode_json(compiled),
        seed=int(seed),
        created=_read_time(created),
        settings=decode_json(settings),
        generation=generation,
        intent=_intent_from_json(decode_json(intent)),
        phase=ExperimentPhase(phase),
        conditions=tuple(_condition_from_json(c) for c in decode_json(conditions)),
        ending=None if ending is None else Outcome(*decode_json(ending)),
        exhausted=exhausted,
        started=None if started is None else _read_time(started),
        finished=None if finished is None else _read_time(finished),
        version=str(version),
    )


def _intent_to_json(intent: Intent) -> Json:
    return {
        "state": intent.state,
        "parallelTrials": intent.parallel_trials,
        "maxTrials": intent.max_trials,
        "maxFailedTrials": intent.max_failed_trials,
        "pastGoal": intent.past_goal,
    }


def _intent_from_json(data: Mapping[str, Any]) -> Intent:
    return Intent(
        RunState(data["state"]),
        data["parallelTrials"],
        data["maxTrials"],
        data["maxFailedTrials"],
        data.get("pastGoal", False),
    )


def _outcome_to_json(outcome: Outcome) -> Json:
    return [outcome.succeeded, outcome.reason, outcome.message]


def _condition_to_json(condition: Condition) -> Json:
    return [
        condition.type,
        condition.status,
        condition.reason,
        condition.message,
        _write_time(condition.last_update),
        _write_time(condition.last_transition),
    ]


def _condition_from_json(data: list[Any]) -> Condition:
    kind, status, reason, message, update, transition = data
    return Condition(ConditionType(kind), status, reason, message, _read_time(update), _read_time(transition))


def trial_row(record: TrialRecord) -> Row:
    """Values of TRIAL_COLUMNS."""
    observation = record.observation
    return (
        record.phase.value,
        record.uid,
        record.name,
        storable(record.reason),
        storable(record.message),
        record.parent,
        record.completion,
        _write_time(record.created),
        None if record.started is None else _write_time(record.started),
        None if record.finished is None else _write_time(record.finished),
        encode_json(record.assignments),
        encode_json(record.labels) if record.labels else None,
        None if record.search_state is None else encode_json(record.search_state),
        None
        if observation is None
        else encode_json([[m.name, m.min, m.max, m.latest, m.text] for m in observation.metrics]),
        encode_json([_attempt_to_json(a) for a in record.attempts]),
    )


def read_trial(experiment_uid: str, row: Row) -> TrialRecord:
    """From id, version and TRIAL_COLUMNS."""
    (number, version, phase, uid, name, reason, message, parent, completion, created, started, finished) = row[:12]
    assignments, labels, search_state, observation, attempts = row[12:]
    # By position, in the order of the fields: keywords would cost a tenth of the time it takes to load.
    return TrialRecord(
        experiment_uid,
        index_of(number),
        uid,
        name,
        decode_json(assignments),
        _read_time(created),
        _TRIAL_PHASES[phase],
        reason,
        message,
        parent,
        {} if labels is None else decode_json(labels),
        None if search_state is None else decode_json(search_state),
        None if started is None else _read_time(started),
        None if finished is None else _read_time(finished),
        completion,
        None if observation is None else Observation(tuple([MetricSummary(*m) for m in decode_json(observation)])),
        tuple([_attempt_from_json(a) for a in decode_json(attempts)]),
        str(version),
    )


def _attempt_to_json(attempt: AttemptRecord) -> dict[str, Json]:
    data: dict[str, Json] = {
        "number": attempt.number,
        "cause": attempt.cause,
        "name": attempt.resource_name,
        "created": _write_time(attempt.created),
        "phase": attempt.phase,
    }
    if attempt.resource_uid:
        data["uid"] = attempt.resource_uid
    if attempt.handle is not None:
        data["handle"] = attempt.handle
    if attempt.budget is not None:
        data["budget"] = [attempt.budget.parameter, attempt.budget.amount, attempt.budget.final]
    if attempt.restore_from is not None:
        data["restoreFrom"] = list(attempt.restore_from)
    if attempt.started is not None:
        data["started"] = _write_time(attempt.started)
    if attempt.finished is not None:
        data["finished"] = _write_time(attempt.finished)
    if (verdict := attempt.verdict) is not None:
        data["verdict"] = [verdict.phase, verdict.reason, verdict.message, verdict.source]
    if attempt.stop is not None:
        data["stop"] = attempt.stop
    if attempt.suspended_since is not None:
        data["suspendedSince"] = _write_time(attempt.suspended_since)
    if attempt.suspended_for:
        data["suspendedFor"] = attempt.suspended_for // _MICROSECOND
    if attempt.not_before is not None:
        data["notBefore"] = _write_time(attempt.not_before)
    return data


def _attempt_from_json(data: dict[str, Any]) -> AttemptRecord:
    get = data.get
    budget, restore_from, verdict, stop = get("budget"), get("restoreFrom"), get("verdict"), get("stop")
    started, finished, not_before = get("started"), get("finished"), get("notBefore")
    since, suspended = get("suspendedSince"), get("suspendedFor")
    return AttemptRecord(
        data["number"],
        _CAUSES[data["cause"]],
        data["name"],
        _read_time(data["created"]),
        _ATTEMPT_PHASES[data["phase"]],
        get("uid", ""),
        get("handle"),
        None if budget is None else Budget(*budget),
        None if restore_from is None else (restore_from[0], restore_from[1]),
        None if started is None else _read_time(started),
        None if finished is None else _read_time(finished),
        None if verdict is None else Verdict(_VERDICT_PHASES[verdict[0]], *verdict[1:]),
        None if stop is None else StopCause(stop),
        None if since is None else _read_time(since),
        _NO_TIME if suspended is None else suspended * _MICROSECOND,
        None if not_before is None else _read_time(not_before),
    )


def event_row(record: EventRecord) -> Row:
    """object, reason, message, time, warning."""
    return (
        storable(record.object),
        storable(record.reason),
        storable(record.message),
        _write_time(record.time),
        record.warning,
    )


def read_event(experiment_uid: str, row: Row) -> EventRecord:
    """From object, reason, message, time, warning."""
    subject, reason, message, time, warning = row
    return EventRecord(experiment_uid, subject, reason, message, _read_time(time), bool(warning))


def _write_time(time: datetime) -> int:
    """Microseconds since the epoch: exact, and a quarter of the time that ISO 8601 takes."""
    return (time - _EPOCH) // _MICROSECOND


def _read_time(time: int) -> datetime:
    return _EPOCH + timedelta(0, 0, time)
