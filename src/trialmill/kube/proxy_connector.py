"""Connections through a proxy: what aiohttp does itself, and what the package for SOCKS adds.

aiohttp speaks to HTTP proxies. A proxy that is itself reached by TLS is to be checked against the system's authorities,
not the cluster's, which aiohttp cannot keep apart; and it knows no SOCKS.
"""

import ssl
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp_socks import ProxyConnector, ProxyType

_TUNNELS: Final = {
    "https": (ProxyType.HTTP, 443),
    "socks5": (ProxyType.SOCKS5, 1080),
    "socks5h": (ProxyType.SOCKS5, 1080),
}


def proxy_of_requests(proxy: str) -> str | None:
    """The proxy that aiohttp itself is to use."""
    return proxy if _scheme(proxy) == "http" else None


def connector_through(proxy: str, tls: ssl.SSLContext) -> aiohttp.TCPConnector | None:
    """Connections through a proxy that aiohttp does not know; None for all others. Names are resolved by the proxy,
    as with kubectl. These connections are not probed: a proxy is near.
    """
    scheme = _scheme(proxy)
    if scheme not in _TUNNELS:
        return None
    kind, usual_port = _TUNNELS[scheme]
    parts = urlsplit(proxy)
    return ProxyConnector(
        host=parts.hostname or "",
        port=parts.port or usual_port,
        proxy_type=kind,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        rdns=True,
        proxy_ssl=ssl.create_default_context() if scheme == "https" else None,
        ssl=tls,
        limit=0,
        keepalive_timeout=30,
    )


def _scheme(proxy: str) -> str:
    """Empty for no proxy."""
    return urlsplit(proxy).scheme
