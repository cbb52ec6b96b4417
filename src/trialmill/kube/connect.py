"""From a kubeconfig to a client: the one function that callers need."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trialmill.kube.configuration import Access, KubeConfigError
from trialmill.kube.credentials import credentials_for
from trialmill.kube.kubeconfig import find_access
from trialmill.kube.proxies import is_usable_proxy, proxy_for

if TYPE_CHECKING:
    from trialmill.kube.http_api import HttpKubeApi


def connect(
    context: str | None = None,
    namespace: str | None = None,
    kubeconfig: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
) -> "HttpKubeApi":
    """A client for the cluster that kubectl would talk to. No request is made yet.

    Raises KubeConfigError where there is no way to a cluster: no kubeconfig, an unknown context, files that cannot be
    read. aiohttp is imported here (0.1 s), so that commands which need no cluster do not pay for it.
    """
    access = find_access(context, kubeconfig, environment=environment, home=home_of(environment))
    return client_for(replace(access, namespace=namespace) if namespace else access, environment=environment)


def client_for(access: Access, *, environment: Mapping[str, str] = os.environ) -> "HttpKubeApi":
    """A client with this access; no request is made yet. Raises KubeConfigError for what is known to be of no use."""
    proxy = _proxy(access, environment)
    credentials = credentials_for(access)
    try:
        from trialmill.kube.connection import Connection
        from trialmill.kube.http_api import HttpKubeApi
    except ModuleNotFoundError as error:
        if error.name not in ("aiohttp", "aiohttp_socks"):
            raise
        raise KubeConfigError(
            "the package that talks to clusters is not installed", "pip install 'trialmill[kubernetes]'"
        ) from None
    return HttpKubeApi(Connection(access.server, credentials, proxy), access.namespace)


def home_of(environment: Mapping[str, str]) -> Path:
    """Where `.kube/config` may be. In a pod, a user may have neither HOME nor an entry among the system's users."""
    try:
        return Path(environment.get("HOME") or Path.home())
    except RuntimeError:
        return Path("/")


def _proxy(access: Access, environment: Mapping[str, str]) -> str:
    """The proxy's address. Messages name no address: it may hold a password."""
    proxy = access.server.proxy or proxy_for(access.server.url, environment)
    if proxy and not is_usable_proxy(proxy):
        scheme = access.server.url.partition(":")[0].upper()
        source = "the kubeconfig's proxy-url" if access.server.proxy else f"the environment's {scheme}_PROXY"
        raise KubeConfigError(
            f"{source} is not the address of a proxy", "write it as http://HOST:PORT, or with https:// or socks5://"
        )
    return proxy
