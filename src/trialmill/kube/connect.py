"""From a kubeconfig to a client: the one function that callers need."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.credentials import credentials_for
from trialmill.kube.kubeconfig import find_access
from trialmill.kube.proxies import proxy_for

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
    home = Path(environment.get("HOME") or Path.home())
    access = find_access(context, kubeconfig, environment=environment, home=home)
    try:
        from trialmill.kube.connection import Connection
        from trialmill.kube.http_api import HttpKubeApi
    except ModuleNotFoundError as error:
        if error.name not in ("aiohttp", "aiohttp_socks"):
            raise
        raise KubeConfigError(
            "the package that talks to clusters is not installed", "pip install 'trialmill[kubernetes]'"
        ) from None
    if namespace:
        access = replace(access, namespace=namespace)
    proxy = access.server.proxy or proxy_for(access.server.url, environment)
    return HttpKubeApi(Connection(access.server, credentials_for(access), proxy), access.namespace)
