"""`validate`: every problem of some files, each with its place, as a compiler shows them."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json
from trialmill.cli.failures import BAD_INPUT, OK
from trialmill.cli.output import has_colour, write_json, write_line
from trialmill.root.prepare import Prepared, prepare_each

if TYPE_CHECKING:
    from trialmill.check.documents import Checked

_FIELDS: Final = ("code", "severity", "file", "line", "column", "path", "message", "found", "expected", "remedy")
_COLOURS: Final = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.UNAVAILABLE: "\x1b[1;35m",
    Severity.NOTE: "\x1b[1;36m",
}
SHOWN_NOTES: Final = ("fields-unknown",)
"""Notes that commands which run on a cluster show as well: only there is there anything to do about them."""
_BOLD: Final = "\x1b[1m"
_RESET: Final = "\x1b[0m"
_LONGEST_LINE: Final = 160
"""Characters of a source line that are shown."""


def validate_command(args: argparse.Namespace) -> int:
    prepared = prepare_each(args.files, strict=args.strict, allow_hydrate=args.allow_hydrate)
    if prepared.checked is not None and not prepared.has_errors:
        prepared = _with_notes_of_this_machine(prepared, prepared.checked)
    if args.output == "json":
        write_json(problems_object(prepared.problems))
    else:
        write_problems(prepared.problems, prepared.lines)
        print(summary(prepared.problems, args.files), file=sys.stderr)
    return BAD_INPUT if prepared.has_errors else OK


def _with_notes_of_this_machine(prepared: Prepared, checked: "Checked") -> Prepared:
    from trialmill.root.foresight import refused_here  # files with errors do not pay for it

    file = checked.document.file if checked.document else ""
    found = refused_here(checked, Path(file).parent if file not in ("", "<stdin>") else Path())
    problems = sorted([*prepared.problems, *found], key=lambda p: (p.file != file, p.file, p.line, p.column))
    return replace(prepared, problems=tuple(problems))


def write_problems(problems: Sequence[Problem], lines: Mapping[str, Sequence[str]]) -> None:
    """Each problem on stdout, with the line of the file and a mark at the column."""
    colour = has_colour(sys.stdout)
    for problem in problems:
        write_line(problem_text(problem, lines, colour=colour))


def problem_text(problem: Problem, lines: Mapping[str, Sequence[str]], *, colour: bool = False) -> str:
    """`file:line:col: error: path: message; remedy [code]`, then the source line with a caret below it."""
    text = _coloured(problem) if colour else str(problem)
    return "\n".join([text, *_excerpt(problem, lines)])


def problems_object(problems: Sequence[Problem]) -> Json:
    """The problems as JSON, and how many are errors and warnings; what is unavailable counts as a warning."""
    counts = Counter(problem.severity for problem in problems)
    return {
        "problems": [problem_object(problem) for problem in problems],
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING] + counts[Severity.UNAVAILABLE],
    }


def summary(problems: Sequence[Problem], files: Sequence[str]) -> str:
    """One line that says how it went."""
    counts = Counter(problem.severity for problem in problems)
    what = files[0] if len(files) == 1 else f"{len(files)} files"
    found = [
        _counted(counts[Severity.ERROR], "error"),
        _counted(counts[Severity.WARNING], "warning"),
        f"{counts[Severity.UNAVAILABLE]} not available in this release" if counts[Severity.UNAVAILABLE] else "",
        _counted(counts[Severity.NOTE], "note"),
    ]
    return f"{what}: " + (", ".join(filter(None, found)) or "no problems")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


def problem_object(problem: Problem) -> Json:
    """The same fields for every problem; what is not known is an empty text, and a line or column of 0."""
    return {name: getattr(problem, name) for name in _FIELDS}


def _coloured(problem: Problem) -> str:
    severity = f"{problem.severity}: "
    place, _, rest = str(problem).partition(severity)
    return f"{_BOLD}{place}{_COLOURS[problem.severity]}{severity}{_RESET}{_BOLD}{rest}{_RESET}"


def _excerpt(problem: Problem, lines: Mapping[str, Sequence[str]]) -> list[str]:
    """The line and the caret, cut around the column where the line is long; nothing for a problem without a place."""
    source = lines.get(problem.file, ())
    if not 0 < problem.line <= len(source):
        return []
    line = source[problem.line - 1].replace("\t", " ")
    column = max(problem.column - 1, 0)
    start = max(0, column - _LONGEST_LINE // 2) if len(line) > _LONGEST_LINE else 0
    number = f"{problem.line:5} | "
    return [f"{number}{line[start : start + _LONGEST_LINE]}", f"{' ' * 5} | {' ' * (column - start)}^"]
