"""Conditions in CEL over a live object, by Google's own library, which is imported where there is one.

The object is `object`, as in Kubernetes' validation rules. A field that is not there is an error of the expression, and
so no match; `has(object.status.phase)` asks for it.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trialmill.api.cel_faults import LONGEST_EXPRESSION, cel_sentence, cel_words
from trialmill.api.tree import Json, JsonObject

if TYPE_CHECKING:
    from cel_expr_python import cel

_MAY_BE_TRUE: Final = ("BOOL", "DYN")
_NOT_THERE: Final = ("NOT_FOUND: ", "UNKNOWN: Index error: index=")
"""How the library's words begin where a field or an entry is not there, which it may be later."""


class CelError(ValueError):
    """The expression means nothing, or can never be true; the message says why."""


def check_cel(text: str) -> None:
    """Raises CelError."""
    _program(text)


def holds(text: str, object: JsonObject) -> bool:
    """Whether the expression is true of the object; an error of its evaluation is a no. Never raises."""
    try:
        return _program(text).eval(data={"object": object}).value() is True
    except Exception:
        return False


def error_in(text: str, object: JsonObject) -> str:
    """Why nothing true or false comes of the expression, in the library's words. Empty where something does, and where
    it only lacks a field or an entry that may come yet; null counts as lacking. Never raises.
    """
    try:
        words = _error(text, object)
        return words and cel_words(_error(text, _without_nulls(object)))
    except Exception as error:
        return cel_words(str(error))


def _error(text: str, object: JsonObject) -> str:
    value = _program(text).eval(data={"object": object})
    kind, found = str(value.type().name()), value.value()
    if kind == "ERROR":
        return "" if str(found).startswith(_NOT_THERE) else str(found)
    return "" if kind in ("BOOL", "NULL") else _no_truth(kind)


def _without_nulls(object: JsonObject) -> JsonObject:
    """Controllers write null for what is not known yet, and the library's words do not tell it from a wrong type."""
    return {key: _each_without_nulls(value) for key, value in object.items() if value is not None}


def _each_without_nulls(node: Json) -> Json:
    if isinstance(node, dict):
        return _without_nulls(node)
    return [_each_without_nulls(entry) for entry in node] if isinstance(node, list) else node


def _no_truth(kind: str) -> str:
    return f"it gives {kind.lower()}, and a condition is true or false"


@lru_cache(maxsize=64)
def _program(text: str) -> "cel.Expression":
    if len(text) > LONGEST_EXPRESSION:
        raise CelError(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    from cel_expr_python import cel

    try:
        program = cel.NewEnv(variables={"object": cel.Type.DYN}).compile(text)
    except RuntimeError as error:
        raise CelError(cel_sentence(str(error))) from None
    kind = str(program.return_type().name())
    if kind not in _MAY_BE_TRUE:
        raise CelError(_no_truth(kind))
    return program
