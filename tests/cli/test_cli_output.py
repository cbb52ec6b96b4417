"""Tables, durations and numbers for people."""

from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.cli import output


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_on_a_terminal_is_cut_to_its_width_from_the_widest_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: 40)
    terminal = Terminal()
    with redirect_stdout(terminal):
        output.write_table(("NAME", "MESSAGE"), [("short", "a message that is much longer than forty columns")])
    lines = terminal.getvalue().splitlines()
    assert lines[1] == "short   a message that is much longer t…"
    assert len(lines[1]) == 40


def test_a_table_elsewhere_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table(("NAME", "MESSAGE"), [("short", "x" * 500)])
    assert capsys.readouterr().out.splitlines()[1] == "short   " + "x" * 500


def test_cells_stay_in_their_line_and_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_table(("A", "B"), [("one\ntwo", "\x1b[31mred\x9b"), ("", "x")])
    assert capsys.readouterr().out == "A         B\none two   [31mred\n-         x\n"


@given(widths=st.lists(st.integers(1, 200), min_size=1, max_size=6), available=st.integers(10, 300))
def test_columns_fit_where_they_can_and_none_is_cut_for_nothing(widths: list[int], available: int) -> None:
    fitted = output._fitted(widths, available)
    assert all(new <= old for new, old in zip(fitted, widths, strict=True))
    assert all(new >= min(old, 8) for new, old in zip(fitted, widths, strict=True))
    if sum(widths) <= available:
        assert fitted == widths
    elif sum(min(width, 8) for width in widths) <= available:
        assert sum(fitted) == available


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (200, "3m20s"),
        (3600, "1h"),
        (7500, "2h5m"),
        (86400 * 3 + 3600 * 4 + 5, "3d4h"),
        (-5, "0s"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert output.short_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.1 + 0.2, "0.3"), (1.0, "1"), (1e-12, "1e-12"), (7, "7"), ("1e-3", "1e-3")]
)
def test_values_are_short(value: float | str | None, text: str) -> None:
    assert output.short_value(value) == text


@pytest.mark.parametrize(
    ("environment", "expected"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_whose_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert output.has_colour(Terminal()) is expected
    assert output.has_colour(StringIO()) is False
