"""The real Kubeflow training operator, as a program beside the control plane.

It expects to be a pod with a mounted Secret. Its webhooks are left out (the configuration that it looks for has none),
but its certificates it wants: it writes them into a Secret, and what a kubelet would mount is written by hand. It looks
for them under /tmp, so it gets a /tmp of its own, on a folder of the cluster's.
"""

import base64
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from testbed import images
from testbed.api import Api, RefusedError
from testbed.place import free_port
from testbed.programs import Program, Programs

WANTED = "training-operator.wanted"
"""The file of a cluster's folder that asks for the operator; in it is the folder of its program."""

_NAMESPACE = "kubeflow"
_SECRET = "training-operator-webhook-cert"  # noqa: S105  its name
_SECRET_PATH = f"/api/v1/namespaces/{_NAMESPACE}/secrets/{_SECRET}"
_VALIDATOR = "validator.training-operator.kubeflow.org"
_CERTIFICATES = "k8s-webhook-server/serving-certs"

# A worker waits until its master has a name. The operator's own choice is alpine with nslookup; this is the image that
# is there. html/template writes the values, so nothing here may need escaping.
_INIT_CONTAINER = """
- name: init-pytorch
  image: {{.InitContainerImage}}
  imagePullPolicy: IfNotPresent
  resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 50m, memory: 10Mi}}
  command: [python3, -c]
  args:
    - |
      import socket, sys, time
      for _ in range(int(sys.argv[2])):
          try:
              sys.exit(socket.gethostbyname(sys.argv[1]) == str())
          except socket.gaierror:
              time.sleep(0.5)
      sys.exit(1)
    - "{{.MasterAddr}}"
    - "{{.MaxTries}}"
"""


def install(api: Api, folder: Path, operator: Path, programs: Programs) -> None:
    """Give the API server the operator's kinds, start it, and wait until it serves."""
    _apply_kinds(api, operator / "crds", programs)
    named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    api.apply(f"/api/v1/namespaces/{_NAMESPACE}", named)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _SECRET, "namespace": _NAMESPACE}}
    api.apply(_SECRET_PATH, secret)
    group = "admissionregistration.k8s.io"
    validator = {
        "apiVersion": f"{group}/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _VALIDATOR},
    }
    api.apply(f"/apis/{group}/v1/validatingwebhookconfigurations/{_VALIDATOR}", validator)

    temporary = folder / "training-operator-tmp"
    (temporary / _CERTIFICATES).mkdir(parents=True, exist_ok=True)
    (temporary / "init-container.yaml").write_text(_INIT_CONTAINER)
    health = free_port()
    programs.start(_program(folder, operator, temporary, health))
    programs.wait_until(lambda: _write_certificates(api, temporary / _CERTIFICATES), "the operator makes certificates")
    programs.wait_until(lambda: _serves(health), "the training operator serves")


def _program(folder: Path, operator: Path, temporary: Path, health: int) -> Program:
    arguments = [
        f"--health-probe-bind-address=127.0.0.1:{health}",
        "--metrics-bind-address=0",
        f"--webhook-server-port={free_port()}",
        f"--pytorch-init-container-image={images.PYTHON}",
        "--pytorch-init-container-template-file=/tmp/init-container.yaml",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--controller-threads=4",
    ]
    # The new /tmp may cover where it lies: it is started from the working directory, which stays what it was.
    os.link(operator / "training-operator", folder / "training-operator")
    script = 'mount --bind "$0" /tmp && exec ./training-operator "$@"'
    command: list[str | Path] = [*_unshare(), "sh", "-c", script, temporary, *arguments]
    return Program("training-operator", command, {**os.environ, "KUBECONFIG": "inside.kubeconfig", "TMPDIR": "/tmp"})  # noqa: S108


def obstacle() -> str | None:
    """Why the operator cannot run here, or None."""
    return None if _unshare() else "the training operator needs a mount namespace of its own, which is not allowed here"


def _unshare() -> list[str]:
    """The command that gives a process mounts of its own; empty where none may have them."""
    for command in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        if subprocess.run([*command, "true"], capture_output=True).returncode == 0:
            return command
    return []


def _apply_kinds(api: Api, folder: Path, programs: Programs) -> None:
    kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    names = []
    for file in sorted(folder.glob("*_*.yaml")):
        group, _, plural = file.stem.partition("_")
        names.append(f"{plural}.{group}")
        api.apply(f"{kinds}/{names[-1]}", file.read_text())

    def established() -> bool:
        conditions = [api.call("GET", f"{kinds}/{name}").get("status", {}).get("conditions", []) for name in names]
        return all(any(it["type"] == "Established" and it["status"] == "True" for it in each) for each in conditions)

    programs.wait_until(established, "the operator's kinds are established")


def _write_certificates(api: Api, folder: Path) -> bool:
    """What a kubelet does for a pod that mounts the Secret; False while the operator has not filled it."""
    try:
        data = api.call("GET", _SECRET_PATH).get("data", {})
    except (RefusedError, OSError):
        return False
    for name, value in data.items():
        (folder / name).write_bytes(base64.b64decode(value))
    return "tls.crt" in data


def _serves(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
