"""Evaluation of a template on its data. What goes wrong in one action does not keep the others from being evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from trialmill.api.nearest import nearest
from trialmill.forms.go_template.errors import ErrorKind, GoTemplateError
from trialmill.forms.go_template.functions import FUNCTIONS, LAZY
from trialmill.forms.go_template.nodes import (
    Action,
    Body,
    Chain,
    Choice,
    Command,
    Dot,
    Function,
    Leave,
    Literal,
    Nil,
    Node,
    Operand,
    Pipeline,
    Range,
    Text,
    Variable,
)
from trialmill.forms.go_template.output import Output
from trialmill.forms.go_template.parse import parse
from trialmill.forms.go_template.values import (
    Opaque,
    Record,
    UnfitValueError,
    Value,
    describe,
    text_of,
    truth,
)

MAX_STEPS: Final = 100_000
"""How many nodes may be evaluated; a real template takes some hundreds."""
MAX_OUTPUT: Final = 1024 * 1024
"""How many characters may come out."""
MAX_HANDLED: Final = 8 * MAX_OUTPUT
"""How many characters functions may get in all: `print $x $x` in a loop is a bomb."""
MAX_ERRORS: Final = 20


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came out, and what went wrong, in the order in which it was met."""

    output: Output
    errors: tuple[GoTemplateError, ...]


def evaluate(source: str, data: Record) -> Evaluated:
    """The template's text on these data. Raises nothing: a template that cannot be read comes out empty."""
    evaluation = _Evaluation(data)
    try:
        evaluation.walk(parse(source), data)
    except GoTemplateError as error:
        evaluation.errors.append(error)
    except _StoppedError:
        pass
    # What is wrong in a loop is wrong each time; once is enough.
    places = {(error.offset, error.kind): error for error in reversed(evaluation.errors)}
    return Evaluated(evaluation.output, tuple(reversed(places.values())))


class _StoppedError(Exception):
    """A limit is passed, or there are so many errors that more would not help."""


class _Flow(Enum):
    """How a body was left."""

    END = auto()
    BREAK = auto()
    CONTINUE = auto()


@dataclass(slots=True)
class _Variable:
    name: str
    value: Value


@dataclass(slots=True)
class _Evaluation:
    data: Record
    output: Output = field(default_factory=Output)
    errors: list[GoTemplateError] = field(default_factory=list)
    variables: list[_Variable] = field(default_factory=list)
    steps: int = 0
    handled: int = 0

    def __post_init__(self) -> None:
        self.variables.append(_Variable("$", self.data))

    # --- Nodes

    def walk(self, body: Body, dot: Value) -> _Flow:
        for node in body:
            self._count(node.offset)
            flow = self._node(node, dot)
            if flow is not _Flow.END:
                return flow
        return _Flow.END

    def _node(self, node: Node, dot: Value) -> _Flow:
        match node:
            case Text():
                self.output.copy(node.text, node.offset)
                return _Flow.END
            case Leave():
                return _Flow.CONTINUE if node.goes_on else _Flow.BREAK
        known = len(self.variables)
        try:
            match node:
                case Action():
                    self._action(node, dot)
                    return _Flow.END
                case Choice():
                    return self._choice(node, dot)
                case Range():
                    return self._range(node, dot)
        except GoTemplateError as error:
            self.errors.append(error)
            if error.kind is ErrorKind.LIMIT or len(self.errors) >= MAX_ERRORS:
                raise _StoppedError from None
            return _Flow.END
        finally:
            if not isinstance(node, Action):
                del self.variables[known:]

    def _count(self, offset: int) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS or self.output.length > MAX_OUTPUT:
            message = f"this template makes more than {MAX_OUTPUT:,} characters, or takes more than {MAX_STEPS:,} steps"
            raise GoTemplateError(ErrorKind.LIMIT, message, offset)

    def _action(self, action: Action, dot: Value) -> None:
        pipeline = action.pipeline
        try:
            value = self._pipeline(pipeline, dot)
            if not pipeline.variables:
                self.output.print(text_of(value), action.offset)
        except UnfitValueError as problem:
            raise _placed(problem, pipeline.offset) from None
        except GoTemplateError:
            # One mistake is one error: its variable is there all the same.
            self.variables += [_Variable(name, "") for name in pipeline.variables if not pipeline.assigns]
            raise

    def _choice(self, choice: Choice, dot: Value) -> _Flow:
        for branch in choice.branches:
            value = self._pipeline(branch.pipeline, dot)
            if self._truth(value, branch.pipeline.offset):
                return self.walk(branch.body, value if choice.sets_dot else dot)
        return self.walk(choice.otherwise, dot)

    def _range(self, node: Range, dot: Value) -> _Flow:
        value = self._pipeline(node.pipeline, dot)
        items = self._items(value, node)
        known = len(self.variables)
        for position, item in enumerate(items):
            self._count(node.offset)
            self._set_loop_variables(node.pipeline, position, item, known)
            flow = self.walk(node.body, item)
            del self.variables[known:]
            if flow is _Flow.BREAK:
                break
        return _Flow.END if items else self.walk(node.otherwise, dot)

    def _items(self, value: Value, node: Range) -> Sequence[Value]:
        offset = node.pipeline.offset
        if isinstance(value, tuple):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipeline.variables) > 1:
                raise _wrong("a range over an integer sets one variable only", offset)
            return range(value)
        if isinstance(value, Opaque):
            message = f"{value.what} is {value.when}, so it cannot be ranged over"
            raise GoTemplateError(ErrorKind.OPAQUE, message, offset)
        raise _wrong(f"range goes over a list, found {describe(value)}", offset)

    def _set_loop_variables(self, pipeline: Pipeline, position: int, item: Value, known: int) -> None:
        """The last variable is the item, the one before it, where there are two, its position.

        Those that were declared here are the last of the known ones.
        """
        values: list[Value] = [position, item][-len(pipeline.variables) :] if pipeline.variables else []
        for back, (name, value) in enumerate(zip(reversed(pipeline.variables), reversed(values), strict=True), start=1):
            if pipeline.assigns:
                self._assign(name, value, pipeline.offset)
            else:
                self.variables[known - back].value = value

    # --- Values

    def _pipeline(self, pipeline: Pipeline, dot: Value) -> Value:
        self._count(pipeline.offset)
        value = self._command(pipeline.commands[0], dot, ())
        for command in pipeline.commands[1:]:
            value = self._command(command, dot, (value,))
        for name in pipeline.variables:
            if pipeline.assigns:
                self._assign(name, value, pipeline.offset)
            else:
                self.variables.append(_Variable(name, value))
        return value

    def _command(self, command: Command, dot: Value, last: tuple[Value, ...]) -> Value:
        """The value of a command; `last` is what the pipeline hands to it, if it is not the first."""
        first, *arguments = command.operands
        if isinstance(first, Function):
            return self._call(first, arguments, dot, last)
        if arguments or last:
            raise _wrong("only a function takes values", (arguments[0] if arguments else first).offset)
        return self._operand(first, dot)

    def _call(self, function: Function, operands: Sequence[Operand], dot: Value, last: tuple[Value, ...]) -> Value:
        values: list[Value] = []
        count = len(operands) + len(last)
        try:
            for operand in operands:
                values.append(self._operand(operand, dot))
                self._handle(values[-1], operand.offset)
                # The last value of these is the answer whatever it is, so it need not be known.
                if function.name in LAZY and len(values) < count and truth(values[-1]) is LAZY[function.name]:
                    return values[-1]
            for value in last:
                self._handle(value, function.offset)
            return FUNCTIONS[function.name]([*values, *last])
        except UnfitValueError as problem:
            raise _placed(problem, function.offset) from None

    def _handle(self, value: Value, offset: int) -> None:
        self._count(offset)
        self.handled += len(value) if isinstance(value, str) else 1
        if self.handled > MAX_HANDLED:
            message = f"the functions of this template handle more than {MAX_HANDLED:,} characters"
            raise GoTemplateError(ErrorKind.LIMIT, message, offset)

    def _operand(self, operand: Operand, dot: Value) -> Value:
        match operand:
            case Literal():
                return operand.value
            case Function():
                return self._call(operand, (), dot, ())
            case Chain():
                value = self._start(operand, dot)
                for name in operand.fields:
                    value = self._field(value, name, operand.offset)
                return value
            case Nil():
                raise GoTemplateError(ErrorKind.UNSUPPORTED, "nil is not known here", operand.offset)

    def _start(self, chain: Chain, dot: Value) -> Value:
        match chain.start:
            case Dot():
                return dot
            case Variable(name, offset):
                return self._find(name, offset).value
            case Pipeline() as pipeline:
                return self._pipeline(pipeline, dot)

    def _field(self, value: Value, name: str, offset: int) -> Value:
        if not isinstance(value, Record):
            raise _wrong(f"{describe(value)} has no field .{name}", offset, self._where_else(name))
        if name not in value.fields:
            meant = nearest(name, value.fields)
            others = ", ".join(f".{known}" for known in value.fields)
            remedy = f"did you mean .{meant}?" if meant else self._where_else(name) or f"there are {others}"
            raise _wrong(f"{value.what} has no field .{name}", offset, remedy)
        return value.fields[name]

    def _where_else(self, name: str) -> str:
        """Inside of `with` and `range` the dot is another; `$` is what it was at the top."""
        return f"did you mean $.{name}?" if name in self.data.fields else ""

    def _find(self, name: str, offset: int) -> _Variable:
        for variable in reversed(self.variables):
            if variable.name == name:
                return variable
        raise _wrong(f"the variable {name} is not set", offset, f"set it before: {{{{{name} := ...}}}}")

    def _assign(self, name: str, value: Value, offset: int) -> None:
        self._find(name, offset).value = value

    def _truth(self, value: Value, offset: int) -> bool:
        try:
            return truth(value)
        except UnfitValueError as problem:
            raise _placed(problem, offset) from None


def _placed(problem: UnfitValueError, offset: int) -> GoTemplateError:
    return GoTemplateError(problem.kind, problem.message, offset, problem.remedy)


def _wrong(message: str, offset: int, remedy: str = "") -> GoTemplateError:
    return GoTemplateError(ErrorKind.EVALUATION, message, offset, remedy)
