"""Results on stdout: tables, JSON and YAML, in plain text wherever nobody looks."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, TextIO

from trialmill.api.tree import Json

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_GAP: Final = "   "
_NARROWEST: Final = 8
"""Columns are not cut below this; a narrower terminal wraps."""


def plain(text: str) -> str:
    """Text that came from files and logs, in one line and without the power to steer a terminal."""
    return (text if text.isprintable() else _CONTROL.sub(" ", text)).strip()


def write_line(text: str = "") -> None:
    sys.stdout.write(text + "\n")


def write_json(tree: Json, *, indent: int | None = 2) -> None:
    import json

    write_line(json.dumps(tree, indent=indent, ensure_ascii=False))


def write_yaml(tree: Json) -> None:
    from trialmill.api.yaml_text import yaml_text

    sys.stdout.write(yaml_text(tree))


def write_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as kubectl prints them. On a terminal the widest are cut to its width; elsewhere nothing is."""
    cells = [list(header), *([plain(cell) or "-" for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        widths = _fitted(widths, terminal_width() - len(_GAP) * (len(widths) - 1))
    lines = [
        _GAP.join([_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip()
        for row in cells
    ]
    write_line("\n".join(lines))


def terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def has_colour(stream: TextIO) -> bool:
    """Whether to colour: a terminal that can, and a user who has not said no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def short_duration(duration: timedelta) -> str:
    """As kubectl shows ages: `45s`, `3m20s`, `2h5m`, `3d4h`; two units, rounded down."""
    seconds = max(int(duration.total_seconds()), 0)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller_size
            return f"{seconds // size}{unit}" + (f"{rest}{smaller}" if rest else "")
    return f"{seconds}s"


def short_value(value: float | str | None) -> str:
    """A value for people's eyes, to six digits; programs get all of them from `-o json`."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)


def _fitted(widths: list[int], available: int) -> list[int]:
    """The widest columns give way first, none below its least."""
    fitted = list(widths)
    while sum(fitted) > available and max(fitted) > _NARROWEST:
        widest = max(fitted)
        at = fitted.index(widest)
        next_widest = max([w for w in fitted if w < widest], default=_NARROWEST)
        fitted[at] = max(min(widest - 1, widest - (sum(fitted) - available)), next_widest - 1, _NARROWEST)
    return fitted


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"
