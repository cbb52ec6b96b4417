from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("250ms", 0.25),
        ("0", 0),
        ("90", 90),
        ("0.5", 0.5),
        (" 10m ", 600),
        ("1m1m", 120),
    ],
)
def test_lengths_of_time_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "m", "10 m", "-1s", "+1s", "1w", "1h-30m", "1e3", "ten", "1h30", "9" * 30 + "d", "١s"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no length of time|is too long a time"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90, "1m30s"),
        (5400, "1h30m"),
        (86400, "1d"),
        (1.5, "1.5s"),
        (0.25, "0.25s"),
        (3600.000001, "1h0.000001s"),
    ],
)
def test_lengths_of_time_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)))
def test_what_is_written_reads_back_the_same(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
