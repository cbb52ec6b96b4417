"""Tokens to the syntax tree, by recursive descent with a limit."""

from collections.abc import Sequence
from typing import Final

from trialmill.api.nearest import nearest
from trialmill.forms.go_template.errors import ErrorKind, GoTemplateError
from trialmill.forms.go_template.functions import FUNCTIONS, UNSUPPORTED
from trialmill.forms.go_template.literals import NotKnownHereError, read_character, read_number, read_quoted
from trialmill.forms.go_template.nodes import (
    Action,
    Body,
    Branch,
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
from trialmill.forms.go_template.tokens import Kind, Token, tokens

MAX_DEPTH: Final = 50
MAX_LENGTH: Final = 512 * 1024
_ACTIONS: Final = ("range", "with", "if", "else", "end")
_DEFINITIONS: Final = ("block", "define", "template")


def parse(source: str) -> Body:
    """The tree of a template. Raises GoTemplateError at the first place that makes no sense."""
    if len(source) > MAX_LENGTH:
        raise GoTemplateError(ErrorKind.LIMIT, f"this template has more than {MAX_LENGTH:,} characters", 0)
    parser = _Parser(list(tokens(source)))
    body = parser.body(until=())
    parser.take(Kind.END, "the end")
    return body


class _Parser:
    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = found
        self.position = 0
        self.variables = ["$"]
        self.depth = 0
        self.ranges = 0

    # --- Moving over tokens

    def peek(self, *, over_space: bool = True) -> Token:
        if over_space and self.tokens[self.position].kind is Kind.SPACE:
            self.position += 1
        return self.tokens[self.position]

    def next(self, *, over_space: bool = True) -> Token:
        token = self.peek(over_space=over_space)
        if token.kind is not Kind.END:
            self.position += 1
        return token

    def take(self, kind: Kind, expected: str) -> Token:
        token = self.next()
        if token.kind is not kind:
            raise _unexpected(token, expected)
        return token

    def is_keyword(self, *names: str) -> bool:
        token = self.peek()
        return token.kind is Kind.KEYWORD and token.text in names

    # --- Text and actions

    def body(self, until: tuple[str, ...]) -> Body:
        """Nodes up to an action that begins with one of these words, which is left to be read from its word on."""
        nodes: list[Node] = []
        while (token := self.peek()).kind is not Kind.END:
            self.next()
            if token.kind is Kind.TEXT:
                nodes.append(Text(token.text, token.offset))
            elif self.is_keyword("end", "else"):
                if not until:
                    message = f"{{{{{self.peek().text}}}}} belongs to no if, with or range"
                    raise _wrong(message, token.offset, "remove it, or one of the ends above")
                return tuple(nodes)
            else:
                nodes.append(self.action(token.offset))
        return tuple(nodes)

    def action(self, offset: int) -> Node:
        """What follows `{{`."""
        token = self.peek()
        if token.kind is not Kind.KEYWORD or token.text == "nil":
            return Action(self.pipeline(Kind.CLOSE), offset)
        self.next()
        if token.text in _DEFINITIONS:
            message = f"{{{{{token.text}}}}} is not known here"
            raise GoTemplateError(ErrorKind.UNSUPPORTED, message, offset, "write its text where it is used")
        if token.text in ("break", "continue"):
            if not self.ranges:
                raise _wrong(f"{{{{{token.text}}}}} is outside of a range", offset, "remove it")
            self.take(Kind.CLOSE, "}}")
            return Leave(token.text == "continue", offset)
        return self.control(token, offset)

    def control(self, token: Token, offset: int) -> Node:
        """An `if`, `with` or `range` with all that belongs to it; its variables end with it."""
        self.enter(offset)
        known = len(self.variables)
        node = self.loop(offset) if token.text == "range" else self.choice(token.text, offset)
        del self.variables[known:]
        self.depth -= 1
        return node

    def choice(self, word: str, offset: int) -> Choice:
        branches: list[Branch] = []
        while True:
            pipeline = self.pipeline(Kind.CLOSE)
            branches.append(Branch(pipeline, self.closed_body(word, offset)))
            if self.next().text == "end":
                self.take(Kind.CLOSE, "}}")
                return Choice(tuple(branches), (), word == "with", offset)
            if not self.is_keyword(word):
                return Choice(tuple(branches), self.otherwise(word, offset), word == "with", offset)
            self.next()

    def loop(self, offset: int) -> Range:
        pipeline = self.pipeline(Kind.CLOSE, ranges=True)
        self.ranges += 1
        body = self.closed_body("range", offset)
        self.ranges -= 1
        if self.next().text == "end":
            self.take(Kind.CLOSE, "}}")
            return Range(pipeline, body, (), offset)
        return Range(pipeline, body, self.otherwise("range", offset), offset)

    def otherwise(self, word: str, offset: int) -> Body:
        """What follows the word `else`, up to and with the end."""
        if self.peek().kind is Kind.KEYWORD and self.peek().text in ("if", "with"):
            message = f"`else {self.peek().text}` cannot follow {word}"
            raise _wrong(message, self.peek().offset, f"write {{{{else}}}}{{{{{self.peek().text} ...}}}}")
        self.take(Kind.CLOSE, "}}")
        body = self.closed_body(word, offset)
        token = self.next()
        if token.text != "end":
            raise _wrong(f"this {word} has a second else", token.offset, "remove one of them")
        self.take(Kind.CLOSE, "}}")
        return body

    def closed_body(self, word: str, offset: int) -> Body:
        body = self.body(until=("end", "else"))
        if self.peek().kind is Kind.END:
            raise _wrong(f"this {word} has no {{{{end}}}}", offset, "add {{end}} behind what belongs to it")
        return body

    def enter(self, offset: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise GoTemplateError(ErrorKind.LIMIT, f"this is nested deeper than {MAX_DEPTH} levels", offset)

    # --- Pipelines

    def pipeline(self, end: Kind, *, ranges: bool = False) -> Pipeline:
        offset = self.peek().offset
        variables, assigns = self.declared(ranges=ranges)
        commands: list[Command] = []
        while (token := self.peek()).kind is not end:
            if token.kind in (Kind.PIPE, Kind.END, Kind.CLOSE, Kind.RIGHT_PAREN):
                raise _unexpected(token, "a value")
            commands.append(self.command())
        self.next()
        if not commands:
            raise _wrong("a value is missing here", token.offset)
        for command in commands[1:]:
            if _is_constant(command.operands[0]):
                raise _wrong("what follows | must be a function", command.offset)
        return Pipeline(tuple(commands), variables, assigns, offset)

    def declared(self, *, ranges: bool) -> tuple[tuple[str, ...], bool]:
        """The variables that a pipeline sets, and whether with `=`; none where it begins with something else."""
        start, names = self.position, []
        while self.peek().kind is Kind.VARIABLE:
            name = self.next()
            after = self.peek()
            if after.kind in (Kind.DECLARE, Kind.ASSIGN):
                self.next()
                names.append(name.text)
                self.variables += names
                return tuple(names), after.kind is Kind.ASSIGN
            if after.kind is not Kind.OTHER or after.text != ",":
                break
            self.next()
            names.append(name.text)
            if not ranges or len(names) > 1 or self.peek().kind is not Kind.VARIABLE:
                raise _wrong("only a range can set two variables", after.offset, "write `range $i, $p := ...`")
        if names:
            raise _unexpected(self.peek(), "`:=` or `=`")
        self.position = start
        return (), False

    def command(self) -> Command:
        """Operands up to a pipe, which is taken, or to what ends the pipeline, which is not."""
        operands: list[Operand] = []
        while True:
            if (operand := self.operand()) is not None:
                operands.append(operand)
            token = self.peek(over_space=False)
            if token.kind is Kind.SPACE:
                self.next(over_space=False)
                continue
            if token.kind is Kind.PIPE:
                self.next()
            elif token.kind not in (Kind.CLOSE, Kind.RIGHT_PAREN):
                raise _unexpected(token, "a space, | or }}")
            if not operands:
                raise _unexpected(token, "a value")
            return Command(tuple(operands))

    def operand(self) -> Operand | None:
        """A value with the fields that are taken of it; None where none begins."""
        token = self.peek()
        term = self.term(token)
        fields: list[str] = []
        while term is not None and self.peek(over_space=False).kind is Kind.FIELD:
            fields.append(self.next().text[1:])
        if not fields or term is None:
            return term
        if isinstance(term, Chain) and not term.is_dot:
            return Chain(term.start, (*term.fields, *fields), term.offset)
        if isinstance(term, Function):
            message = f"a field of the function {term.name} makes no sense"
            raise GoTemplateError(ErrorKind.UNSUPPORTED, message, term.offset)
        raise _wrong(f"{token.text} has no fields", token.offset)

    def term(self, token: Token) -> Operand | None:
        match token.kind:
            case Kind.NAME:
                term: Operand | None = self.function(token)
            case Kind.DOT:
                term = Chain(Dot(token.offset), (), token.offset)
            case Kind.FIELD:
                term = Chain(Dot(token.offset), (token.text[1:],), token.offset)
            case Kind.VARIABLE:
                term = self.variable(token)
            case Kind.LEFT_PAREN:
                self.next()
                self.enter(token.offset)
                inner = self.pipeline(Kind.RIGHT_PAREN)
                self.depth -= 1
                return Chain(inner, (), token.offset)
            case Kind.KEYWORD if token.text == "nil":
                term = Nil(token.offset)
            case Kind.BOOLEAN | Kind.NUMBER | Kind.CHARACTER | Kind.QUOTED | Kind.RAW:
                term = Literal(_value(token), token.offset)
            case _:
                return None
        self.next()
        return term

    def function(self, token: Token) -> Function:
        if token.text in FUNCTIONS:
            return Function(token.text, token.offset)
        if token.text in UNSUPPORTED:
            raise GoTemplateError(ErrorKind.UNSUPPORTED, f"the function {token.text} is not known here", token.offset)
        meant = nearest(token.text, (*FUNCTIONS, *_ACTIONS))
        remedy = f"did you mean {meant!r}?" if meant else f'did you mean .{token.text}, or the text "{token.text}"?'
        raise _wrong(f"there is no function {token.text}", token.offset, remedy)

    def variable(self, token: Token) -> Chain:
        if token.text not in self.variables:
            meant = nearest(token.text, self.variables[1:])
            remedy = f"did you mean {meant!r}?" if meant else f"set it before: {{{{{token.text} := ...}}}}"
            raise _wrong(f"the variable {token.text} is not set", token.offset, remedy)
        return Chain(Variable(token.text, token.offset), (), token.offset)


def _is_constant(operand: Operand) -> bool:
    """Whether this can never take an argument: a literal, nil, or the dot alone."""
    return isinstance(operand, Literal | Nil) or (isinstance(operand, Chain) and operand.is_dot)


def _value(token: Token) -> str | int | float | bool:
    try:
        match token.kind:
            case Kind.BOOLEAN:
                return token.text == "true"
            case Kind.NUMBER:
                return read_number(token.text)
            case Kind.CHARACTER:
                return read_character(token.text)
            case Kind.QUOTED:
                return read_quoted(token.text)
            case _:
                return token.text[1:-1].replace("\r", "")
    except NotKnownHereError as error:
        raise GoTemplateError(ErrorKind.UNSUPPORTED, str(error), token.offset) from None
    except ValueError as error:
        raise _wrong(str(error), token.offset) from None


def _unexpected(token: Token, expected: str) -> GoTemplateError:
    found = "the end of the template" if token.kind is Kind.END else repr(token.text)
    return _wrong(f"found {found}, expected {expected}", token.offset)


def _wrong(message: str, offset: int, remedy: str = "") -> GoTemplateError:
    return GoTemplateError(ErrorKind.SYNTAX, message, offset, remedy)
