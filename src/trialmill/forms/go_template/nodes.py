"""The syntax tree of a template. Every node knows its `offset` in the text."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool
    offset: int


@dataclass(frozen=True, slots=True)
class Nil:
    offset: int


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A value and the names of the fields that are taken of it, one after the other; maybe none."""

    start: "Dot | Variable | Pipeline"
    fields: tuple[str, ...]
    offset: int

    @property
    def is_dot(self) -> bool:
        """Whether this is `.` alone."""
        return isinstance(self.start, Dot) and not self.fields


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`, which is also what the fields in `.Name` are taken of."""

    offset: int


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    offset: int


Operand: TypeAlias = Literal | Nil | Function | Chain


@dataclass(frozen=True, slots=True)
class Command:
    """`operand argument...`: a function with its arguments, or a value alone."""

    operands: tuple[Operand, ...]

    @property
    def offset(self) -> int:
        return self.operands[0].offset


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`$x, $y := command | command`; `assigns` for `=` in the place of `:=`."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...]
    assigns: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Action:
    pipeline: Pipeline
    offset: int


@dataclass(frozen=True, slots=True)
class Branch:
    """What happens where its pipeline is true."""

    pipeline: Pipeline
    body: "Body"


@dataclass(frozen=True, slots=True)
class Choice:
    """`if` or, where `sets_dot`, `with`; the branches of an `else if` chain, and the last `else`."""

    branches: tuple[Branch, ...]
    otherwise: "Body"
    sets_dot: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Range:
    pipeline: Pipeline
    body: "Body"
    otherwise: "Body"
    offset: int


@dataclass(frozen=True, slots=True)
class Leave:
    """`break`, or, where `goes_on`, `continue`."""

    goes_on: bool
    offset: int


Node: TypeAlias = Text | Action | Choice | Range | Leave
Body: TypeAlias = tuple[Node, ...]
