"""What tests of credentials and connections share: a kubeconfig, a certificate authority, one question to a server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import trustme
from kube_wire import Exchange, Handler, Request, serve

from trialmill.kube.api import KubeApi
from trialmill.kube.connect import connect


def kubeconfig(folder: Path, url: str, user: str = "{}", cluster: str = "") -> Path:
    file = folder / "config"
    file.write_text(
        "current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {{server: '{url}'{cluster}}}}}]\nusers: [{{name: u, user: {user}}}]\n"
    )
    return file


def ask(
    folder: Path,
    handler: Handler,
    user: str,
    story: Callable[[KubeApi], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
    cluster: str = "",
    environment: dict[str, str] | None = None,
) -> list[Request]:
    async def main() -> list[Request]:
        async with serve(handler, tls) as server:
            file = kubeconfig(folder, server.url, user, cluster)
            async with connect(kubeconfig=file, environment=environment or {}) as api:
                await story(api)
            return server.requests

    return asyncio.run(main())


async def version(api: KubeApi) -> None:
    assert await api.server_version() == "v1"


async def welcome(exchange: Exchange) -> None:
    await exchange.answer(200, {"gitVersion": "v1"})


class Authority:
    """A certificate authority and servers that show its certificates."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.file = folder / "ca.crt"
        self.ca.cert_pem.write_to_path(str(self.file))
        self.folder = folder

    def server(self, *names: str, ask_clients: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.issue_cert(*names).configure_cert(context)
        if ask_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            self.ca.configure_trust(context)
        return context

    def client(self) -> str:
        """A user with a certificate."""
        issued = self.ca.issue_cert("me@x")
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "me.crt"))
        issued.private_key_pem.write_to_path(str(self.folder / "me.key"))
        return "{client-certificate: me.crt, client-key: me.key}"
