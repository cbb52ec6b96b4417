"""From an assigned value to the value that a field takes."""

import json
import math
import re
from typing import Final

from trialmill.api.fields import FieldType
from trialmill.api.space import Value, format_value
from trialmill.api.tree import Json, kind_name

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_CANONICAL_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_EXACT_WHOLE: Final = 2.0**53
"""Above it floats have gaps between whole numbers, so a text such as 1e40 names no certain integer."""

DESCRIPTIONS: Final = {
    FieldType.STRING: "a string",
    FieldType.INTEGER: "an integer",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "a boolean",
    FieldType.QUANTITY: "a quantity",
    FieldType.INT_OR_STRING: "an integer or a string",
    FieldType.OBJECT: "a mapping",
    FieldType.MAP: "a mapping",
    FieldType.LIST: "a list",
    FieldType.ANY: "JSON",
}


class ConversionError(ValueError):
    """A value that the field cannot take; the message is a plain sentence."""

    def __init__(self, value: Value, target: FieldType, why: str = "") -> None:
        text = format_value(value)
        shown = text if len(text) <= 60 else text[:57] + "..."
        super().__init__(f"{shown!r} is not {DESCRIPTIONS[target]}{why}")


def convert(value: Value, target: FieldType) -> Json:
    """The value as a field of type `target` takes it.

    STRING and QUANTITY take text in the canonical spelling, INT_OR_STRING an integer where the value is one. LIST,
    OBJECT, MAP and ANY read text as JSON, afresh each time, so results share nothing. Raises ConversionError.
    """
    match target:
        case FieldType.STRING | FieldType.QUANTITY:
            return format_value(value)
        case FieldType.INTEGER:
            return _integer(value)
        case FieldType.NUMBER:
            return _number(value)
        case FieldType.BOOLEAN:
            return _boolean(value)
        case FieldType.INT_OR_STRING:
            return _integer_or_text(value)
        case FieldType.OBJECT | FieldType.MAP | FieldType.LIST | FieldType.ANY:
            return _tree(value, target)


def _integer(value: Value) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        number = _float(value)
    except ValueError:
        raise ConversionError(value, FieldType.INTEGER) from None
    if not number.is_integer() or (isinstance(value, str) and abs(number) > _EXACT_WHOLE):
        raise ConversionError(value, FieldType.INTEGER)
    return int(number)


def _number(value: Value) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        number = _float(value)
    except ValueError:
        raise ConversionError(value, FieldType.NUMBER) from None
    if not math.isfinite(number):
        raise ConversionError(value, FieldType.NUMBER, why=" that JSON can hold")
    return number


def _float(value: Value) -> float:
    """Raises ValueError for text that is no decimal number; Python's own float takes `1_000`, `nan` and more."""
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError(value)
    return float(value)


def _boolean(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    match value.lower() if isinstance(value, str) else "":
        case "true":
            return True
        case "false":
            return False
    raise ConversionError(value, FieldType.BOOLEAN)


def _integer_or_text(value: Value) -> int | str:
    """Text that is no canonical integer keeps its spelling: `010` may be a name."""
    if isinstance(value, str):
        return int(value) if len(value) < 20 and _CANONICAL_INTEGER.fullmatch(value) else value
    if isinstance(value, float) and not value.is_integer():
        return format_value(value)
    return int(value)


def _tree(value: Value, target: FieldType) -> Json:
    tree = _parsed(value) if isinstance(value, str) else value
    expected = {FieldType.OBJECT: dict, FieldType.MAP: dict, FieldType.LIST: list}.get(target)
    if expected and not isinstance(tree, expected):
        raise ConversionError(value, target, why=f" but {kind_name(tree)}")
    if isinstance(tree, float) and not math.isfinite(tree):
        raise ConversionError(value, target)
    return tree


def _parsed(text: str) -> Json:
    try:
        tree: Json = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ConversionError(text, FieldType.ANY, why=f" ({error})") from None
    return tree


def _finite(spelling: str) -> float:
    """Raises ValueError for NaN, Infinity and numbers such as 1e999, which Python's parser lets through."""
    if math.isfinite(number := float(spelling)):
        return number
    raise ValueError(f"{spelling} is no number of JSON")
