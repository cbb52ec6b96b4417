"""Runs a kubeconfig's exec plugin and reads the ExecCredential that it prints.

Source: kubernetes.io, "client-go credential plugins". The plugin's output is secret and never quoted; of what it says
on stderr the last words are, since they tell the user what to do ("run `aws sso login`").
"""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trialmill.api.tree import Json, JsonObject, get, get_string, is_object
from trialmill.kube.configuration import ExecPlugin, KubeConfigError, Server
from trialmill.kube.headers import sendable

VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
PATIENCE: Final = 120.0
"""Seconds that a plugin gets: some send their user to a browser."""
_LAST_BREATH: Final = 2.0
_LAST_OUTPUT: Final = 0.5
"""Seconds after a plugin's end in which all that it has printed has come."""
_STDERR: Final = 2
_BY_HAND: Final = "run it by hand to see why: kubectl runs it too"
_LAST_WORDS: Final = 300
_SECRET: Final = re.compile(r"eyJ[\w.~+/=-]{16,}|[A-Za-z0-9_~+/=.-]{40,}")
"""What might be a token: a JWT, or any long run of letters that tokens are written in."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin gave. Certificate and key are PEM."""

    token: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    expires: datetime | None = None


async def run_plugin(plugin: ExecPlugin, server: Server, patience: float = PATIENCE) -> Credential:
    """A fresh credential. Raises KubeConfigError in plain words."""
    if plugin.api_version not in VERSIONS:
        raise KubeConfigError(
            f"the exec plugin {plugin.command!r} speaks {plugin.api_version or 'no version'!r}, which is not supported",
            f"update it, so that the kubeconfig says apiVersion: {VERSIONS[0]}",
        )
    if plugin.interactive_mode == "Always":
        raise KubeConfigError(
            f"the exec plugin {plugin.command!r} needs a terminal (interactiveMode: Always), and gets none here",
            "take another context, or a plugin that keeps its login",
        )
    transport, run = await _start(plugin, server)
    try:
        async with asyncio.timeout(patience):
            await run.exited.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_OUTPUT):
                await run.closed.wait()
    except TimeoutError:
        raise KubeConfigError(
            f"the exec plugin {plugin.command!r} did not answer within {patience:g} seconds", _BY_HAND
        ) from None
    finally:
        await _end(transport, run)
    if code := transport.get_returncode():
        words = last_words(bytes(run.errors))
        said = f": {words}" if words else ""
        message = f"the exec plugin {plugin.command!r} failed (exit code {code}){said}"
        raise KubeConfigError(message, "do what it says: kubectl runs it too" if words else _BY_HAND)
    return _credential(plugin, bytes(run.output))


class _Run(asyncio.SubprocessProtocol):
    """What a plugin prints, and its own end, which is not the end of its output: a child that it leaves behind, such as
    an agent that keeps a login, may hold that open. kubectl would wait for the child; nobody needs to.
    """

    def __init__(self) -> None:
        self.output, self.errors = bytearray(), bytearray()
        self.exited, self.closed = asyncio.Event(), asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.errors if fd == _STDERR else self.output).extend(data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- it has been read to its end, or not
        self.closed.set()


async def _end(transport: asyncio.SubprocessTransport, run: _Run) -> None:
    """A plugin that still runs ends with everything that it has started; what one that is over has left goes on."""
    if not run.exited.is_set():
        with suppress(ProcessLookupError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_BREATH):
                await run.exited.wait()
    transport.close()


async def _start(plugin: ExecPlugin, server: Server) -> tuple[asyncio.SubprocessTransport, _Run]:
    environment = os.environ | dict(plugin.environment) | {"KUBERNETES_EXEC_INFO": json.dumps(_info(plugin, server))}
    # A command with a separator in it is relative to the kubeconfig; a bare one is looked up.
    command = str(plugin.folder / plugin.command) if os.sep in plugin.command else plugin.command
    path = shutil.which(command, path=environment.get("PATH"))
    if path is None:
        raise KubeConfigError(
            f"the exec plugin {plugin.command!r}, which the kubeconfig gets its credentials from, is not there",
            plugin.install_hint or "install it, or use another context",
        )
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.get_running_loop().subprocess_exec(
            _Run,
            path,
            *plugin.arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
        )
    except OSError as error:
        message = f"the exec plugin {plugin.command!r} cannot be started: {error.strerror}"
        raise KubeConfigError(message, "see whether it runs on this machine") from None


def _info(plugin: ExecPlugin, server: Server) -> JsonObject:
    """What a plugin is told about the request."""
    specification: JsonObject = {"interactive": False}
    if plugin.provide_cluster:
        cluster: JsonObject = {"server": server.url, "config": plugin.cluster_config}
        ca = server.ca.read("certificate authority")
        cluster |= {"certificate-authority-data": base64.b64encode(ca).decode()} if ca else {}
        cluster |= {"insecure-skip-tls-verify": True} if server.insecure else {}
        cluster |= {"tls-server-name": server.tls_name} if server.tls_name else {}
        cluster |= {"proxy-url": server.proxy} if server.proxy else {}
        specification["cluster"] = cluster
    return {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": specification}


def _credential(plugin: ExecPlugin, output: bytes) -> Credential:
    try:
        tree: Json = json.loads(output)
    except ValueError:
        tree = None
    if not is_object(tree) or tree.get("kind") != "ExecCredential":
        raise KubeConfigError(f"the exec plugin {plugin.command!r} printed no ExecCredential", _BY_HAND)
    credential = Credential(
        token=sendable(get_string(tree, "status", "token").strip(), f"the token of the exec plugin {plugin.command!r}"),
        certificate=get_string(tree, "status", "clientCertificateData").encode("utf-8", "replace"),
        key=get_string(tree, "status", "clientKeyData").encode("utf-8", "replace"),
        expires=_time(get(tree, "status", "expirationTimestamp")),
    )
    if not credential.token and not (credential.certificate and credential.key):
        message = f"the exec plugin {plugin.command!r} gave neither a token nor a certificate with its key"
        raise KubeConfigError(message, _BY_HAND)
    return credential


def _time(value: Json) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time and time.tzinfo else None


def last_words(errors: bytes) -> str:
    """The end of what a plugin said, with whatever might be a secret blacked out."""
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    return _SECRET.sub("[...]", " ".join(lines[-3:]))[-_LAST_WORDS:]
