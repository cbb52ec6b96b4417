"""`printf`: the verbs that texts and integers need."""

import re
from collections.abc import Sequence
from typing import Final

from trialmill.forms.go_template.errors import ErrorKind
from trialmill.forms.go_template.literals import write_quoted
from trialmill.forms.go_template.values import Opaque, UnfitValueError, Value, describe, refuse_opaque, text_of

_VERB: Final = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>[0-9]*)(?P<precision>\.[0-9]*)?(?P<verb>.?)", re.DOTALL)


def format_text(pattern: str, values: Sequence[Value]) -> str:
    """The pattern with its verbs filled in. Where Go would write its complaint into the text, this raises."""
    rest = list(values)
    text = _VERB.sub(lambda found: "%" if found[0] == "%%" else _formatted(found, rest), pattern)
    if rest:
        raise UnfitValueError(ErrorKind.PRINTF, f"printf got {len(rest)} more values than its format has verbs")
    return text


def _formatted(found: re.Match[str], values: list[Value]) -> str:
    verb, width = found["verb"], found["width"]
    if verb not in ("s", "v", "d", "q") or found["precision"] or (verb != "d" and found["flags"] + width):
        raise UnfitValueError(
            ErrorKind.UNSUPPORTED,
            f"printf does not know {found[0]} here",
            "use %s, %v, %d, %q or %%",
        )
    if not values:
        raise UnfitValueError(ErrorKind.PRINTF, f"printf has no value for {found[0]}")
    value = values.pop(0)
    match verb, value:
        case "s", str() | Opaque():
            return text_of(value)
        case "v", _:
            return text_of(value)
        case "q", str():
            return write_quoted(value)
        case "d", int() if not isinstance(value, bool):
            return _padded(value, found["flags"], width)
    refuse_opaque(value, f"formatted with {found[0]}")
    wanted = "an integer" if verb == "d" else "a string"
    raise UnfitValueError(ErrorKind.PRINTF, f"{found[0]} formats {wanted}, found {describe(value)}", "use %v")


def _padded(value: int, flags: str, width: str) -> str:
    if set(flags) - set("-0") or len(width) > 2:
        raise UnfitValueError(ErrorKind.UNSUPPORTED, f"printf does not know %{flags}{width}d here", "use %d or %03d")
    if "-" in flags:
        return str(value).ljust(int(width or 0))
    return str(value).zfill(int(width or 0)) if "0" in flags else str(value).rjust(int(width or 0))
