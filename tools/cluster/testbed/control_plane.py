"""The commands of the control plane's programs, and where they listen."""

import json
from dataclasses import dataclass
from pathlib import Path

from testbed.programs import Program

NODE_ADDRESS = "10.88.0.1"
"""Of the bridge inside the cluster's own network namespace: a node's address must not be loopback."""
SERVICES = "10.0.0.0/24"
FIRST_SERVICE = "10.0.0.1"
"""The API server's own service, `kubernetes.default`."""


@dataclass(frozen=True)
class Address:
    """Where the API server and etcd listen, seen from the programs of the cluster."""

    host: str
    port: int
    etcd: int
    etcd_peer: int

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"


def etcd(programs: str, folder: Path, address: Address) -> Program:
    client, peer = f"http://127.0.0.1:{address.etcd}", f"http://127.0.0.1:{address.etcd_peer}"
    return Program(
        "etcd",
        [
            f"{programs}/etcd",
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",  # nothing here has to outlive a power cut
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ],
    )


def api_server(programs: str, folder: Path, address: Address) -> Program:
    keys = folder / "keys"
    return Program(
        "kube-apiserver",
        [
            f"{programs}/kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{address.etcd}",
            f"--bind-address={'0.0.0.0' if address.host == NODE_ADDRESS else address.host}",  # noqa: S104  its own network
            f"--secure-port={address.port}",
            f"--advertise-address={NODE_ADDRESS}",  # loopback is refused here, even where nobody is told of it
            f"--tls-cert-file={keys / 'apiserver.crt'}",
            f"--tls-private-key-file={keys / 'apiserver.key'}",
            f"--client-ca-file={keys / 'ca.crt'}",
            f"--token-auth-file={keys / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={keys / 'tokens.pub'}",
            f"--service-account-signing-key-file={keys / 'tokens.key'}",
            f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged",
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
        ],
    )


def controller_manager(programs: str, folder: Path) -> Program:
    return Program(
        "kube-controller-manager",
        [
            f"{programs}/kube-controller-manager",
            f"--kubeconfig={folder / 'inside.kubeconfig'}",
            f"--service-account-private-key-file={folder / 'keys' / 'tokens.key'}",
            f"--root-ca-file={folder / 'keys' / 'ca.crt'}",
            "--leader-elect=false",
            "--secure-port=0",
            # The default of 20 requests a second is what thousands of jobs would be measured by.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ],
    )


def scheduler(programs: str, folder: Path) -> Program:
    settings = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(folder / "inside.kubeconfig"), "qps": 500, "burst": 1000},
    }
    file = folder / "scheduler.json"
    file.write_text(json.dumps(settings))
    return Program("kube-scheduler", [f"{programs}/kube-scheduler", f"--config={file}", "--secure-port=0"])
