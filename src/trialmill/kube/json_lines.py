"""A stream of bytes as JSON values, one a line: how the API server sends the events of a watch."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from trialmill.api.tree import Json
from trialmill.kube.api import UnreachableError

LONGEST: Final = 64 << 20
"""Bytes of a line; objects are limited to some megabytes by etcd."""


async def json_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Json, None]:
    """The values. Raises UnreachableError for what is no JSON: a stream that was cut within a line, or another's."""
    parts: list[bytes] = []
    length = 0
    async for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = b"".join([*parts, line])
            parts, length = [], 0
            if whole.strip():
                yield _value(whole)
        if rest:
            parts.append(rest)
            length += len(rest)
        if length > LONGEST:
            raise UnreachableError("the server sent an event of more than 64 MiB")
    if last := b"".join(parts).strip():
        yield _value(last)


def _value(line: bytes) -> Json:
    try:
        value: Json = json.loads(line)
    except ValueError:
        raise UnreachableError("the stream of events was cut, or is no JSON") from None
    return value
