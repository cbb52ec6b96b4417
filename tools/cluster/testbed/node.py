"""A real node: containerd with runc, kubelet and kube-proxy, inside the cluster's namespaces."""

import json
import subprocess
from pathlib import Path

from testbed import images, packages
from testbed.control_plane import NODE_ADDRESS
from testbed.namespaces import NODE
from testbed.programs import Program

_PODS = "10.89.0.0/16"
_SOCKET = "/run/containerd/containerd.sock"


def containerd(folder: Path, root: str | None) -> Program:
    programs = f"{root}/usr" if root else "/usr"
    network = {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": _PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": str(folder / "addresses"),
                },
            }
        ],
    }
    (folder / "network").mkdir()
    (folder / "network" / "10-pods.conflist").write_text(json.dumps(network))
    runc = f'BinaryName = "{programs}/sbin/runc"' if root else ""
    (folder / "containerd.toml").write_text(
        f"""version = 2
root = "{folder}/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
address = "{_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{images.PAUSE}"
stream_server_address = "127.0.0.1"
disable_apparmor = true
disable_hugetlb_controller = true
tolerate_missing_hugetlb_controller = true
# Without CAP_SYS_RESOURCE a score cannot be lowered, and every sandbox would fail on it.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{programs}/lib/cni"
conf_dir = "{folder}/network"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
{runc}
SystemdCgroup = false
"""
    )
    command = ["containerd", f"--config={folder / 'containerd.toml'}"]
    return Program("containerd", command, packages.environment(root))


def containerd_answers() -> bool:
    return Path(_SOCKET).exists()


def import_image(archive: Path, root: str | None) -> str | None:
    """Give containerd an image; the answer is what was wrong, or None."""
    command: list[str | Path] = ["ctr", "--namespace=k8s.io", "images", "import", archive]
    result = subprocess.run(command, env=packages.environment(root), capture_output=True, text=True)
    return result.stderr if result.returncode else None


def kubelet(programs: str, folder: Path, *, dns: bool) -> Program:
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},  # nobody else is in this network
        "containerRuntimeEndpoint": f"unix://{_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "clusterDomain": "cluster.local",
        "clusterDNS": [NODE_ADDRESS] if dns else [],
        "readOnlyPort": 0,
        "maxPods": 250,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,  # what was put here by hand cannot be pulled again
        "imageGCLowThresholdPercent": 99,
        # Small and often, so that a test sees a log rotated; the files of one container are kept for a while.
        "containerLogMaxSize": "256Ki",
        "containerLogMaxFiles": 20,
        "containerLogMonitorInterval": "3s",
    }
    (folder / "kubelet.json").write_text(json.dumps(settings))
    command = [
        f"{programs}/kubelet",
        f"--config={folder / 'kubelet.json'}",
        f"--kubeconfig={folder / 'inside.kubeconfig'}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
    ]
    return Program("kubelet", command)


def can_have_services(root: str | None) -> bool:
    """Whether nft works in this network namespace: kube-proxy writes its rules with it."""
    try:
        command = ["nft", "add", "table", "ip", "trialmill-try"]
        return subprocess.run(command, env=packages.environment(root), capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def proxy(programs: str, folder: Path, root: str | None) -> Program:
    command = [
        f"{programs}/kube-proxy",
        f"--kubeconfig={folder / 'inside.kubeconfig'}",
        f"--hostname-override={NODE}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={_PODS}",
        "--conntrack-max-per-core=0",  # these are the machine's own, and are not this cluster's to set
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
        "--healthz-bind-address=127.0.0.1:10256",
    ]
    return Program("kube-proxy", command, packages.environment(root))


def dns(program: str, folder: Path) -> Program:
    """A name server on the node's address, for pods: services and pods of the cluster, and nothing else."""
    file = folder / "Corefile"
    file.write_text(
        f"""cluster.local:53 {{
    bind {NODE_ADDRESS}
    errors
    kubernetes cluster.local {{
        kubeconfig {folder / "inside.kubeconfig"} testbed
        ttl 1
    }}
}}
"""
    )
    return Program("dns", [program, "-conf", file])
