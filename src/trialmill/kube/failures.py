"""What the HTTP libraries raise when there is no whole answer, as UnreachableError in plain words."""

import os
import ssl
from types import TracebackType
from typing import Final

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from trialmill.kube.api import UnreachableError

CONNECT_SECONDS: Final = 10.0
_RAISED: Final = (aiohttp.ClientError, OSError, ProxyConnectionError, ProxyError, ProxyTimeoutError)


class mapped:  # noqa: N801 -- used like a function, and cheaper than a generator
    """Turns what the libraries raise into UnreachableError, with the server's address and no more than a cause. Their
    own words are avoided where they name functions, or addresses of proxies, which may hold passwords.
    """

    __slots__ = ("_server",)

    def __init__(self, server: str) -> None:
        self._server = server

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _RAISED):
            raise UnreachableError(f"{self._server}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    match error:
        case aiohttp.ConnectionTimeoutError() | ProxyTimeoutError():
            return f"no connection within {CONNECT_SECONDS:g} seconds"
        case TimeoutError():
            return "no answer for too long"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refused: {error.status} {error.message}"
        case ProxyError():
            return f"the proxy refused: {error}"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy cannot be reached: {_reason(error.os_error)}"
        case ProxyConnectionError():
            return f"the proxy cannot be reached: {_reason(_origin(error))}"
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientConnectorError():
            return _reason(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before the answer"
        case _:
            return str(error) or type(error).__name__


def _origin(error: BaseException) -> BaseException:
    """What an error was raised from, at the very beginning."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _reason(error: BaseException) -> str:
    """The system's own word, where there is one: names that do not resolve and TLS have no number of the system's."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
