"""Walks a tree along a GJSON path.

The Go original keeps one result and one pending pipe per search, and a branch that led nowhere may have left either
behind; conditions in use depend on it (`a.#(b==1)#` finds an empty list where nothing matches, yet `x.#(b==1)#`
nothing where there is no `x`). `_Search` is that state.
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from trialmill.api.tree import Json
from trialmill.kinds.gjson.modifiers import MODIFIERS, as_boolean, parse
from trialmill.kinds.gjson.node import ABSENT, Node, Result
from trialmill.kinds.gjson.path import (
    ArrayHead,
    Query,
    array_head,
    bracket_end,
    last_name,
    modifier_call,
    object_head,
    selectors,
    split_pipe,
    wildcard,
)

_LITERALS: Final[dict[str, Json]] = {
    "true": True,
    "false": False,
    "null": None,
    "nan": math.nan,
    "inf": math.inf,
}
_GO_NUMBER: Final = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)|nan", re.IGNORECASE | re.ASCII
)
_GO_HEX_NUMBER: Final = re.compile(r"[+-]?0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)p[+-]?\d+", re.IGNORECASE | re.ASCII)


def evaluate(tree: Json, path: str) -> Result:
    """What `path` leads to in `tree`. Never raises: a path that makes no sense leads nowhere."""
    try:
        node = get(tree, path)
    except RecursionError:
        return Result(exists=False)
    return Result(exists=False) if node is ABSENT else Result(exists=True, value=node)


def get(node: Node, path: str) -> Node:
    if len(path) > 1:
        first = path[0]
        if first == "@":
            call = modifier_call(path)
            if modifier := MODIFIERS.get(call.name):
                return _follow(modifier(node, call.argument), call.rest)
        elif first == "!":
            literal, rest = _literal(path)
            if literal is not ABSENT:
                return _follow(literal, rest)
        elif first in "[{":
            multipath = selectors(path)
            path = "" if multipath is None else multipath[1]
            if multipath is not None and path[:1] in ("", ".", "|"):
                made = _multipath(node, multipath[0], as_object=first == "{")
                return get(made, path[1:]) if path else made
    search = _Search()
    if path.startswith(".."):
        # JSON lines: the document is the only line.
        search.in_array([] if node is ABSENT else [node], path[2:])
    elif isinstance(node, dict):
        search.in_object(node, path)
    elif isinstance(node, list):
        search.in_array(node, path)
    return search.found if search.pipe is None else get(search.found, search.pipe)


def _follow(node: Node, rest: str) -> Node:
    return get(node, rest[1:]) if rest[:1] in ("|", ".") else node


def _literal(path: str) -> tuple[Node, str]:
    """The value written in the path after a `!`, and what follows it."""
    text = path[1:]
    if text[0] in '{["+-0123456789':
        # A text or a number reaches to the end of the path here, unless a stray bracket closes it.
        end = bracket_end(text)
        return parse(text[:end]), text[end:]
    name = re.split(r"[|.]", text, maxsplit=1)[0]
    return _LITERALS.get(name, ABSENT), text[len(name) :]


def _multipath(node: Node, entries: tuple[tuple[str, str], ...], *, as_object: bool) -> Json:
    found = [(name, path, value) for name, path in entries if (value := get(node, path)) is not ABSENT]
    if not as_object:
        return [value for _, _, value in found]
    made: dict[str, Json] = {}
    for name, path, value in found:
        quoted = parse(name) if name.startswith('"') else ABSENT
        key = quoted if isinstance(quoted, str) else name or last_name(path)
        made.setdefault(key, value)
    return made


@dataclass(slots=True)
class _Search:
    """One walk. `in_object` and `in_array` say whether they hit; `found` may hold something even if they did not."""

    found: Node = ABSENT
    pipe: str | None = None

    def in_object(self, node: dict[str, Json], path: str) -> bool:
        head = object_head(path)
        if head.rest is None and head.pipe is not None:
            self.pipe = head.pipe
        if not head.wild:
            return head.key in node and self._descend(node[head.key], head.rest)
        pattern = wildcard(head.key)
        return pattern is not None and any(
            self._descend(value, head.rest) for key, value in node.items() if pattern.fullmatch(key)
        )

    def in_array(self, node: list[Json], path: str) -> bool:
        head = array_head(path)
        if head.rest is None and head.pipe is not None:
            self.pipe = head.pipe
        if head.query is not None:
            return self._query(node, head, head.query)
        if head.each is not None:
            return self._each(node, head.each)
        if head.count:
            self.found = len(node)
            return True
        return head.index is not None and head.index < len(node) and self._descend(node[head.index], head.rest)

    def _descend(self, value: Json, rest: str | None) -> bool:
        if rest is None:
            self.found = value
            return True
        if isinstance(value, dict):
            return self.in_object(value, rest)
        return isinstance(value, list) and self.in_array(value, rest)

    def _each(self, node: list[Json], path: str) -> bool:
        path, pipe = split_pipe(path)
        if pipe is not None:
            self.pipe = pipe
        values = (get(item, path) for item in node)
        self.found = [value for value in values if value is not ABSENT]
        return True

    def _query(self, node: list[Json], head: ArrayHead, query: Query) -> bool:
        matched: list[Json] = []
        for item in node:
            if not _matches(item, query):
                continue
            result: Node = item
            if head.rest is not None:
                path, pipe = split_pipe(head.rest)
                if pipe is not None:
                    self.pipe = pipe
                result = get(item, path)
            if not query.every:
                self.found = result
                return True
            if result is not ABSENT:
                matched.append(result)
        if query.every and self.found is ABSENT:
            self.found = matched
        return False


def _matches(item: Json, query: Query) -> bool:
    if isinstance(item, dict | list):
        value = get(item, query.path)
    elif query.path:
        return False
    else:
        value = item
    operand = query.value
    if operand.startswith("~"):
        operand = operand[1:]
        value = as_boolean(value)
    if value is ABSENT:
        return False
    return not query.operator or _compares(value, query.operator, operand)


def _compares(value: Json, operator: str, operand: str) -> bool:
    """The type of the value decides how the operand is read. Null, objects and lists compare to nothing."""
    if isinstance(value, bool):
        return _compares_boolean(value, operator, operand)
    if isinstance(value, str):
        if operator.endswith("%"):
            pattern = wildcard(operand)
            return (pattern is not None and pattern.fullmatch(value) is not None) is (operator == "%")
        return _ordered(value, operator, operand)
    if isinstance(value, int | float):
        return _ordered(float_of(value), operator, number(operand))
    return False


def _ordered(left: str | float, operator: str, right: str | float) -> bool:
    match operator:
        case "=":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right  # type: ignore[operator]  # both are texts or both are numbers
        case "<=":
            return left <= right  # type: ignore[operator]
        case ">":
            return left > right  # type: ignore[operator]
        case ">=":
            return left >= right  # type: ignore[operator]
    return False


def _compares_boolean(value: bool, operator: str, operand: str) -> bool:
    match operator:
        case "=":
            return operand == ("true" if value else "false")
        case "!=":
            return operand != ("true" if value else "false")
        case ">":
            return value and operand == "false"
        case "<":
            return not value and operand == "true"
        case ">=":
            return value
        case "<=":
            return not value
    return False


def float_of(value: float) -> float:
    """Integers beyond the range of a float are infinite, as they are for Go."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def number(text: str) -> float:
    """A number as Go's ParseFloat reads it; 0 for what is none."""
    if _GO_NUMBER.fullmatch(text):
        return float(text)
    if _GO_HEX_NUMBER.fullmatch(text):
        try:
            return float.fromhex(text)
        except OverflowError:
            return -math.inf if text.startswith("-") else math.inf
    return 0.0
