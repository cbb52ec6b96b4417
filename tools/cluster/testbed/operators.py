"""What the operators beside the control plane share: their kinds, the certificates they wait for, and when they serve.

An operator expects to be a pod. What a kubelet would give it, a mounted Secret and a /tmp of its own, is made by hand.
"""

import base64
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from testbed.api import Api, Object, RefusedError
from testbed.programs import Program, Programs

_KINDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_WEBHOOKS = "admissionregistration.k8s.io"
CERTIFICATES = "k8s-webhook-server/serving-certs"
"""Where below /tmp an operator looks for them."""


def obstacle() -> str | None:
    """Why no operator can run here, or None."""
    return None if _unshare() else "an operator needs a mount namespace of its own, which is not allowed here"


def apply_kinds(api: Api, folder: Path, programs: Programs) -> None:
    """Give the API server the kinds of the folder's files, `GROUP_PLURAL.yaml`, and wait until it serves them."""
    names = []
    for file in sorted(folder.glob("*_*.yaml")):
        group, _, plural = file.stem.partition("_")
        names.append(f"{plural}.{group}")
        api.apply(f"{_KINDS}/{names[-1]}", file.read_text())

    def established() -> bool:
        return all(_is_established(api.call("GET", f"{_KINDS}/{name}")) for name in names)

    programs.wait_until(established, "the operator's kinds are established")


def _is_established(kind: Object) -> bool:
    conditions = kind.get("status", {}).get("conditions") or []  # null in definitions that bring a status of their own
    return any(it["type"] == "Established" and it["status"] == "True" for it in conditions)


def apply_namespace(api: Api, name: str) -> None:
    api.apply(f"/api/v1/namespaces/{name}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def apply_webhooks(api: Api, kind: str, name: str, webhooks: list[dict[str, object]]) -> None:
    """A configuration of webhooks; without any, operators find the one that they look for, and nothing calls them."""
    body = {"apiVersion": f"{_WEBHOOKS}/v1", "kind": kind, "metadata": {"name": name}, "webhooks": webhooks}
    api.apply(f"/apis/{_WEBHOOKS}/v1/{kind.lower()}s/{name}", body)


def apply_secret(api: Api, namespace: str, name: str) -> str:
    """An empty Secret, which an operator fills with its certificates; its path."""
    path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
    api.apply(path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}})
    return path


def with_own_tmp(name: str, program: Path, folder: Path, temporary: Path, arguments: list[str]) -> Program:
    """The operator with `temporary`, a folder of the cluster's, as its /tmp: there it looks for its certificates."""
    (temporary / CERTIFICATES).mkdir(parents=True, exist_ok=True)
    # The new /tmp may cover where the program lies: it is started from the working directory, which stays what it was.
    (folder / name).unlink(missing_ok=True)
    os.link(program, folder / name)
    script = f'mount --bind "$0" /tmp && exec ./{name} "$@"'
    command: list[str | Path] = [*_unshare(), "sh", "-c", script, temporary, *arguments]
    return Program(name, command, {**environment(), "TMPDIR": "/tmp"})  # noqa: S108  its own


def environment() -> dict[str, str]:
    """How a program beside the control plane finds it, from the cluster's folder."""
    return {**os.environ, "KUBECONFIG": "inside.kubeconfig"}


def wait_for_certificates(api: Api, secret: str, temporary: Path, programs: Programs) -> None:
    """What a kubelet does for a pod that mounts the Secret, once the operator has filled it."""

    def written() -> bool:
        try:
            data = api.call("GET", secret).get("data", {})
        except (RefusedError, OSError):
            return False
        for name, value in data.items():
            (temporary / CERTIFICATES / name).write_bytes(base64.b64decode(value))
        return "tls.crt" in data

    programs.wait_until(written, "the operator makes certificates")


def serves(port: int) -> bool:
    """Whether an operator says that it is ready, on its port for probes."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _unshare() -> list[str]:
    """The command that gives a process mounts of its own; empty where none may have them."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return []
