"""`convert`: an Experiment in the normal form."""

import argparse
import sys

from trialmill.cli.failures import BAD_INPUT, OK
from trialmill.cli.validate import problem_text
from trialmill.root.converting import convert


def convert_command(args: argparse.Namespace) -> int:
    converted = convert(args.files)
    for problem in converted.problems:
        print(problem_text(problem, converted.lines), file=sys.stderr)
    if converted.has_failed:
        return BAD_INPUT
    sys.stdout.write(converted.text)
    return OK
