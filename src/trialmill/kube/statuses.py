"""Refusals in the server's own words: from HTTP answers and from ERROR events to KubeError."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import responses
from typing import Final

from trialmill.api.tree import Json, JsonObject, get_integer, get_list, get_string, is_object
from trialmill.kube.api import Cause, ExpiredError, KubeError

_EXPIRED: Final = ("Expired", "Gone")
_DIGITS: Final = 7
"""Of a number of seconds that is taken for a mistake."""
_QUOTE: Final = 300
"""Characters of an answer that is not Kubernetes' own, such as a load balancer's page."""


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """The error that an answer of 400 and above stands for."""
    try:
        tree: Json = json.loads(body)
    except ValueError:
        tree = None
    after = _retry_after(headers)
    if is_object(tree) and tree.get("kind") == "Status":
        return error_of(tree, status=status, retry_after=after)
    text = " ".join(body.decode("utf-8", "replace").split())[:_QUOTE]
    phrase = responses.get(status, f"HTTP {status}")
    return _error(status, phrase.replace(" ", ""), text or phrase, after, ())


def error_of(tree: JsonObject, *, status: int = 0, retry_after: timedelta | None = None) -> KubeError:
    """The error that a Status stands for. The answer's own status wins over the one in its body."""
    seconds = get_integer(tree, ("details", "retryAfterSeconds"), 0)
    after = retry_after or (timedelta(seconds=seconds) if seconds > 0 else None)
    causes = tuple(
        Cause(get_string(c, "field"), get_string(c, "reason"), get_string(c, "message"))
        for c in get_list(tree, "details", "causes")
    )
    code = status or get_integer(tree, ("code",), 500)
    return _error(code, get_string(tree, "reason"), get_string(tree, "message"), after, causes)


def _error(
    status: int, reason: str, message: str, retry_after: timedelta | None, causes: tuple[Cause, ...]
) -> KubeError:
    kind = ExpiredError if status == HTTPStatus.GONE or reason in _EXPIRED else KubeError
    return kind(status, reason, message, retry_after=retry_after, causes=causes)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """`Retry-After` (RFC 9110, 10.2.3): seconds, as API servers write it, or a date, as some gateways do. The date is
    measured from the answer's own `Date`, so that it does not matter what time it is here.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return timedelta(seconds=int(value)) if len(value) < _DIGITS else None
    until = _date(value)
    if until is None:
        return None
    return max(until - (_date(headers.get("date", "")) or datetime.now(UTC)), timedelta(0))


def _date(value: str) -> datetime | None:
    """An HTTP date, such as `Wed, 21 Oct 2026 07:28:00 GMT`; None for anything else."""
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    # Those of HTTP are in GMT, also where they do not say so.
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def warnings_of(values: list[str]) -> tuple[str, ...]:
    """The texts of `Warning: 299 - "text"` headers."""
    texts = []
    for value in values:
        _, quote, rest = value.partition('"')
        if not quote:
            texts.append(value)
            continue
        text, escaped = "", False
        for letter in rest:
            if letter == '"' and not escaped:
                break
            escaped = letter == "\\" and not escaped
            text += "" if escaped else letter
        texts.append(text)
    return tuple(dict.fromkeys(texts))


def with_type(item: Json, api_version: str, kind: str) -> JsonObject:
    """A list's item as an object of its own; lists leave out what they say once."""
    if not is_object(item):
        return {}
    return {"apiVersion": api_version, "kind": kind, **item} if "kind" not in item else item
