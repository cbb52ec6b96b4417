"""Kubernetes resource quantities: `500m`, `1Gi`, `1e3`, `1.5`."""

import re
from typing import Final

from trialmill.api.tree import Json

NANO: Final = 10**9
"""Quantities are whole numbers of billionths: the precision that Kubernetes keeps."""

_LARGEST: Final = (2**63 - 1) * NANO
"""Kubernetes caps what is larger."""
_QUANTITY: Final = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?")
_BINARY: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def parse_quantity(value: Json) -> int | None:
    """The quantity in billionths, rounded away from zero as Kubernetes does; None for what is no quantity.

    >>> parse_quantity("500m"), parse_quantity("1Ki"), parse_quantity(2), parse_quantity("2 GB")
    (500000000, 1024000000000, 2000000000, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    sign, number, binary, decimal, exponent = match.groups()
    whole, _, fraction = number.partition(".")
    power = 9 - len(fraction) + (_DECIMAL[decimal] if decimal else int(exponent or 0))
    amount = int(whole + fraction) * _BINARY.get(binary or "", 1)
    nanos = amount * _ten_to(power) if power >= 0 else ceiling(amount, _ten_to(-power))
    nanos = min(nanos, _LARGEST)
    return -nanos if sign == "-" else nanos


def ceiling(amount: int, divisor: int) -> int:
    """How many times the divisor goes into the amount, rounded up."""
    return -(-amount // divisor)


def _ten_to(power: int) -> int:
    return int(10**power)
