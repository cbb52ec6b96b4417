"""Reads kubeconfig files by kubectl's rules: a given file, else the list in KUBECONFIG, else `~/.kube/config`, else the
service account of the pod that this runs in.

Where files of a list have entries of the same name, the first one counts. Paths are relative to the file that has them.
Source: kubernetes.io, "Organizing Cluster Access Using kubeconfig Files"; client-go's `tools/clientcmd`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem
from trialmill.api.tree import Json, JsonObject, get_string, is_object
from trialmill.api.yaml_tree import documents_of
from trialmill.kube.configuration import IN_CLUSTER, Access, KubeConfigError, User
from trialmill.kube.kubeconfig_entries import Entry, extension_for_plugins, namespace_of, server_of, user_of
from trialmill.kube.service_account import in_cluster


@dataclass(slots=True)
class _Merged:
    """All files put together."""

    clusters: dict[str, Entry] = field(default_factory=dict)
    users: dict[str, Entry] = field(default_factory=dict)
    contexts: dict[str, Entry] = field(default_factory=dict)
    current: str = ""
    files: list[Path] = field(default_factory=list)
    """Those that are there."""
    listed: tuple[Path, ...] = ()
    """All that were looked for, absolute."""

    @property
    def names(self) -> str:
        return ", ".join(str(file) for file in self.files)


def find_access(
    context: str | None = None,
    kubeconfig: Path | None = None,
    *,
    environment: Mapping[str, str],
    home: Path,
    service_account: Path | None = None,
) -> Access:
    """The cluster and user that kubectl would take; the context `in-cluster` is a pod's service account, where no
    kubeconfig has one of that name. Raises KubeConfigError.
    """
    merged = _read_files(kubeconfig, environment, home)
    is_empty = not (merged.clusters or merged.contexts or merged.current)
    if kubeconfig is None and (is_empty or (context == IN_CLUSTER and IN_CLUSTER not in merged.contexts)):
        inside = in_cluster(environment, service_account)
        if inside and context in (None, IN_CLUSTER):
            return inside
        if is_empty and context == IN_CLUSTER:
            raise KubeConfigError(
                "this is no pod with a service account", "go on in such a pod, or name a kubeconfig with KUBECONFIG"
            )
        if is_empty:
            raise _nothing_found(merged, environment, home)
    return _choose(merged, context)


def _read_files(kubeconfig: Path | None, environment: Mapping[str, str], home: Path) -> _Merged:
    listed = [Path(entry) for entry in environment.get("KUBECONFIG", "").split(os.pathsep) if entry]
    files = [kubeconfig] if kubeconfig else listed or [home / ".kube" / "config"]
    merged = _Merged(listed=tuple(file.absolute() for file in files))
    for file in files:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            if kubeconfig:
                raise KubeConfigError(f"there is no kubeconfig {file}") from None
            continue
        except UnicodeDecodeError:
            raise KubeConfigError(f"{file} is no text, so it is no kubeconfig") from None
        except OSError as error:
            remedy = "allow yourself to read it" if isinstance(error, PermissionError) else ""
            raise KubeConfigError(f"the kubeconfig {file} cannot be read: {error.strerror}", remedy) from None
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
            called = get_string(entry, "name")
            if is_object(entry) and called:
                entries.setdefault(called, _entry(entry, inner, file))
    current = tree.get("current-context")
    if current is not None and not isinstance(current, str):
        raise KubeConfigError(f"the current-context in {file} is no text", "write it in quotes")
    merged.current = merged.current or current or ""


def _entry(entry: JsonObject, inner: str, file: Path) -> Entry:
    """What a name stands for. What is no mapping is only wrong where it is used."""
    content: Json = entry.get(inner)
    return Entry(content if is_object(content) else {}, file, is_broken=content is not None and not is_object(content))


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
    known = ", ".join(n if n.isprintable() else repr(n) for n in sorted(merged.contexts)) or "none"
    if not name:
        raise KubeConfigError(
            f"no context is chosen: the kubeconfig {merged.names} has no current-context",
            f"choose one with --context; there are: {known}",
        )
    if name not in merged.contexts:
        meant = nearest(name, sorted(merged.contexts))
        remedy = f"did you mean {meant!r}?" if meant else f"there are: {known}"
        raise KubeConfigError(f"the kubeconfig {merged.names} has no context {name!r}", remedy)
    chosen = _named(merged.contexts[name], "the context", name)
    cluster = _referred(merged.clusters, chosen, "cluster", name)
    user = _referred(merged.users, chosen, "user", name) if chosen.text("user") else None
    read = user_of(user) if user else User()
    if read.plugin and read.plugin.provide_cluster:
        read = replace(read, plugin=replace(read.plugin, cluster_config=extension_for_plugins(cluster)))
    return Access(server_of(cluster), read, namespace_of(chosen), name, merged.listed)


def _referred(entries: dict[str, Entry], context: Entry, what: str, name: str) -> Entry:
    wanted = context.text(what)
    if wanted not in entries:
        found = f"the {what} {wanted!r}, which is not there" if wanted else f"no {what}"
        raise KubeConfigError(f"the context {name!r} in {context.file} names {found}")
    return _named(entries[wanted], f"the {what} of the context", name)


def _named(entry: Entry, of: str, name: str) -> Entry:
    if entry.is_broken:
        raise KubeConfigError(f"{of} {name!r} in {entry.file} is no mapping")
    return replace(entry, of=f"{of} {name!r}")
