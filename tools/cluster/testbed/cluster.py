"""The process that is a cluster: it starts the programs, keeps them running, and takes in images that are laid down.

python -m testbed.cluster FOLDER API-SOCKET ETCD-SOCKET     (the sockets: -1 outside namespaces)
"""

import os
import signal
import sys
import time
from pathlib import Path

from testbed import argo, control_plane, keys, namespaces, node, start, trainer, training_operator
from testbed.api import Api, Object, RefusedError
from testbed.control_plane import FIRST_SERVICE, NODE_ADDRESS, Address
from testbed.place import CannotRunError, Plan, free_port, say
from testbed.programs import Program, Programs
from testbed.stand_in import NODE as STAND_IN

_OPERATORS = {
    training_operator.NAME: training_operator.install,
    trainer.NAME: trainer.install,
    argo.NAME: argo.install,
}


class Cluster:
    def __init__(self, folder: Path, sockets: tuple[int, int]) -> None:
        self.folder = folder
        self.sockets = sockets
        self.plan = Plan.read(folder)
        self.programs = Programs(folder)
        if self.plan.real_node:
            self.address = Address(NODE_ADDRESS, 443, 2379, 2380)
        else:
            self.address = Address("127.0.0.1", self.plan.api_port, self.plan.etcd_port, free_port())

    def start(self) -> None:
        """Everything, in an order in which as little as possible waits for anything else."""
        plan, address = self.plan, self.address
        services = plan.real_node and node.can_have_services(plan.packages)
        if plan.real_node:
            namespaces.furnish(self.folder, services=services)
            self.programs.start(node.containerd(self.folder, plan.packages))
        own_addresses = ("127.0.0.1", NODE_ADDRESS, FIRST_SERVICE)
        keys.make(self.folder, own_addresses, f"https://127.0.0.1:{plan.api_port}", address.url)
        self.programs.start(control_plane.etcd(plan.programs, self.folder, address))
        self.programs.start(control_plane.api_server(plan.programs, self.folder, address))
        if plan.real_node:
            self._forward()
            self.programs.wait_until(node.containerd_answers, "containerd answers")
            for archive in plan.images:
                if wrong := node.import_image(Path(archive), plan.packages):
                    raise CannotRunError(f"{archive} cannot be imported: {wrong}")
        self.api = Api(address.url, self.folder)
        self.programs.wait_until(self._api_answers, "the API server answers")
        self.programs.start(control_plane.controller_manager(plan.programs, self.folder))
        self.programs.start(control_plane.scheduler(plan.programs, self.folder))
        self._start_nodes(services=services)
        wanted = {namespaces.NODE, STAND_IN} if plan.real_node else {STAND_IN}
        self.programs.wait_until(lambda: wanted <= self._ready_nodes(), f"ready nodes: {', '.join(sorted(wanted))}")
        self.programs.wait_until(self._default_account, "the default service account is there")

    def run(self) -> None:
        """Until it is told to end."""
        while True:
            self.programs.step()
            self.take_orders()
            time.sleep(0.1)

    def take_orders(self) -> None:
        """What the commands have laid into the cluster's folder since: archives of images, wishes for operators."""
        for archive in sorted((self.folder / "images").glob("*.tar")):
            if wrong := node.import_image(archive, self.plan.packages):
                archive.with_suffix(".wrong").write_text(wrong)
            archive.unlink()
        for name, install in _OPERATORS.items():
            wanted = start.order_of_operator(self.folder, name)
            if wanted.exists():
                try:
                    install(self.api, self.folder, Path(wanted.read_text()), self.programs)
                except CannotRunError as error:
                    wanted.with_suffix(".wrong").write_text(str(error))
                wanted.unlink()

    def _start_nodes(self, *, services: bool) -> None:
        plan = self.plan
        if plan.real_node:
            self.programs.start(node.kubelet(plan.programs, self.folder, dns=plan.dns is not None))
            if services:
                self.programs.start(node.proxy(plan.programs, self.folder, plan.packages))
            if plan.dns:
                self.programs.start(node.dns(plan.dns, self.folder))
        taint = ["--taint"] if plan.real_node else []
        host = NODE_ADDRESS if plan.real_node else "127.0.0.1"
        command = [sys.executable, "-m", "testbed.stand_in", str(self.folder), self.address.url, host, *taint]
        self.programs.start(Program("stand-in", command))

    def _forward(self) -> None:
        api, etcd = self.sockets
        command = [sys.executable, "-m", "testbed.forward", f"{api}={NODE_ADDRESS}:443", f"{etcd}=127.0.0.1:2379"]
        self.programs.start(Program("forward", command, sockets=self.sockets))

    def _api_answers(self) -> bool:
        try:
            self.api.call("GET", "/readyz")
        except (OSError, RefusedError):
            return False
        return True

    def _ready_nodes(self) -> set[str]:
        nodes = self.api.call("GET", "/api/v1/nodes")["items"]
        return {item["metadata"]["name"] for item in nodes if _is_ready(item)}

    def _default_account(self) -> bool:
        accounts = self.api.call("GET", "/api/v1/namespaces/default/serviceaccounts")["items"]
        return any(item["metadata"]["name"] == "default" for item in accounts)


def _is_ready(item: Object) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    taints = item.get("spec", {}).get("taints", [])
    unready = any(taint["key"].startswith("node.kubernetes.io/") for taint in taints)
    return not unready and any(it["type"] == "Ready" and it["status"] == "True" for it in conditions)


def main() -> int:
    folder = Path(sys.argv[1])
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cluster = Cluster(folder, (int(sys.argv[2]), int(sys.argv[3])))
    try:
        cluster.start()
        (folder / "ready").write_text(f"{time.monotonic() - began:.1f} s\n")
        cluster.run()
    except CannotRunError as error:
        say(str(error))
        return 1
    finally:
        cluster.programs.stop()
        if os.getpid() == 1:
            say("ends")
    return 0


if __name__ == "__main__":
    sys.exit(main())
