"""`init`: a first Experiment from a manifest that works. What the command line leaves open is asked on a terminal."""

import argparse
import sys
from pathlib import Path
from typing import Final

from trialmill.api.problem import Severity
from trialmill.api.space_notation import read_space
from trialmill.cli.failures import BAD_INPUT, OK, complain, refuse
from trialmill.cli.init_questions import Answers, Terminal, ask, is_maximised
from trialmill.cli.validate import problem_text
from trialmill.root.new_file import write_new_file
from trialmill.root.starting import (
    DEFAULT_TRIALS,
    Source,
    Started,
    Variation,
    Wishes,
    distinct,
    read_start,
    start,
    template_parameters,
    variation_of,
)

STDOUT: Final = "-"


class StandardTerminal:
    """Questions on stderr, as stdout is for the result, and answers from stdin."""

    def ask(self, question: str) -> str:
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.strip()

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr)


def init_command(args: argparse.Namespace) -> int:
    terminal = StandardTerminal() if sys.stdin.isatty() and not args.vary else None
    return init(args, terminal)


def init(args: argparse.Namespace, terminal: Terminal | None) -> int:
    """The command with the terminal that it may ask on; None where it may not."""
    _check_target(args)
    source = read_start(args.source)
    given = distinct([_variation(source, text) for text in args.vary])
    answers = Answers(given, args.metric or "", args.direction, args.container or "")
    if terminal is not None:
        try:
            answers = ask(source, answers, terminal)
        except EOFError:
            refuse("the input ended before all was asked; nothing was written")
    wishes = _wishes(source, answers, args)
    started = start(source, wishes, args.output)
    _report(started)
    if started.has_errors:
        complain("nothing was written: mend the manifest first, or choose other fields and spaces")
        return BAD_INPUT
    if args.output == STDOUT:
        sys.stdout.write(started.text)
    else:
        write_new_file(Path(args.output), started.text, replaces=args.force)
        complain(f"{args.output} is written; next: trialmill try {args.output}")
    return OK


def _check_target(args: argparse.Namespace) -> None:
    """What would go wrong at the end is said before anything is asked."""
    if args.output == STDOUT:
        return
    target, source = Path(args.output), Path(args.source)
    if target.exists() and source.exists() and target.samefile(source):
        refuse(f"{args.output} is the manifest itself; give another name with -o")
    if target.exists() and not args.force:
        refuse(f"{args.output} is there already; give another name with -o, or --force to replace it")


def _variation(source: Source, text: str) -> Variation:
    """`PATH=SPACE`; the first = that is in no brackets parts them."""
    path, space = _parted(text)
    if not path or not space:
        refuse(f"--vary {text}: expected PATH=SPACE, such as lr=log:1e-5..1e-1")
    try:
        kind, read = read_space(space)
    except ValueError as error:
        refuse(f"--vary {path}: {error}")
    return variation_of(source, path, kind, read)


def _parted(text: str) -> tuple[str, str]:
    depth = 0
    for position, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "=" and depth == 0:
            return text[:position].strip(), text[position + 1 :].strip()
    return "", ""


def _wishes(source: Source, answers: Answers, args: argparse.Namespace) -> Wishes:
    metric = answers.metric or next(iter(source.metrics), "")
    if not answers.variations and not _has_spaces(source):
        refuse(_nothing_varies(source))
    if not metric:
        refuse("which metric does training print? Name it with --metric NAME")
    container = answers.container or source.primary_container
    if not container and not source.is_template:
        known = f"; there are {', '.join(source.containers)}" if source.containers else ""
        refuse(f"which container prints the metric? Name it with --container NAME{known}")
    return Wishes(
        name=args.name or source.name,
        metric=metric,
        maximize=is_maximised(metric) if answers.maximize is None else answers.maximize,
        variations=answers.variations,
        container=container,
        max_trials=args.max_trials or DEFAULT_TRIALS,
    )


def _has_spaces(source: Source) -> bool:
    declared = template_parameters(source).values() if source.is_template else ()
    return any(entry.get("feasibleSpace") or entry.get("enum") for entry in declared)


def _nothing_varies(source: Source) -> str:
    names = list(template_parameters(source)) if source.is_template else [field.name for field in source.fields]
    there = f"there are {', '.join(names)}" if names else "no field was found, so give a path"
    return f"what should vary? Say it with --vary NAME=SPACE, such as lr=log:1e-5..1e-1; {there}"


def _report(started: Started) -> None:
    """What is wrong; notes about Katib are left out, as the file says all that Katib wants."""
    for problem in started.problems:
        if problem.severity is not Severity.NOTE:
            print(problem_text(problem, started.lines), file=sys.stderr)
