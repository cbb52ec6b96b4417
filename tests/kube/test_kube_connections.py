"""Connections are as private as the kubeconfig says, and go through the proxies it names."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from kube_asking import Authority, ask, kubeconfig, version, welcome
from kube_tunnels import tunnels_to
from kube_wire import Exchange, serve

from trialmill.kube.api import KubeApi, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.connect import connect


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_clusters_own_authority_is_trusted(tmp_path: Path, authority: Authority) -> None:
    ask(tmp_path, welcome, "{}", version, tls=authority.server("127.0.0.1"), cluster=", certificate-authority: ca.crt")


async def is_not_trusted(api: KubeApi) -> None:
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        await api.server_version()


@pytest.mark.parametrize("cluster", ["", ", certificate-authority: ca.crt"], ids=["unknown authority", "another name"])
def test_nobody_else_is_trusted(tmp_path: Path, authority: Authority, cluster: str) -> None:
    assert ask(tmp_path, welcome, "{token: t}", is_not_trusted, tls=authority.server("c.test"), cluster=cluster) == []


def test_the_name_on_the_certificate_can_be_given(tmp_path: Path, authority: Authority) -> None:
    cluster = ", certificate-authority: ca.crt, tls-server-name: c.test"
    ask(tmp_path, welcome, "{}", version, tls=authority.server("c.test"), cluster=cluster)


def test_checks_can_be_turned_off(tmp_path: Path, authority: Authority) -> None:
    cluster = ", insecure-skip-tls-verify: true"
    ask(tmp_path, welcome, "{}", version, tls=authority.server("c.test"), cluster=cluster)


def test_a_client_certificate_is_shown(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"  # of its own: other tests have keys in theirs meanwhile
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    cluster = ", certificate-authority: ca.crt"
    tls = authority.server("127.0.0.1", ask_clients=True)
    ask(tmp_path, welcome, authority.client(), version, tls=tls, cluster=cluster)
    assert list(temporary.iterdir()) == []


def test_a_client_certificate_that_is_replaced_in_the_middle_is_shown_from_then_on(
    tmp_path: Path, authority: Authority
) -> None:
    """As client-go reads it again: certificates last a day where somebody rotates them."""
    seen: list[str] = []

    async def handle(exchange: Exchange) -> None:
        (certificate,) = exchange.client_certificates
        seen.append(certificate)
        await welcome(exchange)

    async def story(api: KubeApi) -> None:
        await version(api)
        await version(api)
        authority.client()
        await version(api)
        (tmp_path / "me.key").unlink()
        await version(api)

    tls = authority.server("127.0.0.1", ask_clients=True)
    ask(tmp_path, handle, authority.client(), story, tls=tls, cluster=", certificate-authority: ca.crt")
    assert seen[0] == seen[1] != seen[2] == seen[3]


@pytest.mark.parametrize(
    ("user", "cluster", "message"),
    [
        ("{client-certificate: ca.crt}", "", "has a client certificate without a client-key"),
        ("{client-certificate: ca.crt, client-key: ca.crt}", "", "certificate and key cannot be used; check that"),
        ("{client-certificate: no.crt, client-key: ca.crt}", "", r"the client certificate .*/no\.crt cannot be read"),
        (
            "{}",
            ", certificate-authority: config",
            "certificate authority .*/config is no PEM certificate; get the cluster's own",
        ),
        ("{}", ", certificate-authority: no.crt", r"the certificate authority .*/no\.crt cannot be read"),
        ("{}", ", proxy-url: 'ftp://x'", "the kubeconfig's proxy-url is not the address of a proxy; write it as"),
    ],
)
def test_files_that_cannot_be_used_are_said(
    tmp_path: Path, authority: Authority, user: str, cluster: str, message: str
) -> None:
    async def main() -> None:
        async with connect(
            kubeconfig=kubeconfig(tmp_path, "https://127.0.0.1:1", user, cluster), environment={}
        ) as api:
            await api.server_version()

    with pytest.raises(KubeConfigError, match=message):
        asyncio.run(main())


@pytest.mark.parametrize("where", ["kubeconfig", "environment"])
def test_a_proxy_is_gone_through(tmp_path: Path, where: str) -> None:
    async def main() -> None:
        async with serve(welcome) as proxy:
            cluster = f", proxy-url: '{proxy.url}'" if where == "kubeconfig" else ""
            environment = {"HTTP_PROXY": proxy.url} if where == "environment" else {}
            file = kubeconfig(tmp_path, "http://c.test:6443", "{}", cluster)
            async with connect(kubeconfig=file, environment=environment) as api:
                await version(api)
            assert proxy.requests[0].target == "http://c.test:6443/version"

    asyncio.run(main())


THROUGH = ["http", "https", "socks5", "socks5h"]


def through(
    folder: Path, authority: Authority, scheme: str, story: Callable[[KubeApi], Awaitable[None]], user: str = ""
) -> list[tuple[str, str]]:
    """What a proxy was asked for while a story went on at `https://c.test:6443`, which it alone can find."""

    async def main() -> list[tuple[str, str]]:
        own_tls = authority.server("127.0.0.1") if scheme == "https" else None
        async with (
            serve(welcome, authority.server("other.test")) as server,
            tunnels_to(server.url, user="me:p/w", tls=own_tls) as tunnels,
        ):
            proxy = f", proxy-url: '{scheme}://{user}{tunnels.address}'"
            cluster = f", certificate-authority: ca.crt, tls-server-name: other.test{proxy}"
            file = kubeconfig(folder, "https://c.test:6443", "{token: t}", cluster)
            async with connect(kubeconfig=file, environment={}) as api:
                await story(api)
            return tunnels.asked

    return asyncio.run(main())


@pytest.mark.parametrize("scheme", THROUGH)
def test_a_tunnel_leads_to_the_cluster_and_its_certificate_is_checked(
    tmp_path: Path, authority: Authority, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The authorities of the system, by which the proxy itself is known.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def twice(api: KubeApi) -> None:
        await version(api)
        await version(api)

    assert through(tmp_path, authority, scheme, twice, user="me:p%2Fw@") == [("c.test:6443", "me:p/w")]


@pytest.mark.parametrize("scheme", THROUGH)
def test_a_proxy_that_refuses_is_said_without_its_password(
    tmp_path: Path, authority: Authority, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    async def refused(api: KubeApi) -> None:
        with pytest.raises(UnreachableError, match=r"^https://c\.test:6443: the proxy refused") as raised:
            await api.server_version()
        assert "secret" not in str(raised.value)

    through(tmp_path, authority, scheme, refused, user="me:secret@")


def test_a_proxy_by_tls_must_be_known_to_the_system(tmp_path: Path, authority: Authority) -> None:
    """Not to the cluster's authority, which might sign for anybody."""
    assert through(tmp_path, authority, "https", is_not_trusted, user="me:p%2Fw@") == []


@pytest.mark.parametrize("scheme", THROUGH)
def test_a_proxy_that_is_not_there_is_unreachable(tmp_path: Path, scheme: str) -> None:
    async def main() -> None:
        file = kubeconfig(tmp_path, "https://c.test:6443", "{}", f", proxy-url: '{scheme}://127.0.0.1:1'")
        async with connect(kubeconfig=file, environment={}) as api:
            with pytest.raises(UnreachableError, match=r"the proxy cannot be reached: Connection refused"):
                await api.server_version()

    asyncio.run(main())


async def speak_no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


CAUSES = {
    "nobody listens": ("https://127.0.0.1:1", "Connection refused", "see that the API server runs there"),
    "no TLS": (
        "https://{plain}",
        "no TLS with what answers there: wrong version number",
        "its port, and https or http",
    ),
    "another name": ("https://{tls}", "certificate verify failed: Hostname mismatch", "tls-server-name says it"),
    "another authority": ("https://{other}", "certificate verify failed: unable to get", "has to know it"),
}


@pytest.mark.parametrize(("server", "cause", "remedy"), CAUSES.values(), ids=CAUSES)
def test_each_cause_has_its_own_words_and_remedy(
    tmp_path: Path, authority: Authority, server: str, cause: str, remedy: str
) -> None:
    (tmp_path / "other").mkdir()
    other_authority = Authority(tmp_path / "other")

    async def main() -> None:
        async with (
            await asyncio.start_server(speak_no_tls, "127.0.0.1", 0) as plain,
            serve(welcome, authority.server("127.0.0.1")) as tls,
            serve(welcome, other_authority.server("127.0.0.1")) as other,
        ):
            places = {name: s.url.partition("//")[2] for name, s in (("tls", tls), ("other", other))}
            places["plain"] = f"127.0.0.1:{plain.sockets[0].getsockname()[1]}"
            named = ", tls-server-name: c.test" if "{tls}" in server else ""
            cluster = f", certificate-authority: ca.crt{named}"
            file = kubeconfig(tmp_path, server.format(**places), "{token: s3cr3t}", cluster)
            async with connect(kubeconfig=file, environment={}) as api:
                with pytest.raises(UnreachableError) as raised:
                    await api.server_version()
            assert cause in str(raised.value)
            assert remedy in raised.value.remedy
            assert "_ssl.c" not in str(raised.value)

    asyncio.run(main())


def test_what_the_library_will_not_send_is_no_fault_and_is_not_quoted(tmp_path: Path) -> None:
    """Values are checked before; whatever else the library refuses is kept out of messages and tracebacks."""

    async def main() -> None:
        async with (
            serve(welcome) as server,
            connect(kubeconfig=kubeconfig(tmp_path, server.url), environment={}) as api,
        ):
            with pytest.raises(UnreachableError, match="the request cannot be sent") as raised:
                await api._connection.request("GET", "/version", headers={"X": "s3cr3t\n"})
            assert "s3cr3t" not in str(raised.value)
            assert raised.value.__cause__ is None
            assert raised.value.__suppress_context__

    asyncio.run(main())
