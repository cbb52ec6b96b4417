"""Times as logs write them."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)


def parse_timestamp(text: str) -> float | None:
    """Seconds since the epoch for an RFC 3339 time with any number of fractional digits; None for anything else."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    clock, fraction, sign, hours, minutes = match.groups()
    seconds = _seconds(clock)
    if seconds is None:
        return None
    if fraction:
        seconds += float(f"0.{fraction}")
    if not sign:
        return seconds
    if int(hours) > 23 or int(minutes) > 59:
        return None
    offset = int(hours) * 3600 + int(minutes) * 60
    return seconds - offset if sign == "+" else seconds + offset


@lru_cache(maxsize=64)
def _seconds(clock: str) -> float | None:
    """Cached, because lines of a log often share their second."""
    try:
        return datetime.fromisoformat(clock.upper()).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
