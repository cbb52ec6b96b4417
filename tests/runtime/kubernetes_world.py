"""A cluster in memory whose Jobs run: a Job controller and a node in a few lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trialmill.api.tree import Json, JsonObject, get, get_list, get_object, get_string
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.target import KindRef, Target
from trialmill.testing.kube_cluster import JOB, POD, FakeCluster
from trialmill.testing.kube_fake import FakeKubeApi
from trialmill.testing.virtual_time import VirtualClock

JOB_KIND = KindRef("batch/v1", "Job")


class KubernetesWorld:
    """A cluster, and what plays the part of its controllers while the world is open."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.api = FakeKubeApi(self.cluster)
        self._runs: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        controller = asyncio.create_task(self._control())
        try:
            yield
        finally:
            tasks = [controller, *self._runs.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._runs.clear()

    async def _control(self) -> None:
        while True:
            for job in self.cluster.objects(JOB):
                uid = get_string(job, "metadata", "uid")
                if uid not in self._runs and not get(job, "status", "conditions"):
                    self._runs[uid] = asyncio.create_task(self._run(job))
            await self.cluster.changed()

    async def _run(self, job: JsonObject) -> None:
        name, namespace = get_string(job, "metadata", "name"), get_string(job, "metadata", "namespace")
        output, code, seconds = [str(word) for word in get_list(job, *_CONTAINER, "args")]
        pod = f"{name}-abcde"
        self.cluster.create(POD, pod_of(job, pod), namespace)
        self.cluster.set_status(POD, pod, pod_status("Running", {"running": {}}), namespace)
        self.cluster.set_status(JOB, name, {"active": 1, "ready": 1}, namespace)
        self.api.write_log(pod, f"{output}\n".encode(), "main", namespace)
        await asyncio.sleep(float(seconds))
        self.api.pod_logs.end((namespace, pod, "main"))
        ended: JsonObject = {"terminated": {"exitCode": int(code), "reason": "Error" if int(code) else "Completed"}}
        phase = "Failed" if int(code) else "Succeeded"
        self.cluster.set_status(POD, pod, pod_status(phase, ended), namespace)
        condition: JsonObject = {"type": "Failed" if int(code) else "Complete", "status": "True"}
        self.cluster.set_status(JOB, name, {"conditions": [condition]}, namespace)


_CONTAINER = ("spec", "template", "spec", "containers", 0)


def job(output: str = "", code: int = 0, seconds: float = 0.0, name: str = "") -> JsonObject:
    """A Job that the world's controller runs."""
    metadata: JsonObject = {"name": name} if name else {}
    container: JsonObject = {"name": "main", "image": "busybox", "args": [output, str(code), str(seconds)]}
    spec: JsonObject = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    }


def pod_of(job: JsonObject, name: str) -> JsonObject:
    """A pod as the Job controller makes it."""
    template = get_object(job, "spec", "template")
    owner: JsonObject = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": get_string(job, "metadata", "name"),
        "uid": get_string(job, "metadata", "uid"),
        "controller": True,
    }
    metadata: JsonObject = {**get_object(template, "metadata"), "name": name, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def pod_status(phase: str, state: JsonObject, **more: Json) -> JsonObject:
    """The status of a pod of one container `main`."""
    container: JsonObject = {"name": "main", "containerID": "containerd://0123456789abcdef", "state": state, **more}
    return {"phase": phase, "containerStatuses": [container]}


def runtime_on(world: KubernetesWorld, **changes: object) -> KubernetesRuntime:
    told: dict[str, object] = {"namespace": "default", "kind": JOB_KIND, "primary_container": "main", **changes}
    target = Target(**told)  # type: ignore[arg-type]
    return KubernetesRuntime(world.api, target, VirtualClock())
