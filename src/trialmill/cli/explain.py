"""`explain`: what a problem's code means, with a wrong and a right example."""

import argparse
import textwrap

from trialmill.api.nearest import nearest
from trialmill.api.tree import Json
from trialmill.check.explanations import Example, Explanation, explanations
from trialmill.cli.failures import OK, refuse
from trialmill.cli.output import write_json, write_line, write_table

_WIDTH = 100


def explain_command(args: argparse.Namespace) -> int:
    known = explanations()
    if args.code is None:
        _list(args.output)
        return OK
    code = args.code.strip("[]")
    if code not in known:
        meant = nearest(code, known)
        refuse(
            f"there is no code {code!r}; " + (f"did you mean {meant}?" if meant else "`trialmill explain` lists all")
        )
    if args.output == "json":
        write_json(_object(known[code]))
    else:
        write_line(explained(known[code]))
    return OK


def explained(explanation: Explanation) -> str:
    """The paragraph and the examples, for a terminal."""
    parts = [f"{explanation.code}\n", textwrap.fill(explanation.text, _WIDTH, break_on_hyphens=False)]
    for example in explanation.examples:
        heading = f"\n{'Wrong' if example.is_wrong else 'Right'}, {example.place}:\n"
        parts.append(heading + "\n" + textwrap.indent(example.text, "    ").rstrip())
    return "\n".join(parts)


def _list(output: str) -> None:
    if output == "json":
        write_json([_object(each) for each in explanations().values()])
    else:
        write_table(("CODE", "MEANING"), [(each.code, each.summary) for each in explanations().values()])


def _object(explanation: Explanation) -> Json:
    return {
        "code": explanation.code,
        "summary": explanation.summary,
        "text": explanation.text,
        "wrong": _shown(explanation, is_wrong=True),
        "right": _shown(explanation, is_wrong=False),
    }


def _shown(explanation: Explanation, *, is_wrong: bool) -> Json:
    """The example and its place; null where no file shows the problem."""
    found: list[Example] = [example for example in explanation.examples if example.is_wrong is is_wrong]
    return {"place": found[0].place, "yaml": found[0].text} if found else None
