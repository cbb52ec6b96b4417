"""What can stand in a request's header: the rules of Go's client, which kubectl is made with.

Source: RFC 9110, 5.5; golang.org/x/net/http/httpguts; client-go's `transport.headerKeyEscape`.
"""

import re
from typing import Final

from trialmill.kube.configuration import KubeConfigError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_TOKEN: Final = frozenset(b"!#$&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def sendable(value: str, what: str) -> str:
    """The value, which goes as UTF-8. Raises KubeConfigError, which names `what` it is, and never the value."""
    if _CONTROL.search(value) or not is_unicode(value):
        raise KubeConfigError(
            f"{what} holds a character that cannot be sent, such as the end of a line", "write it anew, on one line"
        )
    return value


def escaped_key(key: str) -> str:
    """A key as a part of a header's name: what names cannot hold becomes `%` and two digits for each byte."""
    return "".join(chr(byte) if byte in _TOKEN else f"%{byte:02X}" for byte in key.encode())


def is_unicode(value: str) -> bool:
    """Half a surrogate pair, which YAML can write, is no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
