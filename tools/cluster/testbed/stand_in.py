"""A node that runs nothing: it marks the pods that are bound to it as run, with statuses as a kubelet writes them.

Thousands of pods fit on it, and it needs no namespaces. What a pod does is said by its annotations, see `outcome`.

    python -m testbed.stand_in FOLDER URL ADDRESS [--taint]
"""

import heapq
import itertools
import queue
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from testbed import pod_status
from testbed.api import Api, Object, RefusedError
from testbed.place import say
from testbed.stand_in_logs import serve_logs

NODE = "stand-in"
LABEL = "trialmill.dev/stand-in"
"""Label of the node and, beside a real node, key of its taint: pods that want it select and tolerate it."""

_WORKERS = 4
_PODS = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{NODE}"
_BEAT = 10


@dataclass(frozen=True)
class Server:
    url: str
    folder: Path
    address: str
    """What the node gives as its own, and where it serves logs."""

    def connect(self) -> Api:
        return Api(self.url, self.folder)


class Tasks:
    """Pods that are due: `add` one with a delay, and a worker looks at it then. A pod is always the same worker's."""

    def __init__(self) -> None:
        self._ready = [queue.SimpleQueue[tuple[str, str]]() for _ in range(_WORKERS)]
        self._later: list[tuple[float, int, tuple[str, str]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()

    def add(self, pod: tuple[str, str], delay: float = 0.0) -> None:
        if delay <= 0:
            self._ready[hash(pod) % _WORKERS].put(pod)
            return
        with self._changed:
            heapq.heappush(self._later, (time.monotonic() + delay, next(self._order), pod))
            self._changed.notify()

    def next(self, worker: int) -> tuple[str, str]:
        return self._ready[worker].get()

    def keep_time(self) -> None:
        """Move what has become due to those that are ready; for a thread of its own."""
        while True:
            with self._changed:
                wait = self._later[0][0] - time.monotonic() if self._later else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, pod = heapq.heappop(self._later)
            self.add(pod)


class Pods:
    """The pods of this node, as last seen."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str], Object] = {}
        self._lock = threading.Lock()

    def put(self, pod: Object) -> tuple[str, str]:
        with self._lock:
            known = self._pods.get(_key(pod))
            if known is None or _version(known) < _version(pod):
                self._pods[_key(pod)] = pod
        return _key(pod)

    def written(self, pod: Object) -> None:
        """What the answer to a write says is newer than the watch, unless the watch has dropped it meanwhile."""
        with self._lock:
            if _key(pod) in self._pods:
                self._pods[_key(pod)] = pod

    def drop(self, pod: Object) -> None:
        with self._lock:
            self._pods.pop(_key(pod), None)

    def forget_all_but(self, keys: set[tuple[str, str]]) -> None:
        with self._lock:
            self._pods = {key: pod for key, pod in self._pods.items() if key in keys}

    def get(self, key: tuple[str, str]) -> Object | None:
        with self._lock:
            return self._pods.get(key)


def _key(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _version(pod: Object) -> int:
    return int(pod["metadata"]["resourceVersion"])  # a number, as etcd gives them


def work(server: Server, pods: Pods, tasks: Tasks, number: int) -> None:
    """Bring one pod after another a step further."""
    api = server.connect()
    while True:
        key = tasks.next(number)
        pod = pods.get(key)
        if pod is None:
            continue
        try:
            delay = _step(api, server, pods, pod)
        except RefusedError as error:
            if error.status not in (404, 409):  # gone, or another of that name by now: its own event will come
                say(f"stand-in: {'/'.join(key)}: {error}")
                tasks.add(key, 1.0)
        except OSError:
            tasks.add(key, 1.0)
        else:
            if delay is not None:
                tasks.add(key, delay)


def _step(api: Api, server: Server, pods: Pods, pod: Object) -> float | None:
    """Write the pod's next status. The answer: look again after so many seconds; None when its change will be seen."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    ends_in = pod_status.ends_in(pod, time.time())
    if "deletionTimestamp" in meta:
        if not pod_status.is_finished(pod):
            api.merge(f"{path}/status", _patch(pod, pod_status.killed(pod, time.time())))
        api.call("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}})
    elif pod_status.is_finished(pod):
        return None
    elif not pod_status.is_started(pod):
        started = pod_status.started(pod, server.address, time.time())
        pods.written(api.merge(f"{path}/status", _patch(pod, started)))
    elif ends_in is not None and ends_in > 0:
        return ends_in
    elif ends_in is not None:
        pods.written(api.merge(f"{path}/status", _patch(pod, pod_status.finished(pod, time.time()))))
    return None


def _patch(pod: Object, status: Object) -> Object:
    return {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}


def follow(server: Server, pods: Pods, tasks: Tasks) -> None:
    """List and watch, for ever."""
    while True:
        try:
            listed = server.connect().call("GET", _PODS)
            for key in [pods.put(pod) for pod in listed["items"]]:
                tasks.add(key)
            pods.forget_all_but({_key(pod) for pod in listed["items"]})
            version = listed["metadata"]["resourceVersion"]
            for event in server.connect().watch(f"{_PODS}&watch=true&resourceVersion={version}"):
                if event["type"] == "ERROR":
                    break
                if event["type"] == "DELETED":
                    pods.drop(event["object"])
                else:
                    tasks.add(pods.put(event["object"]))
        except (OSError, RefusedError, ValueError) as error:
            say(f"stand-in: {error}")
            time.sleep(0.5)


def register(server: Server, port: int, *, taint: bool) -> None:
    """The Node with room for everything, and its heartbeat."""
    api = server.connect()
    taints = [{"key": LABEL, "effect": "NoSchedule"}] if taint else []
    labels = {LABEL: "true", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": labels},
        "spec": {"taints": taints},
    }
    try:
        api.call("POST", "/api/v1/nodes", node)
    except RefusedError as error:
        if error.status != 409:
            raise
    lease = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE}"
    while True:
        try:
            api.merge(f"/api/v1/nodes/{NODE}/status", {"status": pod_status.node(server.address, port, time.time())})
            spec = {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": pod_status.micro(time.time())}
            kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NODE}}
            api.apply(lease, {**kind, "spec": spec})
        except (OSError, RefusedError) as error:
            say(f"stand-in: {error}")
        time.sleep(_BEAT)


def main() -> None:
    folder, url, address = sys.argv[1:4]
    server, pods, tasks = Server(url, Path(folder), address), Pods(), Tasks()
    port = serve_logs(server.address, server.folder / "keys", pods.get)
    for number in range(_WORKERS):
        threading.Thread(target=work, args=(server, pods, tasks, number), daemon=True).start()
    threading.Thread(target=tasks.keep_time, daemon=True).start()
    threading.Thread(target=follow, args=(server, pods, tasks), daemon=True).start()
    register(server, port, taint="--taint" in sys.argv)


if __name__ == "__main__":
    main()
