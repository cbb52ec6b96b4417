"""Conditions in CEL over a live object, by Google's own library, which is imported where there is one.

The object is `object`, as in Kubernetes' validation rules. A field that is not there is an error of the expression, and
so no match; `has(object.status.phase)` asks for it.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trialmill.api.cel_faults import LONGEST_EXPRESSION, cel_sentence
from trialmill.api.tree import JsonObject

if TYPE_CHECKING:
    from cel_expr_python import cel

_MAY_BE_TRUE: Final = ("BOOL", "DYN")


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
        raise CelError(f"it gives {kind.lower()}, and a condition is true or false")
    return program
