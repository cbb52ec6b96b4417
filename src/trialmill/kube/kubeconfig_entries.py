"""A cluster and a user of a kubeconfig: what kubectl reads of their entries, with the types that it asks for.

A value of another type is an error, as with kubectl: a token that was written as a number would otherwise be a user
without a token. No message quotes a value that may be a secret.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from trialmill.api.tree import Json, JsonObject, get_string, is_object
from trialmill.kube.configuration import ExecPlugin, KubeConfigError, Pem, Server, User
from trialmill.kube.headers import escaped_key, is_unicode, sendable
from trialmill.kube.proxies import is_host

_EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"
_HAVE_DATA: Final = ("certificate-authority", "client-certificate", "client-key")
_LONGEST_NAME: Final = 255
"""Bytes of a file's name."""
_PEM_IN_BASE64: Final = "LS0tLS"
_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Entry:
    """A named cluster, user or context, or a part of it: the tree, the file that it stands in, and whose it is."""

    content: JsonObject
    file: Path
    of: str = ""
    is_broken: bool = False
    """Whether something else than a mapping stood there."""

    def refusal(self, name: str, found: str, remedy: str = "") -> KubeConfigError:
        return KubeConfigError(f"the {name} of {self.of} in {self.file} {found}", remedy)

    def text(self, name: str) -> str:
        """A text; empty where there is none. Raises KubeConfigError for anything else."""
        value = self.content.get(name)
        if value is None:
            return ""
        if not _is_text(value):
            raise self.refusal(name, "is no text", "write it in quotes")
        return str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.content.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(_is_text(each) for each in value):
            raise self.refusal(name, "is no list of texts", "write each in quotes")
        return tuple(str(each) for each in value)

    def flag(self, name: str) -> bool:
        value = self.content.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.refusal(name, "is neither true nor false", "write it without quotes")
        return value is True

    def part(self, name: str) -> "Entry | None":
        """A mapping within; None where there is none, also where it is empty."""
        value = self.content.get(name)
        if value is not None and not is_object(value):
            raise self.refusal(name, "is no mapping")
        return Entry(value, self.file, f"{name} of {self.of}") if value else None

    def parts(self, name: str) -> tuple["Entry", ...]:
        """A list of mappings."""
        value = self.content.get(name)
        listed = [] if value is None else value
        if not isinstance(listed, list) or not all(is_object(each) for each in listed):
            raise self.refusal(name, "is no list of mappings")
        return tuple(Entry(each, self.file, f"{name} of {self.of}") for each in listed if is_object(each))

    def path(self, name: str) -> Path | None:
        """A file, relative to the kubeconfig."""
        value = self.text(name)
        if not value:
            return None
        if _is_content(value):
            data = f"{name}-data" if name in _HAVE_DATA else "token"
            raise self.refusal(name, "is no path of a file", f"write the content itself as {data}")
        try:
            return self.file.absolute().parent / Path(value).expanduser()
        except RuntimeError:
            raise self.refusal(name, f"is {value!r}, and nobody has that home folder", "write the whole path") from None

    def pem(self, name: str) -> Pem:
        try:
            # Where the text is folded, Go skips the ends of lines, and nothing else.
            data = re.sub(r"[\r\n]", "", self.text(f"{name}-data"))
            return Pem(self.path(name), base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError):
            remedy = f"write the path of a file as {name}, or its content in base64"
            raise self.refusal(f"{name}-data", "is no base64", remedy) from None


def _is_content(path: str) -> bool:
    """Whether the content of a file stands where its path should: a key must not get into a message."""
    too_long = any(len(part.encode()) > _LONGEST_NAME for part in path.split("/"))
    return too_long or not path.isprintable() or path.startswith(_PEM_IN_BASE64)


def _is_text(value: Json) -> bool:
    """Whether it can be the name of a file, an argument, a part of a message."""
    return isinstance(value, str) and "\0" not in value and is_unicode(value)


def namespace_of(entry: Entry) -> str:
    """The namespace of a context."""
    namespace = entry.text("namespace")
    if namespace and not is_namespace(namespace):
        raise entry.refusal("namespace", f"is {namespace!r}, which no namespace can be called")
    return namespace or "default"


def is_namespace(name: str) -> bool:
    """Whether a namespace can be called so: a DNS label (RFC 1123)."""
    return _NAMESPACE.fullmatch(name) is not None


def server_of(entry: Entry) -> Server:
    """Raises KubeConfigError."""
    server = Server(
        url=_url(entry),
        ca=entry.pem("certificate-authority"),
        insecure=entry.flag("insecure-skip-tls-verify"),
        tls_name=entry.text("tls-server-name"),
        proxy=entry.text("proxy-url"),
    )
    if server.tls_name and not is_host(server.tls_name):
        raise entry.refusal("tls-server-name", f"is {server.tls_name!r}, which is no name of a server")
    if server.insecure and server.ca:
        raise KubeConfigError(
            f"{entry.of} in {entry.file} says whom to trust, and to check nothing",
            "remove its certificate-authority or insecure-skip-tls-verify",
        )
    return server


def _url(entry: Entry) -> str:
    url = entry.text("server")
    if not url:
        raise entry.refusal("server", "is missing")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        is_address = parts.scheme in ("https", "http") and is_host(host) and not re.search(r"[^!-~]", url)
    except ValueError:
        is_address = False
    if is_address and (parts.username is not None or parts.query or parts.fragment):
        raise entry.refusal("server", "holds more than an address", "write names and passwords with the user")
    if not is_address:
        quoted = "" if "@" in url else f" {url!r}, which is"
        raise entry.refusal("server", f"is{quoted} no http(s) address", "write it as https://HOST:PORT")
    return url.rstrip("/")


def extension_for_plugins(entry: Entry) -> Json:
    """What a cluster has to say to exec plugins."""
    for extension in entry.parts("extensions"):
        if get_string(extension.content, "name") == _EXEC_EXTENSION:
            return extension.content.get("extension")
    return None


def user_of(entry: Entry) -> User:
    """Raises KubeConfigError."""
    if entry.content.get("auth-provider") and not entry.content.get("exec"):
        raise KubeConfigError(
            f"{entry.of} in {entry.file} has an auth-provider, which kubectl dropped in 1.26",
            "write the user anew with your provider's exec plugin",
        )
    plugin = entry.part("exec")
    return User(
        # The end of a line, which `token: |` has, is no part of a token.
        token=sendable(entry.text("token").strip(), f"the token of {entry.of} in {entry.file}"),
        token_file=entry.path("tokenFile"),
        username=entry.text("username"),
        password=entry.text("password"),
        certificate=entry.pem("client-certificate"),
        key=entry.pem("client-key"),
        plugin=_plugin(plugin) if plugin else None,
        impersonate=_impersonation(entry),
    )


def _plugin(entry: Entry) -> ExecPlugin:
    command = entry.text("command")
    if not command:
        raise KubeConfigError(f"the {entry.of} in {entry.file} has no command", "name the plugin that is to run")
    variables = tuple((each.text("name"), each.text("value")) for each in entry.parts("env"))
    if any(not name or "=" in name for name, _ in variables):
        raise entry.refusal("env", "has a variable that no program can be given", "give each a name without =")
    return ExecPlugin(
        api_version=entry.text("apiVersion"),
        command=command,
        arguments=entry.texts("args"),
        environment=variables,
        install_hint=" ".join(entry.text("installHint").split()),
        interactive_mode=entry.text("interactiveMode"),
        provide_cluster=entry.flag("provideClusterInfo"),
        folder=entry.file.absolute().parent,
    )


def _impersonation(entry: Entry) -> tuple[tuple[str, str], ...]:
    """The headers that ask to act as somebody else. Source: client-go's `transport.impersonatingRoundTripper`."""
    headers = [("Impersonate-User", entry.text("as")), ("Impersonate-Uid", entry.text("as-uid"))]
    headers += [("Impersonate-Group", group) for group in entry.texts("as-groups")]
    extra = entry.part("as-user-extra")
    for key in extra.content if extra else ():
        headers += [(f"Impersonate-Extra-{escaped_key(key)}", value) for value in extra.texts(key)] if extra else []
    wanted = tuple((name, value) for name, value in headers if value)
    for name, value in wanted:
        sendable(value, f"what {entry.of} in {entry.file} has for {name}")
    if wanted and not entry.text("as"):
        raise KubeConfigError(
            f"{entry.of} in {entry.file} has groups or more of somebody to act as, and no name", "add it: as: NAME"
        )
    return wanted
