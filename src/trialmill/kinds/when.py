"""Conditions in other words than GJSON: `successWhen` and `failureWhen`.

They are those of `kubectl wait` (a condition's type and status; a JSONPath and its value), and a CEL expression. Each
is parsed when the experiment is checked. What fails on a trial's resource, and a field that is not there, is no match:
nothing but a clear yes ends a trial.
"""

import math
from decimal import Decimal
from functools import cache
from typing import Final

from trialmill.api.experiment import When
from trialmill.api.tree import Json, get_string
from trialmill.kinds.cel import CelError, check_cel, error_in, holds
from trialmill.kinds.conditions import conditions_of
from trialmill.kinds.gjson import Match
from trialmill.kinds.jsonpath import JsonPathError, Steps, find, parse

_TRUE: Final = "true"
_WITH_EXPONENT: Final = 6


def when_problem(when: When) -> str:
    """What is wrong with the words of a condition; empty for nothing."""
    if when.condition:
        kind, _, status = when.condition.partition("=")
        return (
            "" if kind.strip() and (status.strip() or "=" not in when.condition) else "write it as Type or Type=Status"
        )
    if when.jsonpath:
        try:
            parse(when.jsonpath)
        except JsonPathError as error:
            return str(error)
    if when.cel:
        try:
            check_cel(when.cel)
        except CelError as error:
            return str(error)
    return ""


def met(resource: Json, when: When) -> Match | None:
    """What the condition found; None where it is not met. Never raises, whatever the tree holds."""
    if when.condition:
        return _by_condition(resource, when.condition)
    if when.jsonpath:
        return _by_path(resource, when)
    if when.cel and isinstance(resource, dict) and holds(when.cel, resource):
        return Match()
    return None


def error_on(resource: Json, when: When) -> str:
    """Why the condition makes no sense on this resource, in the words of what evaluates it; empty where it does, met or
    not, and where only a field is not there. Never raises.
    """
    if when.jsonpath:
        return _error_of_path(_found(resource, when.jsonpath))
    return error_in(when.cel, resource) if when.cel and isinstance(resource, dict) else ""


def _error_of_path(found: list[Json]) -> str:
    """What `kubectl wait` ends with an error for."""
    if len(found) > 1:
        return f"the path leads to {len(found)} values, and one is wanted"
    if found and isinstance(found[0], list | dict):
        kind = "a list" if isinstance(found[0], list) else "a map"
        return f"the path leads to {kind}, and one plain value is wanted"
    return ""


def _by_condition(resource: Json, wanted: str) -> Match | None:
    """kubectl's rule: the first condition of the type decides; type and status are compared without case."""
    kind, _, status = (part.strip().casefold() for part in wanted.partition("="))
    for condition in conditions_of(resource):
        if get_string(condition, "type").casefold() == kind:
            if get_string(condition, "status").casefold() != (status or _TRUE):
                return None
            return Match(get_string(condition, "reason"), get_string(condition, "message"), condition)
    return None


def _by_path(resource: Json, when: When) -> Match | None:
    """kubectl's rule: one value, no list and no map, that is what is wanted; any value where nothing is."""
    found = _found(resource, when.jsonpath)
    if len(found) != 1 or isinstance(found[0], dict | list):
        return None
    if when.value is not None and _shown(found[0]) != when.value.strip():
        return None
    return Match(found=found[0])


def _found(resource: Json, path: str) -> list[Json]:
    steps = _steps(path)
    return find(resource, steps) if steps is not None else []


@cache
def _steps(text: str) -> Steps | None:
    """None for what is no path, which `when_problem` has told."""
    try:
        return parse(text)
    except JsonPathError:
        return None


def _shown(value: Json) -> str:
    """A value as Go prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case float() if math.isfinite(value):
            return _shown_float(value)
        case _:
            return str(value).strip()


def _shown_float(value: float) -> str:
    """Go's `%v`: the shortest digits, with an exponent from a million on and below a ten thousandth."""
    number = Decimal(repr(value)).normalize()
    power = number.adjusted()
    if not number or -4 <= power < _WITH_EXPONENT:
        return f"{number:f}"
    digits = f"{number.scaleb(-power):f}"
    return f"{digits}e{'-' if power < 0 else '+'}{abs(power):02}"
