"""What may follow an `@`: `@this`, `@reverse`, `@keys` and the others of GJSON 1.14.1."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from trialmill.api.tree import Json
from trialmill.kinds.gjson.node import ABSENT, Node

Modifier: TypeAlias = Callable[[Node, str], Node]


def _this(node: Node, _argument: str) -> Node:
    """Also what `@ugly`, `@pretty` and `@valid` come to: a tree has no white space, and is valid."""
    return node


def _reverse(node: Node, _argument: str) -> Node:
    if isinstance(node, list):
        return node[::-1]
    return dict(reversed(node.items())) if isinstance(node, dict) else node


def _flatten(node: Node, argument: str) -> Node:
    if not isinstance(node, list):
        return node
    deep = _flag(argument, "deep")
    flat: list[Json] = []
    pending: list[tuple[Json, int]] = [(item, 0) for item in reversed(node)]
    while pending:
        item, depth = pending.pop()
        if isinstance(item, list) and (deep or depth == 0):
            pending.extend((inner, depth + 1) for inner in reversed(item))
        else:
            flat.append(item)
    return flat


def _join(node: Node, argument: str) -> Node:
    """One object of all objects in a list. With `preserve` the original keeps duplicate keys, where the first one
    counts.
    """
    if not isinstance(node, list):
        return node
    first_counts = _flag(argument, "preserve")
    joined: dict[str, Json] = {}
    for item in node:
        for key, value in item.items() if isinstance(item, dict) else ():
            if not (first_counts and key in joined):
                joined[key] = value
    return joined


def _keys(node: Node, _argument: str) -> Node:
    if node is ABSENT:
        return []
    if isinstance(node, dict):
        return list(node)
    return [None] * len(node) if isinstance(node, list) else [None]


def _values(node: Node, _argument: str) -> Node:
    if node is ABSENT:
        return []
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else [node]


def _to_string(node: Node, _argument: str) -> Node:
    return "" if node is ABSENT else json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def _from_string(node: Node, _argument: str) -> Node:
    if node is None:
        return ABSENT
    return parse(node) if isinstance(node, str) else node


def _group(node: Node, _argument: str) -> Node:
    """An object of lists becomes a list of objects."""
    if not isinstance(node, dict):
        return ABSENT
    rows: list[Json] = []
    for key, column in node.items():
        for number, value in enumerate(column if isinstance(column, list) else ()):
            if number == len(rows):
                rows.append({})
            row = rows[number]
            assert isinstance(row, dict)  # noqa: S101 - narrows what the line above made
            row[key] = value
    return rows


MODIFIERS: Final[Mapping[str, Modifier]] = {
    "this": _this,
    "ugly": _this,
    "pretty": _this,
    "valid": _this,
    "reverse": _reverse,
    "flatten": _flatten,
    "join": _join,
    "keys": _keys,
    "values": _values,
    "tostr": _to_string,
    "fromstr": _from_string,
    "group": _group,
}

_DECODER: Final = json.JSONDecoder()


@lru_cache(maxsize=256)
def _flag(argument: str, name: str) -> bool:
    options = parse(argument)
    return isinstance(options, dict) and as_boolean(options.get(name))


def parse(text: str) -> Node:
    """The JSON value that `text` begins with, whatever follows it."""
    try:
        value: Json = _DECODER.raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return ABSENT
    return value


def as_boolean(node: Node) -> bool:
    """Go's idea of a value as a boolean: true, a number other than 0, and the texts `1`, `t` and `true`."""
    if isinstance(node, str):
        return node.lower() in ("1", "t", "true")
    return isinstance(node, bool | int | float) and node != 0
