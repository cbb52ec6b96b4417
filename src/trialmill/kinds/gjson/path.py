"""Takes GJSON path text apart, one component at a time.

A component reads differently inside an object and inside an array, so a path is no fixed list of steps: the search
asks for the head of the remaining text by the node it stands on. Heads are cached, which makes evaluating a
condition again a matter of a few dictionary look-ups.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

_OPENS_PIPE: Final = frozenset("@[{")
"""A dot before one of these acts as a pipe: a modifier or a multipath begins."""
_OPENING: Final = frozenset("[({")
_CLOSING: Final = frozenset("])}")
_OPERATOR_START: Final = frozenset("!=<>%")
_BLANKS: Final = "".join(map(chr, range(ord(" ") + 1)))
_STRING_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


@dataclass(frozen=True, slots=True)
class KeyHead:
    """The head of a path inside an object: a key, possibly with wildcards.

    `rest` is what follows a dot, None at the end of the path. `pipe` is what follows a pipe, None for none.
    """

    key: str
    wild: bool = False
    rest: str | None = None
    pipe: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """`#(path op value)`, with `every` for the form that ends in `)#`. An empty operator asks for existence."""

    path: str = ""
    operator: str = ""
    value: str = ""
    every: bool = False


@dataclass(frozen=True, slots=True)
class ArrayHead:
    """The head of a path inside an array: an index, `#` (count, or each element), or a query."""

    index: int | None = None
    count: bool = False
    each: str | None = None
    """The path to take in each element, for `#.path`."""
    query: Query | None = None
    rest: str | None = None
    pipe: str | None = None


class Selector(NamedTuple):
    """One entry of a multipath; `name` is empty where the entry gives none."""

    name: str
    path: str


class ModifierCall(NamedTuple):
    name: str
    argument: str
    rest: str


@lru_cache(maxsize=2048)
def object_head(path: str) -> KeyHead:
    """The first component of `path`, read inside an object."""
    key: list[str] = []
    wild = escaped = False
    i = 0
    while i < len(path):
        char = path[i]
        if char == "|":
            return KeyHead("".join(key), wild, pipe=path[i + 1 :])
        if char == ".":
            rest = path[i + 1 :]
            if rest[:1] not in _OPENS_PIPE:
                return KeyHead("".join(key), wild, rest=rest)
            # After an escaped key the original looks below the key for an empty name and never reaches the pipe.
            return KeyHead("".join(key), wild, rest="") if escaped else KeyHead("".join(key), wild, pipe=rest)
        if char == "\\":
            escaped = True
            i += 1
            key.append(path[i : i + 1])
        else:
            wild = wild or char in "*?"
            key.append(char)
        i += 1
    return KeyHead("".join(key), wild)


@lru_cache(maxsize=2048)
def array_head(path: str) -> ArrayHead:
    """The first component of `path`, read inside an array. There are no escapes here."""
    query, end = _leading_query(path)
    hashed = query is not None
    while end < len(path) and path[end] not in "|.":
        hashed = hashed or path[end] == "#"
        end += 1
    part, rest, pipe = path[:end], None, None
    if path[end : end + 1] == "|":
        pipe = path[end + 1 :]
    elif path[end : end + 1] == ".":
        rest = path[end + 1 :]
        if not hashed and rest[:1] in _OPENS_PIPE:
            rest, pipe = None, rest
    if query is not None:
        return ArrayHead(query=query, rest=rest, pipe=pipe)
    if part == "#":
        return ArrayHead(count=rest is None, each=rest, pipe=pipe)
    index = int(part) if part.isascii() and part.isdigit() and not hashed else None
    return ArrayHead(index=index, rest=rest, pipe=pipe)


def _leading_query(path: str) -> tuple[Query | None, int]:
    """A query at the start of `path` and where it ends; one that is never closed takes the whole path and asks for
    nothing, as in the original.
    """
    if path[:2] not in ("#(", "#["):
        return None, 0
    close, operator_at, has_escape = _query_extent(path)
    if close < 0:
        return Query(), len(path)
    every = path[close + 1 : close + 2] == "#"
    if operator_at < 0:
        return Query(path[2:close].strip(_BLANKS), every=every), close + 1
    operator, value = _split_operator(path[operator_at:close].strip(_BLANKS))
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = unescape(value[1:-1]) if has_escape else value[1:-1]
    return Query(path[2:operator_at].strip(_BLANKS), operator, value, every), close + 1


def _query_extent(path: str) -> tuple[int, int, bool]:
    """Where a query closes (-1: never), where its operator starts (-1: none), and whether a quoted text in it has an
    escape.
    """
    depth, operator_at, has_escape = 1, -1, False
    i = 2
    while i < len(path):
        char = path[i]
        if depth == 1 and operator_at < 0 and char in _OPERATOR_START:
            operator_at = i
        elif char == "\\":
            i += 1
        elif char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
            if depth == 0:
                return i, operator_at, has_escape
        elif char == '"':
            i, escape = skip_quoted(path, i)
            has_escape = has_escape or escape
        i += 1
    return -1, operator_at, has_escape


def query_close(path: str) -> int:
    """Where the query that `path` begins with closes; -1 for never."""
    return _query_extent(path)[0]


def skip_quoted(text: str, start: int) -> tuple[int, bool]:
    """The place of the quote that closes the one at `start` (or the end), and whether a backslash stood between."""
    i, has_escape = start + 1, False
    while i < len(text) and text[i] != '"':
        if text[i] == "\\":
            has_escape = True
            i += 1
        i += 1
    return i, has_escape


def _split_operator(text: str) -> tuple[str, str]:
    """Operator and value. `==` is `=`; a lone `!` before anything else is no operator but part of the value."""
    if text.startswith("==") and len(text) > 1:
        return "=", text[2:].strip(_BLANKS)
    size = 2 if text[:2] in ("!=", "!%", "<=", ">=") else 1
    if text[0] == "!" and size == 1 and len(text) > 1:
        size = 0
    return text[:size], text[size:].strip(_BLANKS)


@lru_cache(maxsize=256)
def split_pipe(path: str) -> tuple[str, str | None]:
    """What stands before and after the first pipe that is not inside a query; None after where there is none."""
    if "|" not in path:
        return path, None
    if path[0] == "{":
        # One character late, as in the original: behind a quoted name or a nested bracket it sees no pipe.
        end = squash(path[1:]) + 1
        return (path[:end], path[end + 1 :]) if path[end : end + 1] == "|" else (path, None)
    i = 0
    while i < len(path):
        if path[i] == "\\":
            i += 1
        elif path[i] == "|":
            return path[:i], path[i + 1 :]
        elif path[i : i + 2] == ".#":
            i += 2
            if path[i : i + 1] in ("(", "["):
                i = _closing(path, i)
        i += 1
    return path, None


def _closing(path: str, start: int) -> int:
    """The place of the bracket that closes the one at `start`, counting only brackets of that shape."""
    opening, closing = path[start], ")" if path[start] == "(" else "]"
    depth, i = 1, start + 1
    while i < len(path):
        char = path[i]
        if char == "\\":
            i += 1
        elif char == '"':
            i, _ = skip_quoted(path, i)
        elif char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                break
        i += 1
    return i


def squash(text: str) -> int:
    """The end of the bracketed or quoted value that `text` begins with; its length where nothing closes it."""
    if text[:1] == '"':
        return min(skip_quoted(text, 0)[0] + 1, len(text))
    return bracket_end(text)


def bracket_end(text: str) -> int:
    """As `squash`, but the first character counts as an opening bracket whatever it is."""
    depth, i = 1, 1
    while i < len(text):
        char = text[i]
        if char == '"':
            i, _ = skip_quoted(text, i)
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return len(text)


@lru_cache(maxsize=256)
def selectors(path: str) -> tuple[tuple[Selector, ...], str] | None:
    """The entries of the multipath that `path` begins with, and the path after it; None where it is never closed."""
    entries: list[Selector] = []
    depth, start, colon, modifier = 1, 1, 0, False
    i = 1
    while i < len(path):
        char = path[i]
        if char == "\\":
            i += 1
        elif char == '"':
            i, _ = skip_quoted(path, i)
        elif char == "@":
            # The colon after a modifier brings its argument, it names nothing.
            modifier = modifier or path[i - 1] in ".|"
        elif char == ":" and depth == 1 and not colon and not modifier:
            colon = i
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
        if (char == "," and depth == 1) or depth == 0:
            entries.append(Selector(path[start:colon], path[colon + 1 : i]) if colon else Selector("", path[start:i]))
            start, colon, modifier = i + 1, 0, False
        if depth == 0:
            return tuple(entries), path[i + 1 :]
        i += 1
    return None


@lru_cache(maxsize=256)
def modifier_call(path: str) -> ModifierCall:
    """The modifier that `path` begins with: its name, its argument's text, and the path after it."""
    i = 1
    while i < len(path) and path[i] not in ":|.":
        i += 1
    name, rest = path[1:i], path[i:]
    if not rest.startswith(":") or len(rest) == 1:
        return ModifierCall(name, "", rest.removeprefix(":"))
    rest = rest[1:]
    end = squash(rest) if rest[0] in '{["' else len(rest.partition("|")[0])
    return ModifierCall(name, rest[:end], rest[end:])


def last_name(path: str) -> str:
    """The name that a multipath gives to an entry without one: the last component, or `_` where that is no plain
    name.
    """
    i = len(path) - 1
    while i >= 0 and not (path[i] in "|." and (i == 0 or path[i - 1] != "\\")):
        i -= 1
    name = path[i + 1 :]
    return "_" if re.search(r"[\x00-\x1f\[\]{}()#|!]", name) else name


def unescape(text: str) -> str:
    """A quoted text's escapes, as in JSON; an escape that JSON does not know ends the text."""
    out: list[str] = []
    i = 0
    while i < len(text):
        char = text[i]
        if char < " ":
            break
        if char != "\\":
            out.append(char)
        else:
            i += 1
            escape = text[i : i + 1]
            if escape == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", text[i + 1 : i + 5]):
                out.append(chr(int(text[i + 1 : i + 5], 16)))
                i += 4
            elif escape in _STRING_ESCAPES:
                out.append(_STRING_ESCAPES[escape])
            else:
                break
        i += 1
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@lru_cache(maxsize=256)
def wildcard(pattern: str) -> re.Pattern[str] | None:
    """A pattern with `*`, `?` and backslash escapes, for `fullmatch`; None for one that matches nothing."""
    segments = [""]
    i = 0
    while i < len(pattern):
        char = pattern[i]
        if char == "*":
            segments.append("")
        elif char == "?":
            segments[-1] += "."
        else:
            i += char == "\\"
            if i == len(pattern):
                return None
            segments[-1] += re.escape(pattern[i])
        i += 1
    first, *inner = segments
    if not inner:
        return re.compile(first, re.DOTALL)
    # Each inner segment takes its first place for good (an atomic group), so that no text makes the match slow.
    middle = "".join(f"(?>.*?{segment})" for segment in inner[:-1] if segment)
    return re.compile(f"{first}{middle}.*{inner[-1]}", re.DOTALL)
