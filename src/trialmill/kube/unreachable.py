"""What the HTTP libraries raise when there is no whole answer, as UnreachableError in plain words."""

import os
import ssl
from types import TracebackType
from typing import Final

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from trialmill.kube.api import UnreachableError

CONNECT_SECONDS: Final = 10.0
_KUBECONFIG: Final = "see whether the server in the kubeconfig is right"
_ANOTHER_NAME: Final = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and ..._IP_ADDRESS_MISMATCH."""
_ANOTHER_TIME: Final = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and ..._HAS_EXPIRED."""
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
            raise UnreachableError(f"{self._server}: {_cause(error)}", _remedy(error)) from error


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
            return _of_certificate(error.certificate_error)
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS with what answers there: {_reason(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return _reason(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before the answer"
        case _:
            return str(error) or type(error).__name__


def _remedy(error: BaseException) -> str:
    match error:
        case aiohttp.ClientHttpProxyError() | ProxyError():
            return "ask whoever runs the proxy, or correct its name and password where its address is"
        case aiohttp.ClientProxyConnectionError() | ProxyConnectionError():
            return "see that the proxy runs: the kubeconfig's proxy-url names it, or HTTPS_PROXY"
        case aiohttp.ClientConnectorCertificateError():
            return _remedy_for_certificate(error.certificate_error)
        case aiohttp.ClientConnectorDNSError():
            return f"{_KUBECONFIG}, and whether this network knows the name (a VPN?)"
        case aiohttp.ConnectionTimeoutError():
            return f"{_KUBECONFIG}, and whether this network leads there (a VPN, a proxy?)"
        case aiohttp.ClientConnectorSSLError():
            return f"{_KUBECONFIG}: its port, and https or http"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"see that the API server runs there, and {_KUBECONFIG.removeprefix('see ')}"
        case _:
            return ""


def _of_certificate(error: BaseException) -> str:
    message = getattr(error, "verify_message", "")
    return f"certificate verify failed: {message.rstrip('.')}" if message else str(error)


def _remedy_for_certificate(error: BaseException) -> str:
    code = getattr(error, "verify_code", 0)
    if code in _ANOTHER_NAME:
        return f"{_KUBECONFIG}; where the name on the certificate is another one on purpose, tls-server-name says it"
    if code in _ANOTHER_TIME:
        return "see that this machine's clock is right; else the server's certificate has to be renewed"
    return (
        "the kubeconfig's certificate-authority, or the system's without one, has to know it: get the kubeconfig again"
    )


def _origin(error: BaseException) -> BaseException:
    """What an error was raised from, at the very beginning."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _reason(error: BaseException) -> str:
    """The system's own word, where there is one: names that do not resolve and TLS have no number of the system's."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
