"""Write docs/reference/cli.md from the parser itself.

python tools/make_cli_reference.py
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from trialmill.cli.main import build_parser

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
_HEAD = """\
# The command line

Made from the parser by `python tools/make_cli_reference.py`. NAME is looked up in all namespaces of the store; where
it is ambiguous, `-n` chooses. Results go to standard output, everything else to standard error.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_commands()])


def _commands() -> Iterator[str]:
    parser = build_parser()
    [subcommands] = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for name, command in subcommands.choices.items():
        yield f"## trialmill {name}\n\n{command.description}\n"
        yield from _options(command)
        yield ""


def _options(command: argparse.ArgumentParser) -> Iterator[str]:
    yield "| argument | |"
    yield "|---|---|"
    for action in command._actions:
        if not isinstance(action, argparse._HelpAction):
            yield f"| {_spelling(action)} | {_explained(action)} |"


def _spelling(action: argparse.Action) -> str:
    value = str(action.metavar or ("|".join(map(str, action.choices)) if action.choices else ""))
    if not action.option_strings:
        return f"`{value}`"
    separator = " " if action.nargs != 0 and value else ""
    return f"`{', '.join(action.option_strings)}{separator}{value if separator else ''}`".replace("|", "\\|")


def _explained(action: argparse.Action) -> str:
    repeatable = isinstance(action, argparse._AppendAction) or action.nargs == "+"
    text = (action.help or "").replace("|", "\\|")
    return f"{text}; repeatable" if repeatable and "repeatable" not in text else text


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
