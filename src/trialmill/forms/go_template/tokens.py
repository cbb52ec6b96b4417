"""Template text to tokens: text outside of `{{ }}`, already trimmed, and the words inside."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from trialmill.forms.go_template.errors import ErrorKind, GoTemplateError

_LEFT: Final = "{{"
_RIGHT: Final = "}}"
_SPACES: Final = " \t\r\n"
_SPACE: Final = frozenset(_SPACES)
_TRIMMING_RIGHT: Final = re.compile(r"[ \t\r\n]-\}\}")
_TRIMMING_LEFT: Final = re.compile(r"-[ \t\r\n]")
_QUOTED: Final = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_CHARACTER: Final = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_RAW: Final = re.compile(r"`[^`]*`")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_KEYWORDS: Final = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with")
)


class Kind(Enum):
    """What a token is."""

    TEXT = auto()
    OPEN = auto()
    CLOSE = auto()
    SPACE = auto()
    KEYWORD = auto()
    NAME = auto()
    """A function's."""
    BOOLEAN = auto()
    FIELD = auto()
    DOT = auto()
    VARIABLE = auto()
    NUMBER = auto()
    CHARACTER = auto()
    QUOTED = auto()
    RAW = auto()
    DECLARE = auto()
    ASSIGN = auto()
    PIPE = auto()
    LEFT_PAREN = auto()
    RIGHT_PAREN = auto()
    OTHER = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the template; `offset` is the place of its first character."""

    kind: Kind
    text: str
    offset: int


def tokens(source: str) -> Iterator[Token]:
    """The tokens of a template, the last one END. Raises GoTemplateError where there is none to be made."""
    return _Lexer(source).run()


class _Lexer:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.parens = 0

    def run(self) -> Iterator[Token]:
        while True:
            start, opening = self.position, self.source.find(_LEFT, self.position)
            if opening < 0:
                if start < len(self.source):
                    yield Token(Kind.TEXT, self.source[start:], start)
                yield Token(Kind.END, "", len(self.source))
                return
            self.position = opening + len(_LEFT)
            trims = bool(_TRIMMING_LEFT.match(self.source, self.position))
            text = self.source[start:opening]
            if trims:
                self.position += 2
                text = text.rstrip(_SPACES)
            if text:
                yield Token(Kind.TEXT, text, start)
            if self.source.startswith("/*", self.position):
                self._comment(opening)
            else:
                yield Token(Kind.OPEN, _LEFT, opening)
                yield from self._action(opening)

    def _comment(self, opening: int) -> None:
        end = self.source.find("*/", self.position + 2)
        if end < 0:
            raise _wrong("this comment is not closed", opening, "close it with */}}")
        self.position = end + 2
        if not self._close():
            raise _wrong("a comment must end right before }}", end, "write */}} or */ -}}, with nothing between")

    def _close(self) -> bool:
        """Step over `}}` or ` -}}` with the spaces that the latter trims, if it is there."""
        if _TRIMMING_RIGHT.match(self.source, self.position):
            self.position += 2 + len(_RIGHT)
            while self.source[self.position : self.position + 1] in _SPACE:
                self.position += 1
            return True
        if self.source.startswith(_RIGHT, self.position):
            self.position += len(_RIGHT)
            return True
        return False

    def _action(self, opening: int) -> Iterator[Token]:
        self.parens = 0
        while True:
            start = self.position
            if self._close():
                if self.parens:
                    raise _wrong("a parenthesis is not closed", start, "close it with )")
                yield Token(Kind.CLOSE, _RIGHT, start)
                return
            if start >= len(self.source):
                raise _wrong("this action is not closed", opening, "close it with }}")
            yield self._token(start)

    def _token(self, start: int) -> Token:
        first = self.source[start]
        if first in _SPACE:
            return self._space(start)
        if first in "\"`'":
            return self._literal(first, start)
        if first in ".$":
            after = self.source[start + 1 : start + 2]
            if first == "$" or not ("0" <= after <= "9"):
                return self._field_or_variable(first, start)
        if first in "+-." or "0" <= first <= "9":
            return self._number(start)
        if _is_word(first):
            return self._word(start)
        return self._symbol(first, start)

    def _space(self, start: int) -> Token:
        end = start + 1
        while self.source[end : end + 1] in _SPACE and not _TRIMMING_RIGHT.match(self.source, end):
            end += 1
        return self._take(Kind.SPACE, start, end)

    def _literal(self, quote: str, start: int) -> Token:
        pattern, kind, what = {
            '"': (_QUOTED, Kind.QUOTED, "text"),
            "`": (_RAW, Kind.RAW, "text"),
            "'": (_CHARACTER, Kind.CHARACTER, "character"),
        }[quote]
        found = pattern.match(self.source, start)
        if found is None:
            raise _wrong(f"this {what} is not closed", start, f"close it with {quote} in the same line")
        return self._take(kind, start, found.end())

    def _field_or_variable(self, first: str, start: int) -> Token:
        end = self._end_of_word(start + 1)
        if first == "$":
            return self._take(Kind.VARIABLE, start, end)
        return self._take(Kind.FIELD if end > start + 1 else Kind.DOT, start, end)

    def _word(self, start: int) -> Token:
        end = self._end_of_word(start)
        word = self.source[start:end]
        if word in ("true", "false"):
            return self._take(Kind.BOOLEAN, start, end)
        return self._take(Kind.KEYWORD if word in _KEYWORDS else Kind.NAME, start, end)

    def _end_of_word(self, position: int) -> int:
        """Where a word ends, which something that can follow a word must do."""
        while position < len(self.source) and _is_word(self.source[position]):
            position += 1
        after = self.source[position : position + 1]
        if after and after not in " \t\r\n.,|:)(" and not self.source.startswith(_RIGHT, position):
            raise _wrong(f"{after!r} cannot stand here", position, "separate the words by spaces")
        return position

    def _number(self, start: int) -> Token:
        found = _NUMBER.match(self.source, start)
        end = found.end() if found else start
        after = self.source[end : end + 1]
        if after and (_is_word(after) or after in "+-"):
            raise _wrong(f"{self.source[start : end + 1]!r} is no number", start)
        return self._take(Kind.NUMBER, start, end)

    def _symbol(self, first: str, start: int) -> Token:
        if first == ":":
            if not self.source.startswith(":=", start):
                raise _wrong("':' cannot stand here", start, "did you mean `:=`?")
            return self._take(Kind.DECLARE, start, start + 2)
        if first == "(":
            self.parens += 1
        elif first == ")":
            self.parens -= 1
            if self.parens < 0:
                raise _wrong("this parenthesis was never opened", start, "remove it")
        kinds = {"=": Kind.ASSIGN, "|": Kind.PIPE, "(": Kind.LEFT_PAREN, ")": Kind.RIGHT_PAREN}
        return self._take(kinds.get(first, Kind.OTHER), start, start + 1)

    def _take(self, kind: Kind, start: int, end: int) -> Token:
        self.position = end
        return Token(kind, self.source[start:end], start)


def _is_word(character: str) -> bool:
    return character == "_" or character.isalpha() or character.isdecimal()


def _wrong(message: str, offset: int, remedy: str = "") -> GoTemplateError:
    return GoTemplateError(ErrorKind.SYNTAX, message, offset, remedy)
