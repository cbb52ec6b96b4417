"""What libyaml's complaints mean, in one plain sentence each."""

import re
from typing import Final, NamedTuple, TypeAlias

LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What libyaml counts as the end of a line."""
_INDENTED_BY_TAB: Final = re.compile(r" *\t")
_BY_INDENTATION: Final = (
    "mapping values are not allowed",
    "could not find expected ':'",
    "expected key",
    "expected <block end>",
    "'-' indicator",
    "block sequence entries are not allowed",
    "<document start>",
)
"""What libyaml complains of when a line above is indented wrongly, or is no entry of the mapping that it stands in."""
_MISLED_BY_TABS: Final = (
    "cannot start any token",
    "could not find expected ':'",
    "expected key",
    "expected <block end>",
    "mapping values are not allowed",
    "block sequence entries are not allowed",
    "'-' indicator",
    "tab character",
)
"""What libyaml complains of when the cause is a tab. In lists and mappings with brackets tabs are right."""
_A_PAIR: Final = 2
_WITHOUT_SPACE: Final = re.compile(r"\s*(?:- +)*[\w.-]+:(?!//)[^\s:]")
_WITHOUT_COLON: Final = re.compile(r"\s*(?:- +)*([A-Za-z][\w.-]*) +[^\s:#][^:#]*$")
_Place: TypeAlias = tuple[int, int]


class Explanation(NamedTuple):
    code: str
    message: str
    line: int
    column: int
    remedy: str = ""


_MEANINGS: Final = (
    (
        "mapping values are not allowed",
        "a ':' cannot stand here",
        "quote the text if it holds ': ', or check the indentation of this line and the one above",
    ),
    ("could not find expected ':'", "this line is neither `key: value` nor part of the text above", ""),
    (
        "expected key",
        "a key was expected here",
        "check the indentation: the keys of one mapping begin in the same column",
    ),
    (
        "expected <block end>",
        "this does not fit the lines above",
        "check the indentation: the keys of one mapping, like the items of one list, begin in the same column",
    ),
    (
        "'-' indicator",
        "a list item was expected here",
        "check the indentation: the items of one list begin in the same column, each with '- '",
    ),
    (
        "block sequence entries are not allowed",
        "a list item cannot begin here",
        "begin the list on a line of its own, or quote the text if it starts with '- '",
    ),
    (
        "escape c",
        "this escape is not known in a double-quoted text",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        "alphabetic or numeric character",
        "a name was expected after '*' or '&'",
        "quote a text that begins with '*' or '&'",
    ),
    ("tag handle", "this tag is not known", "remove the tag, or quote a text that begins with '!'"),
    ("<document start>", "nothing can follow here", "check the indentation, or begin a new document with ---"),
    ("incompatible YAML document", "this version of YAML is not known", "remove the line with %YAML"),
    ("node content", "a value was expected here", "quote the text if it begins with a special character"),
    (
        "comment or line break",
        "nothing can follow '|' or '>' on its line",
        "begin the text on the next line, or quote it if it begins with '|' or '>'",
    ),
    ("directive name", "a line that begins with '%' is a directive", "quote the text if it is none"),
    ("non-alphabetical character", "a line that begins with '%' is a directive", "quote the text if it is none"),
    ("block scalar", "this text after '|' or '>' is not indented as its first line is", ""),
)


def explain(
    context: str, context_place: _Place | None, problem: str, problem_place: _Place | None, text: str
) -> Explanation:
    """The complaint of either of PyYAML's parsers, C or Python, as code, sentence, place and remedy."""
    place = problem_place or context_place or (1, 1)
    line = _line(text, place[0])
    if _INDENTED_BY_TAB.match(line) and any(part in problem for part in _MISLED_BY_TABS):
        column = line.index("\t") + 1
        return Explanation("yaml-tab", "a tab is used to indent", place[0], column, "YAML indents by spaces only")
    if context_place and "unexpected end of stream" in problem:
        return Explanation("yaml-syntax", "this quoted text does not end", *context_place)
    if context_place and "flow" in context:
        return _unclosed(context, context_place, place, line, len(LINE_BREAK.split(text.rstrip())))
    if found := _behind_quotes(line, *place):
        return found
    if any(part in problem for part in _BY_INDENTATION) and (found := _blamed(text, (problem_place or place)[0])):
        return found
    if "cannot start any token" in problem:
        character = line[place[1] - 1 : place[1]]
        return Explanation("yaml-syntax", f"a value cannot begin with {character!r}", *place, "quote the text")
    if context_place and any(part in problem for part in ("could not find expected ':'", "alphabetic or numeric")):
        place = context_place  # where the text begins; the problem's own place is where it could not go on
    for part, message, remedy in _MEANINGS:
        if part in problem:
            return Explanation("yaml-syntax", message, *place, remedy or _entry(_line(text, place[0])))
    return Explanation("yaml-syntax", f"this is no valid YAML: {problem or context}", *place)


def _blamed(text: str, complaint: int) -> Explanation | None:
    from trialmill.api.yaml_suspects import suspect  # only mistakes pay for it

    lines = LINE_BREAK.split(text)
    found = suspect(lines, complaint)
    if found is None:
        return None
    if found.spaces is None:
        message = "this line is neither `key: value` nor a list item"
        remedy = _entry(lines[found.line - 1]) or "check the characters it begins with"
    else:
        message = "this line is not indented as the lines around it are"
        remedy = _move(found.spaces - found.column + 1)
    return Explanation("yaml-syntax", message, found.line, found.column, remedy)


def _entry(line: str) -> str:
    """What makes a `key: value` of a line that is none; empty where nobody knows."""
    if _WITHOUT_SPACE.match(line):
        return "put a space behind the colon"
    key = _WITHOUT_COLON.match(line)
    return f"put a colon behind {key[1]}" if key else ""


def _behind_quotes(line: str, number: int, column: int) -> Explanation | None:
    """A text in quotes that goes on behind what the parser takes for its closing quote."""
    before, rest = line[: column - 1], line[column - 1 :]
    quote = before[-1:]
    if quote not in ("'", '"') or not rest or rest[0] in " \t,]}:#" or before.count(quote) < _A_PAIR:
        return None
    inner = "''" if quote == "'" else '\\"'
    message = f"nothing can follow the {quote} that closes the text before it"
    remedy = f"write {inner} for a quote within the text, or put the other quotes around all of it"
    return Explanation("yaml-syntax", message, number, column, remedy)


def _move(by: int) -> str:
    """How far: it is right of a text inside a template too, where columns are not those of the file."""
    count = f"{abs(by)} space" if abs(by) == 1 else f"{abs(by)} spaces"
    return f"move it {count} to the {'right' if by > 0 else 'left'}"


def _unclosed(context: str, begin: _Place, place: _Place, line: str, last: int) -> Explanation:
    what, closing = ("list", "]") if "sequence" in context else ("mapping", "}")
    if place[0] > last:
        at = begin if begin[0] <= last else (last, 1)
        return Explanation("yaml-syntax", f"this {what} does not end", *at, f"close it with '{closing}'")
    # Told from here: it is right of a text inside a template too, where lines are not those of the file.
    above = place[0] - begin[0]
    where = "in this line" if not above else f"{above} {'line' if above == 1 else 'lines'} above"
    opened = f"the {what} that was opened {where}"
    remedy = 'quote placeholders in lists and mappings of one line: ["${...}"]' if "${" in line else ""
    return Explanation("yaml-syntax", f"a ',' or '{closing}' was expected here, for {opened}", *place, remedy)


def _line(text: str, number: int) -> str:
    lines = LINE_BREAK.split(text, maxsplit=number)
    return lines[number - 1] if number <= len(lines) else ""
