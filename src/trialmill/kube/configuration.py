"""Which cluster, as whom, in which namespace: what a kubeconfig or a pod's service account says.

A frozen `Access` is what comes out; files with keys and tokens are only named here, and read by those who need them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trialmill.api.tree import Json
from trialmill.kube.api import KubeError

IN_CLUSTER: Final = "in-cluster"
"""The context's name for the service account of the pod that this runs in."""


class KubeConfigError(KubeError):
    """The way to the cluster is not known or not usable: one plain sentence, and what to do about it. Counts as HTTP
    401, so that who handles refusals handles credentials that are gone in the middle of a run as well.

    Never holds a token, a password or a key.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(401, "Unauthorized", f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Pem:
    """Certificates or a key: a file, or the text itself, which wins. Empty where neither is there."""

    file: Path | None = None
    data: bytes = field(default=b"", repr=False)

    def __bool__(self) -> bool:
        return bool(self.data) or self.file is not None

    def read(self, what: str) -> bytes:
        """The text; `what` it is, for the message of a KubeConfigError."""
        if self.data or self.file is None:
            return self.data
        try:
            return self.file.read_bytes()
        except OSError as error:
            raise KubeConfigError(
                f"the {what} {self.file} cannot be read: {error.strerror}",
                "put the file there, or correct its name in the kubeconfig",
            ) from None


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach the API server, and how to know that it is the right one.

    `ca` is empty for the system's certificates. `proxy` is what the file asks for; empty leaves it to the environment.
    """

    url: str
    ca: Pem = Pem()
    insecure: bool = False
    tls_name: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that prints an ExecCredential. `folder` is what a relative command is relative to."""

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    interactive_mode: str = ""
    provide_cluster: bool = False
    cluster_config: Json = None
    folder: Path = Path()


@dataclass(frozen=True, slots=True)
class User:
    """How to prove who is asking. A token file wins over a token, both over a password, all over a plugin. A token
    that stands beside a token file is used while the file cannot be read.
    """

    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: Pem = Pem()
    key: Pem = Pem()
    plugin: ExecPlugin | None = None
    impersonate: tuple[tuple[str, str], ...] = ()
    """Headers that ask to act as somebody else."""


@dataclass(frozen=True, slots=True)
class Access:
    """A cluster, a user and a namespace. `files` are the kubeconfigs that say so, absolute; none for a pod's service
    account.
    """

    server: Server
    user: User
    namespace: str = "default"
    context: str = ""
    files: tuple[Path, ...] = ()
