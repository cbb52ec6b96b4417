"""Lengths of time as people write them: `90s`, `10m`, `1h30m`, `1.5h`, or a plain number of seconds."""

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|[dhms])")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")
_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def parse_duration(text: str) -> timedelta:
    """Read `1h30m`, `1.5h`, `250ms`, `2d` or plain seconds. Raises ValueError for anything else, signs included."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif _WHOLE.fullmatch(text):
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
    else:
        raise ValueError(f"{text!r} is no length of time")
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(f"{text!r} is too long a time") from None


def format_duration(duration: timedelta) -> str:
    """The shortest text in days, hours, minutes and seconds that reads back the same: `1h30m`, `0s`, `1.5s`.

    Durations are never negative here.
    """
    text = ""
    rest = duration // timedelta(microseconds=1)
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000)):
        amount, rest = divmod(rest, size)
        text += f"{amount}{unit}" if amount else ""
    if rest or not text:
        seconds, fraction = divmod(rest, 1_000_000)
        text += f"{seconds}" + (f".{fraction:06d}".rstrip("0") if fraction else "") + "s"
    return text
