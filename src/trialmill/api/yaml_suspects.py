"""Which line is to blame for a mistake in YAML's syntax.

A parser notices a line that is indented wrongly only further down, where something no longer fits. So lines around that
place are moved, one at a time, to where their neighbours stand: the one whose move lets the parser go on is the line
that its author has to look at. Lines that are no `key: value` at all are replaced in the same way.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import yaml

_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LOOK_AHEAD: Final = 40
"""Lines behind the complaint that are parsed again."""
_LOOK_BACK: Final = 2000
"""With more lines before it, parsing again takes too long."""
_LONGEST: Final = 200_000
_MOST_ANCESTORS: Final = 4
_MOST_CANDIDATES: Final = 12
_CLEAR: Final = 2
"""A repair has to get the parser at least so many lines further."""
_ENTRY: Final = re.compile(r"\s*(?:---$|(?:- +)*(?:-|[\w\"'.$/{}\[\]-][^#]*:)(?:\s|$))")
"""A line that begins an entry of a mapping or a list, or a document."""
_OPENS: Final = re.compile(r".*:\s*(?:#.*)?$")
_BEGINNINGS: Final = (yaml.ScalarEvent, yaml.DocumentStartEvent)
_END: Final = 10**9


@dataclass(frozen=True, slots=True)
class Suspect:
    """The line, from 1, with the column of its first character; `spaces` that it should begin with, None for a line
    that is not understood wherever it stands.
    """

    line: int
    column: int
    spaces: int | None


@dataclass(frozen=True, slots=True)
class _Repair:
    row: int
    text: str
    spaces: int | None


def suspect(lines: Sequence[str], complaint: int) -> Suspect | None:
    """The line to blame where the parser complains of line `complaint`, from 1; None where no single line is."""
    if complaint > min(_LOOK_BACK, len(lines)):
        return None
    part = list(lines[: complaint + _LOOK_AHEAD])
    if sum(map(len, part)) > _LONGEST:
        return None
    best: tuple[int, ...] | None = None
    chosen: _Repair | None = None
    for order, repair in enumerate(_repairs(part, complaint - 1)):
        repaired = [*part[: repair.row], repair.text, *part[repair.row + 1 :]]
        progress = _progress(repaired, repair.row, is_cut=len(part) < len(lines))
        if progress < complaint + _CLEAR:
            continue
        rank = (-progress, _irregularities(repaired, complaint - 1), *_likelihood(part, repair, complaint - 1), order)
        if best is None or rank < best:
            best, chosen = rank, repair
    if chosen is None or (chosen.spaces is None and chosen.row == complaint - 1):
        return None  # the parser's own words are about that line already, and say more
    return Suspect(chosen.row + 1, _indent(part[chosen.row]) + 1, chosen.spaces)


def _likelihood(lines: Sequence[str], repair: _Repair, at: int) -> tuple[int, int]:
    """The smaller, the likelier: the line itself rather than one that nothing is wrong with so far, moved a little."""
    if repair.spaces is None:
        return (2 if _ENTRY.match(lines[repair.row]) else 0), 0
    return int(repair.row != at), abs(repair.spaces - _indent(lines[repair.row]))


def _repairs(lines: Sequence[str], at: int) -> Iterator[_Repair]:
    rows = _candidates(lines, at)
    columns = sorted({column for row in rows for column in _columns(lines, row)})
    if rows and not _ENTRY.match(lines[rows[0]]):
        yield from _replacements(rows[0], columns)
    for row in rows:
        body = lines[row].lstrip()
        if _ENTRY.match(lines[row]):
            yield from (_Repair(row, " " * c + body, c) for c in columns if c != _indent(lines[row]))
    for row in rows[:2]:
        yield from _replacements(row, columns)


def _replacements(row: int, columns: Sequence[int]) -> Iterator[_Repair]:
    """Entries of every form in the place of a line."""
    for column in columns:
        for body in ("x: y", "x:", "- x: y", "- x"):
            yield _Repair(row, " " * column + body, None)


def _candidates(lines: Sequence[str], at: int) -> list[int]:
    """The line before the complaint, its own, and of those above the ones that each is below of by indentation, and
    keys with nothing below them.
    """
    before = _before(lines, at)
    rows = [row for row in (before, at) if row is not None and at < len(lines) and _is_text(lines[row])]
    for start in list(rows):
        indent, found, below = _indent(lines[start]), 0, start
        row = _before(lines, start)
        while row is not None and found < _MOST_ANCESTORS:
            is_above = _indent(lines[row]) < indent
            if is_above or _is_empty_key(lines[row], lines[below]):
                rows.append(row)
            if is_above:
                indent, found = _indent(lines[row]), found + 1
            below, row = row, _before(lines, row)
    return list(dict.fromkeys(rows))[:_MOST_CANDIDATES]


def _is_empty_key(line: str, after: str) -> bool:
    grown = _indent(after) - _inner(line)
    return bool(_OPENS.match(line)) and (grown < 0 or (grown == 0 and not after.lstrip().startswith("-")))


def _columns(lines: Sequence[str], row: int) -> Iterator[int]:
    """Where the line, and what could be below it, could begin."""
    line = lines[row]
    yield _indent(line)
    yield _indent(line) + 2
    yield _inner(line)
    after = next((r for r in range(row + 1, len(lines)) if _is_text(lines[r])), None)
    if after is not None:
        yield _indent(lines[after])


def _before(lines: Sequence[str], row: int) -> int | None:
    return next((r for r in range(min(row, len(lines)) - 1, -1, -1) if _is_text(lines[r])), None)


def _is_text(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#") and not line.startswith(("---", "..."))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _inner(line: str) -> int:
    """The column of what stands behind the dashes of a list item."""
    return len(line) - len(line.lstrip(" -"))


def _progress(lines: Sequence[str], row: int, *, is_cut: bool) -> int:
    """The line, from 1, of the next complaint; 0 where the line at `row` is taken for a part of another's text."""
    begun = False
    try:
        for event in yaml.parse("\n".join(lines), Loader=_PARSER):
            if event.start_mark and event.start_mark.line == row and isinstance(event, _BEGINNINGS):
                begun = True
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # A text or a list of one line that the end of the part cuts off is no complaint.
        reached = mark.line + 1 if mark else 0
        return (_END if is_cut and reached >= len(lines) else reached) if begun else 0
    except yaml.YAMLError:
        return 0
    return _END if begun else 0


def _irregularities(lines: Sequence[str], at: int) -> int:
    """How often, around a line, the indentation grows by other than two, nothing stands below a `key:`, or a list
    begins in the column of its key, unless most do.
    """
    rows = [row for row in range(max(0, at - 15), min(len(lines), at + 15)) if _is_text(lines[row])]
    found, flat, deep = 0, 0, 0
    for row, following in pairwise(rows):
        line, after = lines[row], lines[following]
        grown = _indent(after) - _inner(line)
        found += (grown > 0 and grown != 2) + _indent(after) % 2
        if _OPENS.match(line):
            is_list = after.lstrip().startswith("-")
            flat, deep = flat + (is_list and grown == 0), deep + (is_list and grown > 0)
            found += _is_empty_key(line, after)
    return found + min(flat, deep)
