"""Finds what can only be a mistake in a GJSON path. The Go original has no errors: it just never finds anything."""

import re
from typing import Final

from trialmill.api.nearest import nearest
from trialmill.kinds.gjson.modifiers import MODIFIERS
from trialmill.kinds.gjson.path import array_head, modifier_call, query_close, selectors, skip_quoted, squash

_BRACKETS: Final = {"(": ")", "[": "]", "{": "}"}
_COMPARISON: Final = re.compile(r"[=!<>]=")
_LONGEST_QUOTE: Final = 80
_OPERATORS: Final = "=, ==, !=, <, <=, >, >=, % and !%"


def syntax_problems(path: str) -> str | None:
    """What is wrong with `path`, as one plain clause; None where nothing is certain to be wrong.

    An empty path is reported too: as a condition it is never met.
    """
    if not path.strip():
        return "the path is empty"
    try:
        return _path_problem(path)
    except RecursionError:
        return "the path is nested too deeply"


def _path_problem(path: str) -> str | None:
    i, component_starts = 0, True
    while i < len(path):
        if component_starts:
            problem, end = _component_problem(path, i)
            if problem:
                return problem
            if end > i:
                i, component_starts = end, False
                continue
        char = path[i]
        if char in _BRACKETS:
            return f"{_quoted(path)} has a {char!r} inside a name; an index is written as .0, a query as .#(...)"
        if char in _BRACKETS.values():
            return f"{_quoted(path)} closes a {char!r} that was never opened"
        if _COMPARISON.match(path, i):
            return f"{_quoted(path)} compares outside of a query; a comparison is written inside #(...)"
        i += 2 if char == "\\" else 1
        component_starts = char in ".|"
    return f"{_quoted(path)} ends where a name is expected" if component_starts else None


def _component_problem(path: str, start: int) -> tuple[str | None, int]:
    """A problem of the query, multipath, modifier or literal at `start`, and where that ends: `start` for none of
    these.
    """
    rest = path[start:]
    match rest[0]:
        case "#" if rest[1:2] in ("(", "["):
            close = query_close(rest)
            return (_unclosed(rest) if close < 0 else _query_problem(rest, close)), start + close + 1
        case "[" | "{":
            multipath = selectors(rest)
            if multipath is None:
                return _unclosed(rest), start
            problems = (_path_problem(entry.path.strip()) for entry in multipath[0])
            return next(filter(None, problems), None), len(path) - len(multipath[1])
        case "@":
            call = modifier_call(rest)
            return (None if call.name in MODIFIERS else _unknown_modifier(call.name)), len(path) - len(call.rest)
        case "!":
            return None, start + 1 + (squash(rest[1:]) if rest[1:2] in tuple('{["') else len(rest) - 1)
        case "." | "|" if path[:2] != "..":
            return f"{_quoted(path)} has an empty name before the {rest[0]!r} at place {start + 1}", start
    return None, start


def _quoted(text: str) -> str:
    return repr(_short(text))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "..."


def _unclosed(text: str) -> str:
    i = 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == '"':
            i, _ = skip_quoted(text, i)
            if i >= len(text):
                return f"a quote in {_quoted(text)} is never closed"
        i += 1
    return f"the bracket that opens {_quoted(text)} is never closed"


def _unknown_modifier(name: str) -> str:
    near = nearest(name, MODIFIERS)
    hint = f"; did you mean @{near}?" if near else ""
    return f"there is no modifier @{name}{hint}"


def _query_problem(text: str, close: int) -> str | None:
    shown, inside = text[: close + 1], text[2:close]
    query = array_head(shown).query
    if query is None or not inside.strip():
        return f"the query {_short(shown)} is empty"
    written = inside.strip().removeprefix(query.path).strip()
    if not written:
        return _path_problem(query.path)
    if not query.operator or query.operator == "!" or query.value[:1] in tuple("=<>"):
        return f"the query {_short(shown)} has an unknown operator; there are {_OPERATORS}"
    value = written.removeprefix("==").removeprefix(query.operator).strip()
    if value.startswith('"') and skip_quoted(value, 0)[0] < len(value) - 1:
        return f"the query {_short(shown)} goes on after its value; a second test is written as another query, |#(...)"
    if len(value) > 1 and value[0] == value[-1] == "'":
        return f"the query {_short(shown)} has its value in single quotes; GJSON knows double quotes only"
    return _path_problem(query.path) if query.path else None
