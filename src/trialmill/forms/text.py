"""Templates that are a text inside another document: read as YAML, with each node at the line of the user's file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from trialmill.api.document import Document, Mark
from trialmill.api.load import load_documents
from trialmill.api.marked import Node, marked
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import format_path
from trialmill.forms.draft import Draft
from trialmill.forms.several import LIST

_BLOCK: Final = re.compile(r"[|>][-+0-9]*\s*(#.*)?$")


Place: TypeAlias = Callable[[int, int], Mark]
"""Where the character at a line and column of a text, both from 1, stands in the user's file."""


def place_in(node: Node, lines: Sequence[str]) -> Place:
    """The places of a string's text in the file that `lines` are of.

    Exact for block scalars of the `|` style, in which templates are written; elsewhere all are the string's own place.
    """
    count = node.string.count("\n") + 1
    header = lines[node.mark.line - 1][node.mark.column - 1 :] if node.mark.line <= len(lines) else ""
    if not header.startswith("|") or not _BLOCK.match(header):
        return lambda _line, _column: node.mark
    below = lines[node.mark.line : node.mark.line + count]
    indent = min((len(line) - len(line.lstrip(" ")) for line in below if line.strip()), default=0)

    def place(line: int, column: int) -> Mark:
        if not 0 < line <= count:
            line, column = count, 1
        return Mark(node.mark.file, node.mark.line + line, indent + column)

    return place


def manifest_of_text(draft: Draft, text: str, source: Node, place: Place) -> Node | None:
    """The manifest that a text holds: one, or of several documents a List; None, and reported, where it is none.

    `source` is the string that the text came from, `place` knows where the text stands.
    """
    problems: list[Problem] = []
    documents = load_documents(text.encode(), source.mark.file, problems)
    draft.problems += [_moved_problem(p, source, place) for p in problems]
    roots = [_moved(marked(document), source, place) for document in documents]
    if any(p.severity is Severity.ERROR for p in problems):
        return None
    for root in roots:
        if not isinstance(root.content, dict):
            draft.mismatch(root, "a manifest")
            return None
    if len(roots) == 1:
        return roots[0]
    whole = source.made({"apiVersion": "v1", "kind": LIST})
    whole.fields["items"] = replace(source, content=list(roots))
    return whole


def is_quoted(node: Node, document: Document) -> bool:
    """Whether a string of the document's own file stands in quotes or in a block."""
    lines = document.lines
    if node.mark.file != document.file or node.mark.line > len(lines):
        return True
    return lines[node.mark.line - 1][node.mark.column - 1 :][:1] in ("'", '"', "|", ">")


def _moved(root: Node, source: Node, place: Place) -> Node:
    """The nodes of a text that was read by itself, in their places in the user's file."""
    for _, node in root.walk():
        node.mark = place(node.mark.line, node.mark.column)
        node.key = place(node.key.line, node.key.column) if node.key else None
        node.origin = source.origin
    return root


def _moved_problem(problem: Problem, source: Node, place: Place) -> Problem:
    mark = place(problem.line, problem.column) if problem.line else source.mark
    message = problem.message if problem.line else f"the template is wrong: {problem.message}"
    path = format_path(source.origin)
    return replace(problem, message=message, file=mark.file, line=mark.line, column=mark.column, path=path)
