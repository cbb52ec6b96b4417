"""The floor: the same Jobs, made directly by the least that can make them, so many at a time."""

import itertools
import json
import threading
import time
from typing import Any

from cluster_server import ApiServer


def run_jobs(
    server: ApiServer, namespace: str, job: dict[str, Any], count: int, parallel: int, *, whole: bool
) -> float:
    """Seconds from the first Job to the last one's end. A watch tells of ends, as it would tell anybody.

    `whole`: the log of each Job is read and the Job is deleted, so that a place is free again only then: what anybody
    has to do who wants the results and leaves nothing behind.
    """
    floor = _Floor(server, namespace, job, whole=whole)
    return floor.run(count, parallel)


class _Floor:
    def __init__(self, server: ApiServer, namespace: str, job: dict[str, Any], *, whole: bool) -> None:
        self._server = server
        self._jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._job = job
        self._whole = whole
        self._ends: dict[str, threading.Event] = {}
        self._pod_of: dict[str, str] = {}

    def run(self, count: int, parallel: int) -> float:
        for path, hear in ((self._jobs, self._hear_job), (self._pods, self._hear_pod)):
            version = self._server.read(f"{path}?limit=1")["metadata"]["resourceVersion"]
            threading.Thread(target=self._follow, args=(path, version, hear), daemon=True).start()
        numbers = itertools.count()
        start = time.perf_counter()
        places = [threading.Thread(target=self._work, args=(numbers, count)) for _ in range(parallel)]
        for place in places:
            place.start()
        for place in places:
            place.join()
        return time.perf_counter() - start

    def _work(self, numbers: "itertools.count[int]", count: int) -> None:
        while (number := next(numbers)) < count:
            name = f"floor-{number}"
            ended = self._ends[name] = threading.Event()
            job = {**self._job, "metadata": {**self._job.get("metadata", {}), "name": name}}
            self._server.request("POST", self._jobs, job)
            if not ended.wait(120):
                raise TimeoutError(f"{name} has not ended")
            if self._whole:
                while name not in self._pod_of:  # the stream of pods may be later than that of Jobs
                    time.sleep(0.05)
                self._server.request("GET", f"{self._pods}/{self._pod_of[name]}/log?timestamps=true")
                self._server.request("DELETE", f"{self._jobs}/{name}", {"propagationPolicy": "Background"})

    def _follow(self, path: str, version: str, hear: Any) -> None:
        for event in self._server.watch(path, version):
            hear(event["object"])

    def _hear_job(self, job: dict[str, Any]) -> None:
        conditions = job.get("status", {}).get("conditions", ())
        if any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions):
            self._ends[job["metadata"]["name"]].set()

    def _hear_pod(self, pod: dict[str, Any]) -> None:
        name = pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name")
        if name:
            self._pod_of[name] = pod["metadata"]["name"]


def make_jobs(server: ApiServer, namespace: str, job: dict[str, Any], count: int, threads: int = 8) -> None:
    """Make Jobs and wait for nothing."""
    numbers = itertools.count()

    def work() -> None:
        while (number := next(numbers)) < count:
            metadata = {"name": f"filler-{number}", "labels": {"filler": "true"}}
            server.request("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", {**job, "metadata": metadata})

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def copied(job: dict[str, Any]) -> dict[str, Any]:
    """A deep copy of a manifest."""
    copy: dict[str, Any] = json.loads(json.dumps(job))
    return copy
