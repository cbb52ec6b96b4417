"""A JSONPath's text to its steps.

As in `kubectl wait --for=jsonpath=...` the braces and the first dot may be left out: `{.status.phase}`, `.status.phase`
and `status.phase` are the same.
"""

import re
from typing import Final

from trialmill.kinds.jsonpath.steps import Anywhere, Child, Every, Filter, Literal, Operand, Slice, Step, Steps

_NAME: Final = re.compile(r"(?:\\.|[^\s.\[\](){}'\"*@$?,:<>=!\\])+")
_RANGE: Final = re.compile(r"\s*(-?\d+)?\s*(?:(:)\s*(-?\d+)?\s*(?::\s*(-?\d+)?)?)?\s*")
_QUOTED: Final = re.compile(r"'((?:\\.|[^'\\])*)'|\"((?:\\.|[^\"\\])*)\"")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_OPERATORS: Final = ("==", "!=", "<=", ">=", "<", ">")
_LONGEST: Final = 4096


class JsonPathError(ValueError):
    """The text is no JSONPath; the message says what is wrong, and where."""


def parse(text: str) -> Steps:
    """The steps of one expression. Raises JsonPathError."""
    inner = text.strip()
    if len(inner) > _LONGEST:
        raise JsonPathError(f"a path of more than {_LONGEST} characters is not read")
    if inner.startswith("{") != inner.endswith("}"):
        raise JsonPathError("a brace is not closed" if inner.startswith("{") else "a brace is not opened")
    inner = inner.removeprefix("{").removesuffix("}").strip()
    if not inner:
        raise JsonPathError("the path is empty")
    if inner[0] not in ".[$@":
        inner = "." + inner
    parser = _Parser(inner)
    steps = parser.steps()
    if not parser.is_at_end:
        raise parser.fault("something else follows")
    return steps


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.text)

    def fault(self, what: str) -> JsonPathError:
        rest = self.text[self.at :]
        return JsonPathError(f"{what} at {rest[:20]!r}" if rest else f"{what} at the end")

    def take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def need(self, token: str) -> None:
        if not self.take(token):
            raise self.fault(f"{token!r} is missing")

    def space(self) -> None:
        while not self.is_at_end and self.text[self.at].isspace():
            self.at += 1

    def match(self, pattern: re.Pattern[str]) -> "re.Match[str] | None":
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    # --- the grammar

    def steps(self) -> Steps:
        _ = self.take("$") or self.take("@")
        steps: list[Step] = []
        while True:
            if self.take(".."):
                steps.append(Anywhere())
                if not self.text.startswith("[", self.at):
                    steps.append(self.name())
            elif self.take("."):
                if self.is_at_end and not steps:
                    return ()
                if not self.text.startswith("[", self.at):
                    steps.append(self.name())
            elif self.take("["):
                steps.append(self.bracket())
            else:
                return tuple(steps)

    def name(self) -> Step:
        if self.take("*"):
            return Every()
        found = self.match(_NAME)
        if found is None:
            raise self.fault("a name is missing")
        return Child((_unescaped(found[0]),))

    def bracket(self) -> Step:
        if self.take("*"):
            self.need("]")
            return Every()
        if self.take("?("):
            condition = self.filter()
            self.need(")")
            self.need("]")
            return condition
        step: Step = self.quoted() if self.text[self.at : self.at + 1] in ("'", '"') else self.ranges()
        self.need("]")
        return step

    def quoted(self) -> Child:
        names = []
        while True:
            found = self.match(_QUOTED)
            if found is None:
                raise self.fault("a quoted name is missing")
            names.append(_unescaped(found[1] if found[1] is not None else found[2]))
            if not self.take(","):
                return Child(tuple(names))
            self.space()

    def ranges(self) -> Slice:
        ranges = []
        while True:
            begin = self.at
            found = self.match(_RANGE)
            if found is None or self.at == begin:
                raise self.fault("an index is missing")
            start, colon, end, stride = found.groups()
            if stride is not None and int(stride) <= 0:
                raise self.fault("a slice needs a step above 0")
            first = int(start) if start else None
            if colon:
                ranges.append((first, int(end) if end else None, int(stride or 1)))
            elif first is not None:
                ranges.append((first, first + 1 if first != -1 else None, 1))
            else:
                raise self.fault("an index is missing")
            if not self.take(","):
                return Slice(tuple(ranges))

    def filter(self) -> Filter:
        left = self.operand()
        self.space()
        operator = next((o for o in _OPERATORS if self.take(o)), "")
        if not operator:
            return Filter(left)
        right = self.operand()
        self.space()
        return Filter(left, operator, right)

    def operand(self) -> Operand:
        self.space()
        if self.text[self.at : self.at + 1] in ("@", "$", "."):
            return self.steps()
        if found := self.match(_QUOTED):
            return Literal(_unescaped(found[1] if found[1] is not None else found[2]))
        if found := self.match(_NUMBER):
            number = found[0]
            return Literal(int(number) if number.lstrip("-").isdecimal() else float(number))
        for word, value in (("true", True), ("false", False)):
            if self.take(word):
                return Literal(value)
        raise self.fault("a value is missing")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
