"""The service account of the pod that this runs in. Source: client-go's `rest.InClusterConfig`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trialmill.kube.configuration import IN_CLUSTER, Access, Pem, Server, User

FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def in_cluster(environment: Mapping[str, str], folder: Path | None = None) -> Access | None:
    """The pod's own way to its cluster; None outside of a pod, and in one that was given no token."""
    folder = folder or FOLDER
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (folder / "token").exists():
        return None
    ca = folder / "ca.crt"
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    server = Server(url, ca=Pem(ca) if ca.exists() else Pem())
    namespace = environment.get("POD_NAMESPACE") or _namespace(folder)
    return Access(server, User(token_file=folder / "token"), namespace or "default", IN_CLUSTER)


def _namespace(folder: Path) -> str:
    try:
        return (folder / "namespace").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
