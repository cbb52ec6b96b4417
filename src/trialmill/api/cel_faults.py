"""What Google's CEL library finds wrong with an expression, in plain words."""

import re
from typing import Final

LONGEST_EXPRESSION: Final = 1000
"""In characters; a longer one is not given to the library."""
TYPES: Final = {"int": "an integer", "double": "a decimal number", "string": "a text", "bool": "true or false"}
"""The library's names of plain types, in words."""
_FAULT: Final = re.compile(r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<what>[^\n]*)")
_OVERLOAD: Final = re.compile(
    r"found no matching overload for '(?P<name>[^']*)' applied to '\(?(?P<types>[^')]*)\)?.*'"
)
_STATUS: Final = re.compile(r"^[A-Z_]+: ")
_BEFORE_COLON: Final = re.compile(r" +:")


def cel_words(text: str) -> str:
    """The library's own words for what went wrong with a value, on one line and without their code.

    >>> cel_words("UNKNOWN: No matching overloads found : _>_(string, int64)")
    'No matching overloads found: _>_(string, int64)'
    """
    return _BEFORE_COLON.sub(":", _STATUS.sub("", text.partition("\n")[0]))


def cel_sentence(text: str) -> str:
    """One plain sentence for the library's words, without its drawing of the place.

    >>> cel_sentence("INVALID_ARGUMENT: ERROR: <input>:1:8: Syntax error: mismatched input '<EOF>' expecting {'['}")
    'the expression ends too early (column 8 of the expression)'
    """
    fault = _FAULT.search(text)
    if fault is None:
        return _STATUS.sub("", text.partition("\n")[0]).partition(" [")[0].replace("divide by", "division by")
    what = fault["what"].partition(" expecting ")[0].partition(" (in container")[0]
    if overload := _OVERLOAD.match(what):
        operands = " and ".join(TYPES.get(kind.strip(), kind.strip()) for kind in overload["types"].split(","))
        what = f"{overload['name'].strip('_')} cannot be applied to {operands}"
    elif "<EOF>" in what:
        what = "the expression ends too early"
    return f"{what} (column {fault['column']} of the expression)"
