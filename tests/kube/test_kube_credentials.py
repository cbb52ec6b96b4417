"""Credentials are found, sent, renewed once, and never shown."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kube_asking import Authority, ask, kubeconfig, version, welcome
from kube_wire import Exchange, Handler

from trialmill.api.tree import JsonObject
from trialmill.kube.api import KubeApi, KubeError
from trialmill.kube.configuration import Access, ExecPlugin, KubeConfigError, Pem, Server, User
from trialmill.kube.connect import connect
from trialmill.kube.credentials import credentials_for
from trialmill.kube.exec_plugin import last_words, run_plugin

V1 = "client.authentication.k8s.io/v1"
UNAUTHORIZED: JsonObject = {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized", "code": 401}


def plugin_file(folder: Path, script: str) -> Path:
    """An exec plugin: a few lines of sh, which leave a mark for each run."""
    file = folder / "plugin"
    file.write_text(f'#!/bin/sh\necho run >> "{folder}/runs"\n{script}\n')
    file.chmod(0o755)
    return file


def runs(folder: Path) -> int:
    return (folder / "runs").read_text().count("run") if (folder / "runs").exists() else 0


def prints(status: str) -> str:
    return f"""echo '{{"apiVersion": "{V1}", "kind": "ExecCredential", "status": {status}}}'"""


def only(*tokens: str) -> Handler:
    """A server that takes these tokens, one after the other: each is good for one request."""
    left = list(tokens)

    async def handle(exchange: Exchange) -> None:
        if left and exchange.request.headers.get("authorization") == f"Bearer {left[0]}":
            left.pop(0)
            await welcome(exchange)
        else:
            await exchange.answer(401, UNAUTHORIZED)

    return handle


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("{token: t1}", "Bearer t1"),
        ("{username: me, password: pw}", "Basic bWU6cHc="),
        ("{token: t1, username: me, password: pw}", "Bearer t1"),
        ("{}", None),
    ],
)
def test_tokens_and_passwords_are_sent(tmp_path: Path, user: str, header: str | None) -> None:
    requests = ask(tmp_path, welcome, user, version)
    assert [r.headers.get("authorization") for r in requests] == [header]


def test_another_identity_is_asked_for(tmp_path: Path) -> None:
    (request,) = ask(tmp_path, welcome, "{token: t, as: root}", version)
    assert request.headers["impersonate-user"] == "root"


def test_a_token_that_is_refused_cannot_be_renewed(tmp_path: Path) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(KubeError) as refused:
            await api.server_version()
        assert refused.value.status == 401
        assert "t1" not in str(refused.value)

    assert len(ask(tmp_path, only(), "{token: t1}", story)) == 1


def test_a_token_file_is_read_again_when_it_is_rotated(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t1\n")

    async def story(api: KubeApi) -> None:
        await version(api)
        (tmp_path / "token").write_text("t2\n")
        await version(api)

    assert len(ask(tmp_path, only("t1", "t2"), "{tokenFile: token}", story)) == 2


def test_a_token_file_that_is_gone_is_said(tmp_path: Path) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(KubeConfigError, match=r"the token file .*/token cannot be read: No such file"):
            await api.server_version()

    assert ask(tmp_path, welcome, "{tokenFile: token}", story) == []


def exec_user(command: str) -> str:
    return f"{{exec: {{apiVersion: {V1}, command: {command}, args: [x]}}}}"


def test_a_plugin_runs_once_for_many_requests(tmp_path: Path) -> None:
    plugin_file(tmp_path, prints('{"token": "t1"}'))

    async def story(api: KubeApi) -> None:
        await asyncio.gather(*[version(api) for _ in range(5)])

    assert len(ask(tmp_path, only(*["t1"] * 5), exec_user("./plugin"), story)) == 5
    assert runs(tmp_path) == 1


def test_a_plugin_runs_again_after_a_refusal_and_the_request_is_sent_again_once(tmp_path: Path) -> None:
    plugin_file(tmp_path, prints("""{"token": "t'$(wc -l < "$(dirname "$0")/runs" | tr -d " ")'"}"""))

    async def story(api: KubeApi) -> None:
        await version(api)
        await version(api)
        with pytest.raises(KubeError, match="Unauthorized"):
            await api.server_version()

    assert len(ask(tmp_path, only("t1", "t2"), exec_user("./plugin"), story)) == 5
    assert runs(tmp_path) == 3


def test_many_refusals_at_once_run_the_plugin_once(tmp_path: Path) -> None:
    plugin_file(tmp_path, prints('{"token": "t1"}'))
    user = User(plugin=ExecPlugin(V1, "./plugin", folder=tmp_path))

    async def story() -> None:
        credentials = credentials_for(Access(Server("http://x"), user))
        first = await credentials.proof()
        renewed = await asyncio.gather(*[credentials.renewed(first) for _ in range(5)])
        assert {proof.number for proof in renewed if proof} == {2}

    asyncio.run(story())
    assert runs(tmp_path) == 2


def test_a_credential_that_expires_is_renewed_before_it_is_sent(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    plugin_file(tmp_path, prints('{"token": "t1", "expirationTimestamp": "2026-01-01T13:00:00Z"}'))
    user = User(plugin=ExecPlugin(V1, "./plugin", folder=tmp_path))

    async def story() -> None:
        time = [now]
        credentials = credentials_for(Access(Server("http://x"), user), now=lambda: time[0])
        for minutes, expected in ((0, 1), (59, 1), (60, 2)):
            time[0] = now + timedelta(minutes=minutes)
            await credentials.proof()
            assert runs(tmp_path) == expected

    asyncio.run(story())


def test_a_plugin_is_told_what_it_may_know(tmp_path: Path) -> None:
    plugin_file(tmp_path, f'printf "%s" "$KUBERNETES_EXEC_INFO$K" > "{tmp_path}/info"; ' + prints('{"token": "t"}'))
    plugin = ExecPlugin(V1, "./plugin", environment=(("K", "!"),), provide_cluster=True, folder=tmp_path)
    asyncio.run(run_plugin(plugin, Server("https://c.test", tls_name="n", proxy="http://p")))
    info = (tmp_path / "info").read_text()
    assert info.endswith("!")
    assert json.loads(info[:-1]) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://c.test", "tls-server-name": "n", "proxy-url": "http://p", "config": None},
        },
    }


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param(
            "echo 'run: aws sso login' >&2; exit 7",
            r"failed \(exit code 7\): run: aws sso login; do what it says",
            id="fails",
        ),
        pytest.param("exit 1", r"failed \(exit code 1\); run it by hand", id="fails without a word"),
        pytest.param("echo s3cr3t", "printed no ExecCredential; run it by hand", id="prints something else"),
        pytest.param(
            prints("{}"), "gave neither a token nor a certificate with its key; run it by hand", id="prints nothing"
        ),
        pytest.param("exec sleep 60", "did not answer within 0.5 seconds; run it by hand", id="hangs"),
    ],
)
def test_what_a_plugin_does_wrong_is_said(tmp_path: Path, script: str, message: str) -> None:
    plugin_file(tmp_path, script)
    patience = 0.5 if "sleep" in script else 60
    with pytest.raises(KubeConfigError, match=message) as wrong:
        asyncio.run(run_plugin(ExecPlugin(V1, "./plugin", folder=tmp_path), Server("https://c.test"), patience))
    assert "s3cr3t" not in str(wrong.value)


def test_a_plugin_that_hangs_in_a_child_of_its_own_is_not_waited_for(tmp_path: Path) -> None:
    """A shell script that calls a program, for one: the program has the script's output."""
    plugin_file(tmp_path, "sleep 60; echo")
    plugin = ExecPlugin(V1, "./plugin", folder=tmp_path)
    with pytest.raises(KubeConfigError, match=r"did not answer within 0\.5 seconds"):
        asyncio.run(asyncio.wait_for(run_plugin(plugin, Server("https://c.test"), 0.5), 30))


@pytest.mark.parametrize("end", ["", "; echo no login >&2; exit 3"], ids=["that gives a token", "that fails"])
def test_what_a_plugin_leaves_behind_is_neither_waited_for_nor_ended(tmp_path: Path, end: str) -> None:
    """An agent that keeps a login, for one: it has the plugin's output, and holds it open."""
    plugin_file(tmp_path, f'sleep 60 & echo $! > "{tmp_path}/left"; ' + prints('{"token": "t"}') + end)
    plugin = ExecPlugin(V1, "./plugin", folder=tmp_path)

    async def story() -> str:
        try:
            return (await asyncio.wait_for(run_plugin(plugin, Server("https://c.test")), 20)).token
        except KubeConfigError as error:
            return error.message

    said = asyncio.run(story())
    os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)  # fails where it is gone
    assert said == ("the exec plugin './plugin' failed (exit code 3): no login" if end else "t")


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (ExecPlugin(V1, "no-such-plugin"), "is not there; install it, or use another context"),
        (ExecPlugin(V1, "no-such-plugin", install_hint="brew install it"), "is not there; brew install it"),
        (ExecPlugin("client.authentication.k8s.io/v1alpha1", "sh"), "v1alpha1', which is not supported; update it"),
        (ExecPlugin(V1, "sh", interactive_mode="Always"), "needs a terminal"),
    ],
)
def test_a_plugin_that_cannot_run_is_said(plugin: ExecPlugin, message: str) -> None:
    with pytest.raises(KubeConfigError, match=message):
        asyncio.run(run_plugin(plugin, Server("https://c.test")))


def test_what_may_be_a_token_is_blacked_out_in_a_plugins_words() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"  # noqa: S105 -- nobody's
    assert last_words(f"one\ntwo\nthe token {token} is old\nlog in".encode()) == "two the token [...] is old log in"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_certificate_from_a_plugin_is_shown_and_replaced(tmp_path: Path, authority: Authority) -> None:
    plugin_file(tmp_path, f"cat {tmp_path}/credential.json")

    def issue() -> None:
        authority.client()
        pems = [(tmp_path / name).read_text() for name in ("me.crt", "me.key")]
        status = {"clientCertificateData": pems[0], "clientKeyData": pems[1]}
        (tmp_path / "credential.json").write_text(json.dumps({"kind": "ExecCredential", "status": status}))

    issue()
    seen: list[int] = []

    async def handle(exchange: Exchange) -> None:
        seen.append(1)
        await (exchange.answer(401, UNAUTHORIZED) if len(seen) == 2 else welcome(exchange))

    async def story(api: KubeApi) -> None:
        await version(api)
        issue()
        await version(api)

    cluster = ", certificate-authority: ca.crt"
    tls = authority.server("127.0.0.1", ask_clients=True)
    ask(tmp_path, handle, exec_user("./plugin"), story, tls=tls, cluster=cluster)
    assert (len(seen), runs(tmp_path)) == (3, 2)


def test_the_namespace_can_be_given(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "http://127.0.0.1:1")
    assert connect(kubeconfig=file, namespace="team").namespace == "team"
    assert connect(kubeconfig=file).namespace == "default"


def test_without_the_extra_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kubeconfig(tmp_path, "http://127.0.0.1:1")
    for module in [name for name in sys.modules if name.split(".")[0] == "aiohttp"]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("connection", "discovery", "failures", "http_api", "proxied"):
        monkeypatch.delitem(sys.modules, f"trialmill.kube.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(KubeConfigError, match=r"is not installed; pip install 'trialmill\[kubernetes\]'"):
        connect(kubeconfig=file)


def test_a_plugin_whose_cluster_has_no_readable_authority_is_said(tmp_path: Path) -> None:
    plugin = ExecPlugin(V1, "sh", provide_cluster=True)
    with pytest.raises(KubeConfigError, match=r"the certificate authority .* cannot be read"):
        asyncio.run(run_plugin(plugin, Server("https://c.test", ca=Pem(tmp_path / "no.crt"))))


def test_nothing_heavy_is_imported_before_a_connection_is_made() -> None:
    program = "import sys, trialmill.kube.connect; print('aiohttp' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed == "False\n"
