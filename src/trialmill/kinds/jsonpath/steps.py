"""The steps of a JSONPath, and where they lead in a tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from trialmill.api.tree import Json


@dataclass(frozen=True, slots=True)
class Child:
    """`.name` and `['name']`; several names are a union."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[0]`, `[-1]`, `[1:3]`, `[::2]`, several of them a union. An index is a slice of one, which has to be there."""

    ranges: tuple[tuple[int | None, int | None, int], ...]


@dataclass(frozen=True, slots=True)
class Every:
    """`[*]` and `.*`."""


@dataclass(frozen=True, slots=True)
class Anywhere:
    """`..`: the node and everything below it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(@.type=="Ready")]`; without an operator it asks whether the left side finds anything."""

    left: "Operand"
    operator: str = ""
    right: "Operand | None" = None


Step: TypeAlias = Child | Slice | Every | Anywhere | Filter
Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool


Operand: TypeAlias = Literal | Steps


def find(tree: Json, steps: Steps) -> list[Json]:
    """Every node that the steps lead to, in the order of the tree."""
    nodes: list[Json] = [tree]
    for step in steps:
        nodes = [found for node in nodes for found in _follow(node, step)]
    return nodes


def _follow(node: Json, step: Step) -> Iterator[Json]:
    match step:
        case Child(names):
            yield from (node[name] for name in names if isinstance(node, dict) and name in node)
        case Slice(ranges):
            for start, end, stride in ranges if isinstance(node, list) else ():
                yield from node[start:end:stride] if isinstance(node, list) else ()
        case Every():
            yield from _below(node)
        case Anywhere():
            yield from _all(node)
        case Filter():
            yield from (item for item in _below(node) if _holds(item, step))


def _below(node: Json) -> list[Json]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _all(node: Json) -> Iterator[Json]:
    yield node
    for child in _below(node):
        yield from _all(child)


def _holds(item: Json, step: Filter) -> bool:
    left = _values(item, step.left)
    if not step.operator:
        return bool(left)
    right = _values(item, step.right) if step.right is not None else []
    return len(left) == 1 and len(right) == 1 and _compare(left[0], step.operator, right[0])


def _values(item: Json, operand: Operand) -> list[Json]:
    return [operand.value] if isinstance(operand, Literal) else find(item, operand)


def _compare(left: Json, operator: str, right: Json) -> bool:
    """Values of different types differ, and are in no order; numbers are of one type."""
    comparable = _type(left) == _type(right) and not isinstance(left, dict | list)
    if operator == "==":
        return comparable and left == right
    if operator == "!=":
        return not (comparable and left == right)
    if isinstance(left, str) and isinstance(right, str):
        return _ordered(left < right, left == right, operator)
    if isinstance(left, int | float) and isinstance(right, int | float) and comparable:
        return _ordered(left < right, left == right, operator)
    return False


def _ordered(is_less: bool, is_equal: bool, operator: str) -> bool:
    match operator:
        case "<":
            return is_less
        case "<=":
            return is_less or is_equal
        case ">":
            return not is_less and not is_equal
        case _:
            return not is_less


def _type(value: Json) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)
