"""Conditions as Kubernetes keeps them: one of each type, in the order in which they came to be."""

from datetime import datetime

from trialmill.engine.records import Condition, ConditionType


def set_condition(
    conditions: tuple[Condition, ...], kind: ConditionType, status: bool, reason: str, message: str, at: datetime
) -> tuple[Condition, ...]:
    """The conditions with this one set, as the last: Katib's printer columns show the last."""
    old = next((c for c in conditions if c.type is kind), None)
    transition = old.last_transition if old and old.status == status else at
    new = Condition(kind, status, reason, message, last_update=at, last_transition=transition)
    return (*(c for c in conditions if c.type is not kind), new)


def find_condition(conditions: tuple[Condition, ...], kind: ConditionType) -> Condition | None:
    return next((c for c in conditions if c.type is kind), None)


def clear_condition(conditions: tuple[Condition, ...], kind: ConditionType) -> tuple[Condition, ...]:
    return tuple(c for c in conditions if c.type is not kind)
