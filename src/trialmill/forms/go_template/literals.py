"""Go's literals: quoted texts, characters and numbers, read and, for texts, written."""

import math
import re
from decimal import Decimal
from typing import Final

_INT64: Final = range(-(2**63), 2**63)
_INTEGER: Final = re.compile(
    r"([+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<bin>(?:_?[01])+)|0[oO]?(?P<oct>(?:_?[0-7])+)"
    r"|(?P<dec>0|[1-9](?:_?[0-9])*))"
)
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MAX_DIGITS: Final = 400
_EXPONENT_FROM: Final = 6
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<wrong>.?))",
    re.DOTALL,
)
_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_WRITTEN: Final = {character: f"\\{name}" for name, character in _SIMPLE.items() if name != "'"}


class NotKnownHereError(ValueError):
    """A literal that Go can read and this cannot."""


def read_number(text: str) -> int | float:
    """A number as Go types it: an integer of 64 bits, or a float where a point or an exponent says so.

    Raises ValueError with a sentence for what is none.
    """
    if len(text) > _MAX_DIGITS:
        raise ValueError("this number has too many digits")
    if found := _INTEGER.fullmatch(text):
        group = found.lastgroup or "dec"
        value = int(found[1] + found[group].replace("_", "").lstrip("0").rjust(1, "0"), _BASES[group])
        if value not in _INT64:
            raise ValueError(f"{text} is too large for an integer")
        return value
    if _FLOAT.fullmatch(text) and set(text) & set(".eE"):
        number = float(text)
        if math.isinf(number):
            raise ValueError(f"{text} is too large for a number")
        return number
    if text.endswith("i") or (set(text) & set("_pP") and set(text) & set(".eEpP")):
        raise NotKnownHereError(f"{text} is a number of a sort that is not known here")
    raise ValueError(f"{text!r} is no number")


def read_quoted(text: str) -> str:
    """The text that a literal in double quotes stands for. Raises ValueError with a sentence for a wrong escape."""
    return _unescaped(text[1:-1], quote='"')


def read_character(text: str) -> int:
    """The code point of a literal in single quotes. Raises ValueError with a sentence where it is not exactly one."""
    character = _unescaped(text[1:-1], quote="'")
    if len(character) != 1:
        raise ValueError(f"{text} is not one character")
    return ord(character)


def write_quoted(text: str) -> str:
    """The text as a Go literal in double quotes."""
    return '"' + "".join(_WRITTEN.get(c) or (c if c.isprintable() else _code(c)) for c in text) + '"'


def write_float(value: float) -> str:
    """A finite float as Go prints it: the shortest digits that give it back, with an exponent from a million on."""
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    exponent = len(digits) - 1 + int(power)
    if value == 0 or -4 <= exponent < _EXPONENT_FROM:
        return f"{Decimal(repr(value)).normalize():f}"
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{first}{'.' if rest else ''}{rest}e{exponent:+03d}"


def _unescaped(text: str, quote: str) -> str:
    return _ESCAPE.sub(lambda found: _character(found, quote), text)


def _character(found: re.Match[str], quote: str) -> str:
    # In each sort of quotes only its own quote can be escaped.
    if (simple := found["simple"]) and (simple not in "'\"" or simple == quote):
        return _SIMPLE[simple]
    if code := found["short"] or found["long"]:
        point = int(code, 16)
        if point < 0x110000 and not 0xD800 <= point < 0xE000:
            return chr(point)
    elif code := found["byte"] or found["octal"]:
        point = int(code, 16 if found["byte"] else 8)
        if point < 0x80:
            return chr(point)
        if point < 0x100:
            raise NotKnownHereError(f"{found[0]} is a byte and no character, which is not known here")
    raise ValueError(f"there is no escape {found[0]}")


def _code(character: str) -> str:
    point = ord(character)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
