"""Reads kubeconfig files by kubectl's rules: a given file, else the list in KUBECONFIG, else `~/.kube/config`, else the
service account of the pod that this runs in.

Where files of a list have entries of the same name, the first one counts. Paths are relative to the file that has them.
Source: kubernetes.io, "Organizing Cluster Access Using kubeconfig Files"; client-go's `tools/clientcmd`.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem
from trialmill.api.tree import Json, JsonObject, get, get_list, get_object, get_string, is_object
from trialmill.api.yaml_tree import documents_of
from trialmill.kube.configuration import Access, ExecPlugin, KubeConfigError, Pem, Server, User

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_EXTENSION: Final = "client.authentication.k8s.io/exec"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A named cluster, user or context, and the file that it stands in."""

    content: JsonObject
    file: Path


@dataclass(slots=True)
class _Merged:
    """All files put together."""

    clusters: dict[str, _Entry] = field(default_factory=dict)
    users: dict[str, _Entry] = field(default_factory=dict)
    contexts: dict[str, _Entry] = field(default_factory=dict)
    current: str = ""
    files: list[Path] = field(default_factory=list)

    @property
    def names(self) -> str:
        return ", ".join(str(file) for file in self.files)


def find_access(
    context: str | None = None,
    kubeconfig: Path | None = None,
    *,
    environment: Mapping[str, str],
    home: Path,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """The cluster and user that kubectl would take. Raises KubeConfigError."""
    merged = _read_files(kubeconfig, environment, home)
    if not (merged.clusters or merged.contexts or merged.current) and kubeconfig is None:
        inside = _in_cluster(environment, service_account)
        if inside and context is None:
            return inside
        raise _nothing_found(merged, environment, home)
    return _choose(merged, context)


def _read_files(kubeconfig: Path | None, environment: Mapping[str, str], home: Path) -> _Merged:
    listed = [Path(entry) for entry in environment.get("KUBECONFIG", "").split(os.pathsep) if entry]
    files = [kubeconfig] if kubeconfig else listed or [home / ".kube" / "config"]
    merged = _Merged()
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            if kubeconfig:
                raise KubeConfigError(f"there is no kubeconfig {file}") from None
            continue
        except UnicodeDecodeError:
            raise KubeConfigError(f"{file} is no text, so it is no kubeconfig") from None
        except OSError as error:
            raise KubeConfigError(f"the kubeconfig {file} cannot be read: {error.strerror}") from None
        merged.files.append(file)
        _merge(merged, text, file)
    return merged


def _merge(merged: _Merged, text: str, file: Path) -> None:
    problems: list[Problem] = []
    documents = documents_of(text, str(file), problems)
    if problems:
        # The message of a syntax error may quote the line; the place is enough, since lines here may hold secrets.
        raise KubeConfigError(f"the kubeconfig {file} is no valid YAML, at line {problems[0].line}")
    if not documents:
        return
    tree = documents[0].tree
    if not is_object(tree):
        raise KubeConfigError(f"{file} is no kubeconfig: it holds no mapping")
    for name, entries, inner in (
        ("clusters", merged.clusters, "cluster"),
        ("users", merged.users, "user"),
        ("contexts", merged.contexts, "context"),
    ):
        listed = tree.get(name)
        if listed is not None and not isinstance(listed, list):
            raise KubeConfigError(f"{file} is no kubeconfig: {name} is no list")
        for entry in listed or []:
            entries.setdefault(get_string(entry, "name"), _Entry(get_object(entry, inner), file))
    merged.current = merged.current or get_string(tree, "current-context")


def _nothing_found(merged: _Merged, environment: Mapping[str, str], home: Path) -> KubeConfigError:
    if merged.files:
        text = f"the kubeconfig {merged.names} names no cluster"
    elif listed := environment.get("KUBECONFIG"):
        text = f"there is no kubeconfig: KUBECONFIG is {listed}, and there is no such file"
    else:
        text = f"there is no kubeconfig: KUBECONFIG is not set, and there is no {home / '.kube' / 'config'}"
    return KubeConfigError(text, "name one with KUBECONFIG; `kubectl config view` shows kubectl's")


def _choose(merged: _Merged, context: str | None) -> Access:
    name = context if context is not None else merged.current
    known = ", ".join(sorted(merged.contexts)) or "none"
    if not name:
        raise KubeConfigError(
            f"no context is chosen: the kubeconfig {merged.names} has no current-context",
            f"choose one with --context; there are: {known}",
        )
    if name not in merged.contexts:
        meant = nearest(name, sorted(merged.contexts))
        remedy = f"did you mean {meant!r}?" if meant else f"there are: {known}"
        raise KubeConfigError(f"the kubeconfig {merged.names} has no context {name!r}", remedy)
    chosen = merged.contexts[name]
    cluster = _referred(merged.clusters, chosen, "cluster", name)
    user = _referred(merged.users, chosen, "user", name) if get(chosen.content, "user") else None
    read = _user(user, name) if user else User()
    if read.plugin and read.plugin.provide_cluster:
        read = replace(read, plugin=replace(read.plugin, cluster_config=_extension(cluster.content)))
    namespace = get_string(chosen.content, "namespace") or "default"
    return Access(_server(cluster, name), read, namespace, name)


def _referred(entries: dict[str, _Entry], context: _Entry, what: str, name: str) -> _Entry:
    wanted = get_string(context.content, what)
    if wanted not in entries:
        found = f"the {what} {wanted!r}, which is not there" if wanted else f"no {what}"
        raise KubeConfigError(f"the context {name!r} in {context.file} names {found}")
    return entries[wanted]


def _server(entry: _Entry, context: str) -> Server:
    content = entry.content
    url = get_string(content, "server")
    if not url.startswith(("https://", "http://")):
        found = f"is {url!r}, which is no http(s) address" if url else "is missing"
        raise KubeConfigError(f"the server of the context {context!r} in {entry.file} {found}")
    server = Server(
        url=url.rstrip("/"),
        ca=_pem(entry, "certificate-authority"),
        insecure=get(content, "insecure-skip-tls-verify") is True,
        tls_name=get_string(content, "tls-server-name"),
        proxy=get_string(content, "proxy-url"),
    )
    if server.insecure and server.ca:
        raise KubeConfigError(
            f"the cluster of the context {context!r} in {entry.file} says whom to trust, and to check nothing",
            "remove its certificate-authority or insecure-skip-tls-verify",
        )
    return server


def _user(entry: _Entry, context: str) -> User:
    content = entry.content
    if get(content, "auth-provider") and not get(content, "exec"):
        raise KubeConfigError(
            f"the user of the context {context!r} in {entry.file} has an auth-provider, which kubectl dropped in 1.26",
            "write the user anew with your provider's exec plugin",
        )
    token_file = get_string(content, "tokenFile")
    plugin = get(content, "exec")
    return User(
        token=get_string(content, "token"),
        token_file=entry.file.parent / token_file if token_file else None,
        username=get_string(content, "username"),
        password=get_string(content, "password"),
        certificate=_pem(entry, "client-certificate"),
        key=_pem(entry, "client-key"),
        plugin=_plugin(plugin, entry, context) if is_object(plugin) else None,
        impersonate=_impersonation(content),
    )


def _plugin(content: JsonObject, entry: _Entry, context: str) -> ExecPlugin:
    command = get_string(content, "command")
    if not command:
        raise KubeConfigError(f"the exec plugin of the context {context!r} in {entry.file} has no command")
    variables = [v for v in get_list(content, "env") if is_object(v)]
    return ExecPlugin(
        api_version=get_string(content, "apiVersion"),
        command=command,
        arguments=tuple(a if isinstance(a, str) else str(a) for a in get_list(content, "args")),
        environment=tuple((get_string(v, "name"), get_string(v, "value")) for v in variables),
        install_hint=get_string(content, "installHint").strip(),
        interactive_mode=get_string(content, "interactiveMode"),
        provide_cluster=get(content, "provideClusterInfo") is True,
        folder=entry.file.parent,
    )


def _extension(cluster: JsonObject) -> Json:
    """What a cluster has to say to exec plugins."""
    for extension in get_list(cluster, "extensions"):
        if get_string(extension, "name") == _EXEC_EXTENSION:
            return get(extension, "extension")
    return None


def _impersonation(content: JsonObject) -> tuple[tuple[str, str], ...]:
    headers = [("Impersonate-User", get_string(content, "as")), ("Impersonate-Uid", get_string(content, "as-uid"))]
    headers += [("Impersonate-Group", group) for group in get_list(content, "as-groups") if isinstance(group, str)]
    for key, values in get_object(content, "as-user-extra").items():
        headers += [(f"Impersonate-Extra-{key}", str(value)) for value in (values if isinstance(values, list) else [])]
    return tuple((name, value) for name, value in headers if value)


def _pem(entry: _Entry, name: str) -> Pem:
    data, file = get_string(entry.content, f"{name}-data"), get_string(entry.content, name)
    try:
        decoded = base64.b64decode(data, validate=True) if data else b""
    except (binascii.Error, ValueError):
        raise KubeConfigError(f"{name}-data in {entry.file} is no base64") from None
    return Pem(entry.file.parent / Path(file).expanduser() if file else None, decoded)


def _in_cluster(environment: Mapping[str, str], folder: Path) -> Access | None:
    """The service account of the pod that this runs in; None outside of a pod."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (folder / "token").exists():
        return None
    try:
        namespace = (folder / "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        namespace = ""
    ca = folder / "ca.crt"
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    server = Server(url, ca=Pem(ca) if ca.exists() else Pem())
    return Access(server, User(token_file=folder / "token"), namespace or "default", "in-cluster")
