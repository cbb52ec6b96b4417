"""Metric values as text, both ways."""

import math
import re
from typing import Final

_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"[+-]?0[Xx](?:[\dA-Fa-f]+\.?[\dA-Fa-f]*|\.[\dA-Fa-f]+)[Pp][+-]?\d+", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII)

_EXACT_INTEGERS: Final = 1e16
"""Below it `repr` writes a whole float with all its digits and `.0`; from it on, with an exponent."""


def parse_value(text: str) -> float | str | None:
    """A metric's value: a float where the text is a number, else the text itself; None for blank text.

    Numbers are those of Go's `strconv.ParseFloat`, so `.5`, `5.`, `1e-3`, `0x1p-2`, `NaN`, `-inf` and `Infinity` are,
    and `1_000` or digits of other scripts are not. Numbers too large for a float are infinite.
    """
    text = text.strip()
    if _DECIMAL.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(text)
        except OverflowError:
            return -math.inf if text.startswith("-") else math.inf
    return text or None


def format_metric(value: float | str) -> str:
    """The shortest text that reads back as the same value, as observations carry it: `1`, `0.05`, `1e-07`, `nan`."""
    if isinstance(value, str):
        return value
    text = repr(float(value))
    return text.removesuffix(".0") if abs(value) < _EXACT_INTEGERS else text
