"""The cluster that tests run on, and the few things that they do to it; all of it through kubectl, as a user would."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Object = dict[str, Any]

TOOLS = Path(__file__).parents[2] / "tools" / "cluster"

ON_THE_STAND_IN = {
    "nodeSelector": {"trialmill.dev/stand-in": "true"},
    "tolerations": [{"key": "trialmill.dev/stand-in", "operator": "Exists"}],
}
"""Fields of a pod's spec that bring it to the node that runs nothing."""


class NoClusterError(Exception):
    """There is none, for a reason that is no fault; the message is one line."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers. The suite's own one has a folder; a foreign one has none, and its nodes are real."""

    kubeconfig: Path
    kubectl_program: str
    folder: Path | None
    busybox: str
    python: str
    """Images with a shell, and with Python."""

    @property
    def real_node(self) -> bool:
        """Whether containers run: without, the stand-in node says they did."""
        return self.folder is None or bool(json.loads((self.folder / "plan.json").read_text())["real_node"])

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints; a command that fails is an error with kubectl's own words."""
        command = [self.kubectl_program, f"--kubeconfig={self.kubeconfig}", *arguments]
        result = subprocess.run(command, input=given, capture_output=True, text=True, timeout=100)
        if result.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)} ended with {result.returncode}: {result.stderr}")
        return result.stdout

    def add_image(self, tag: str, folder: Path) -> None:
        """Give the real node an image: Python's, with the folder laid over it. A stand-in node needs none."""
        assert self.folder is not None, "a foreign cluster takes its images from a registry"
        _tool("image", tag, str(folder), self.folder.name)

    @contextmanager
    def without(self, *programs: str) -> Iterator[None]:
        """Kill programs of the cluster (`kube-apiserver`, `etcd`, ...) and keep them down; afterwards they start again.

        For a cluster that the test has for itself. It does not wait until what starts again answers.
        """
        assert self.folder is not None, "the programs of a foreign cluster are not ours"
        holds = [self.folder / "hold" / program for program in programs]
        for hold in holds:
            hold.touch()
        try:
            yield
        finally:
            for hold in holds:
                hold.unlink()

    def wait_until_ready(self, seconds: float = 120) -> None:
        """Wait until the API server says that it serves."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.kubectl("get", "--raw=/readyz")
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@dataclass(frozen=True)
class Namespace:
    """A namespace of a test's own."""

    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return self.cluster.kubectl(f"--namespace={self.name}", *arguments, given=given)

    def let_argo_report(self, account: str) -> None:
        """What an account needs that pods of Argo's workflows run under: a right for the executor in each of them."""
        resource = "workflowtaskresults.argoproj.io"
        self.kubectl("create", "role", "argo-executor", "--verb=create,patch", f"--resource={resource}")
        bound = f"--serviceaccount={self.name}:{account}"
        self.kubectl("create", "rolebinding", "argo-executor", "--role=argo-executor", bound)

    def apply(self, manifest: Object) -> None:
        self.kubectl("apply", "--filename=-", given=json.dumps(manifest))

    def get(self, resource: str, *arguments: str) -> Object:
        found: Object = json.loads(self.kubectl("get", resource, "--output=json", *arguments))
        return found

    def wait_for(self, resource: str, done: Callable[[Object], bool], seconds: float = 120) -> Object:
        """The object when `done` says yes; after so many seconds, an error that shows its status."""
        deadline = time.monotonic() + seconds
        while not done(found := self.get(resource)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{resource} after {seconds:.0f} s: {json.dumps(found.get('status'), indent=2)}")
            time.sleep(0.2)
        return found

    def wait_for_list(self, resource: str, done: Callable[[list[Object]], bool], seconds: float = 120) -> list[Object]:
        """All objects of a resource, when `done` says yes."""
        deadline = time.monotonic() + seconds
        while not done(found := self.get(resource)["items"]):
            if time.monotonic() > deadline:
                raise AssertionError(f"{resource} after {seconds:.0f} s: {json.dumps(found, indent=2)[-5000:]}")
            time.sleep(0.2)
        return list(found)

    def wait_for_condition(self, resource: str, condition: str, seconds: float = 120) -> Object:
        def holds(found: Object) -> bool:
            conditions = found.get("status", {}).get("conditions", [])
            return any(it["type"] == condition and it["status"] == "True" for it in conditions)

        return self.wait_for(resource, holds, seconds)


def find_cluster(owner: int) -> Cluster:
    """The cluster that the environment asks for; see docs/how-to/test-on-a-cluster.md.

    The suite's own one is started if need be, is shared by all processes whose `owner` is the same, and ends with it.
    """
    wanted = os.environ.get("TRIALMILL_TEST_CLUSTER", "own")
    if wanted == "none":
        raise NoClusterError("TRIALMILL_TEST_CLUSTER=none")
    if wanted == "kubeconfig":
        return _foreign()
    if wanted not in ("own", "stand-in"):
        raise AssertionError(f"TRIALMILL_TEST_CLUSTER is {wanted}, and should be own, stand-in, kubeconfig or none")
    return start_cluster(f"tests-{owner}", owner, stand_in=wanted == "stand-in")


def start_cluster(name: str, owner: int, *, stand_in: bool) -> Cluster:
    """A cluster of our own, started if need be; it ends with the process `owner` at the latest."""
    options = ["--stand-in"] if stand_in else []
    kubeconfig = Path(_up(name, f"--owner={owner}", *options))
    plan = json.loads((kubeconfig.parent / "plan.json").read_text())
    return Cluster(
        kubeconfig=kubeconfig,
        kubectl_program=_kubectl(plan["programs"]),
        folder=kubeconfig.parent,
        busybox="localhost/busybox:1",
        python="localhost/python:3",
    )


def end_cluster(cluster: Cluster) -> None:
    assert cluster.folder is not None, "a foreign cluster is not ours to end"
    _tool("down", cluster.folder.name)


def add_operator(cluster: Cluster, option: str, kind: str) -> None:
    """Have an operator run there, by the option that `tools/cluster/up` has for it; a foreign cluster has to know its
    `kind`, such as `pytorchjobs.kubeflow.org`, already.
    """
    if cluster.folder is not None:
        _up(cluster.folder.name, option)
    elif kind not in cluster.kubectl("get", "customresourcedefinitions", "--output=name"):
        raise NoClusterError(f"the cluster has no {kind}")


def other_time() -> str:
    """The library that gives a program another time of day. Raises NoClusterError where there is none."""
    return _tool("clock")


def make_namespace(cluster: Cluster) -> Namespace:
    """A new namespace, in which pods can be made at once."""
    namespace = Namespace(cluster, f"trialmill-test-{secrets.token_hex(4)}")
    cluster.kubectl("create", "namespace", namespace.name)
    for thing in ("serviceaccount/default", "configmap/kube-root-ca.crt"):
        namespace.kubectl("wait", "--for=create", thing, "--timeout=100s")
    return namespace


def _up(*arguments: str) -> str:
    """The path that tools/cluster/up prints."""
    return _tool("up", *arguments)


def _tool(name: str, *arguments: str) -> str:
    """What a command of tools/cluster prints; what it says on the way is passed on, for a build takes minutes."""
    command = [str(TOOLS / name), *arguments]
    environment = {**os.environ, "PYTHON": sys.executable}
    said = []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            sys.stderr.write(line)
            said.append(line)
        printed = process.stdout.read().strip()
    if process.returncode == 3:
        raise NoClusterError(said[-1].strip().removeprefix("cluster: "))
    if process.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {process.returncode}: {''.join(said)}")
    return printed


def _foreign() -> Cluster:
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        raise AssertionError("TRIALMILL_TEST_CLUSTER=kubeconfig, but KUBECONFIG names no file")
    return Cluster(
        kubeconfig=Path(kubeconfig),
        kubectl_program=_kubectl(None),
        folder=None,
        busybox=os.environ.get("TRIALMILL_TEST_BUSYBOX", "busybox:1.37"),
        python=os.environ.get("TRIALMILL_TEST_PYTHON", "python:3.13-slim"),
    )


def _kubectl(programs: str | None) -> str:
    found = shutil.which("kubectl", path=programs) if programs else None
    found = found or shutil.which("kubectl")
    if found is None:
        raise NoClusterError("kubectl is not on the PATH")
    return found
