"""What a YAML scalar means to Kubernetes.

The rules are those of sigs.k8s.io/yaml, which kubectl reads files with: YAML 1.1 with the octals of 1.2, without
sexagesimals and timestamps, and then through JSON. They differ from PyYAML's (`1e-3` is a number here, `1:30` is not),
and a file must mean the same on a laptop as on a cluster.
"""

import math
import re
from typing import Final

from trialmill.api.tree import Json

CORE_TAGS: Final = frozenset({"str", "bool", "int", "float", "null"})
"""The tags that a scalar may carry, without their common prefix."""

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE: Final[dict[str, float]] = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT: Final = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?")
_POINT_FIRST: Final = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9](?:_?[0-9])*)?")
_INT64: Final = range(-(2**63), 2**63)
_MAX_WHOLE: Final = 2.0**63


def resolve_plain(text: str) -> Json:
    """The value of an unquoted scalar. May be an infinity or NaN, which the caller refuses: JSON has none."""
    if text in _WORDS:
        return _WORDS[text]
    if not text[0].isdigit() and text[0] not in "+-.":
        return text
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    number = _number(text)
    return text if number is None else number


def resolve_tagged(tag: str, text: str) -> Json:
    """The value of a scalar with a core tag, whether it is quoted or not. Raises ValueError when it has none."""
    value: Json = text if tag == "str" else resolve_plain(text)
    fits = {
        "str": True,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "null": value is None,
    }
    if not fits[tag]:
        raise ValueError(f"{text!r} cannot be read as !!{tag}")
    return value


def key_text(value: Json) -> str:
    """A key as JSON has it. `1:` and `yes:` are the keys "1" and "true", as on a cluster."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(text: str) -> int | float | None:
    if text[0] == ".":
        # Go reads these by another way, in which underscores may only stand between digits.
        return _decimal(text) if _POINT_FIRST.fullmatch(text) else None
    digits = text.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        sign, hexadecimal, binary, octal, decimal = match.groups()
        base, literal = next((b, g) for b, g in ((16, hexadecimal), (2, binary), (8, octal), (10, decimal)) if g)
        # Python refuses to convert thousands of digits; no 64-bit integer has more than 64.
        value = int(sign + literal, base) if len(literal) <= 64 else None
        if value is not None and value in _INT64:
            return value
    return _decimal(digits) if _FLOAT.fullmatch(digits) else None


def _decimal(text: str) -> int | float | None:
    """A float after its way through Go's JSON, which writes `1.0` and `1e3` as 1 and 1000; too large is no number."""
    number = float(text)
    if math.isinf(number):
        return None
    return int(number) if abs(number) < _MAX_WHOLE and number.is_integer() else number
