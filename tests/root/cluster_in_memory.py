"""A cluster in memory behind the doors: Jobs print their first argument and are complete."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from trialmill.api.tree import JsonObject, get, get_object, get_string
from trialmill.kube.api import KubeApi
from trialmill.root import clusters
from trialmill.root.creating import ClusterChoice
from trialmill.testing.kube_cluster import JOB, POD, FakeCluster
from trialmill.testing.kube_fake import FakeKubeApi

EXPERIMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: tuned}
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  parallelTrialCount: 2
  maxTrialCount: 4
  parameters:
  - {name: x, parameterType: double, feasibleSpace: {min: "0", max: "1"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{name: x, reference: x}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        backoffLimit: 0
        template:
          spec:
            restartPolicy: Never
            containers:
            - name: main
              image: busybox
              args: ["loss=${trialParameters.x}"]
"""
CHOICE = ClusterChoice(context="test")


class Cluster:
    """Jobs print their first argument and are complete; those in `holds` run on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = FakeCluster()
        self.api = FakeKubeApi(self.cluster)
        self.holds = False
        self._printing: set[str] = set()
        monkeypatch.setattr(clusters, "connected", self._connected)

    @asynccontextmanager
    async def _connected(self, choice: ClusterChoice) -> AsyncIterator[KubeApi]:
        assert choice.context == "test"
        controller = asyncio.create_task(self._control())
        yield self.api
        controller.cancel()
        await asyncio.gather(controller, return_exceptions=True)

    async def _control(self) -> None:
        while True:
            for job in self.cluster.objects(JOB):
                if get(job, "status") is None or not (self.holds or get(job, "status", "conditions")):
                    self._play(job)
            there = {get_string(pod, "metadata", "name") for pod in self.cluster.objects(POD)}
            for gone in self._printing - there:
                self.api.pod_logs.forget(("default", gone, "main"))
            self._printing = there
            await self.cluster.changed()

    def _play(self, job: JsonObject) -> None:
        name = get_string(job, "metadata", "name")
        pod = f"{name}-abcde"
        if get(job, "status") is None:
            template = get_object(job, "spec", "template")
            metadata: JsonObject = {**get_object(template, "metadata"), "name": pod}
            owner: JsonObject = {"kind": "Job", "name": name, "uid": get_string(job, "metadata", "uid")}
            metadata["ownerReferences"] = [{**owner, "apiVersion": "batch/v1", "controller": True}]
            self.cluster.create(POD, {"metadata": metadata, "spec": template["spec"]}, "default")
            self.api.write_log(pod, f"{get(template, 'spec', 'containers', 0, 'args', 0)}\n".encode())
        running: JsonObject = {"containerStatuses": [{"name": "main", "state": {"running": {}}}], "phase": "Running"}
        over: JsonObject = {"containerStatuses": [{"name": "main", "state": {"terminated": {}}}], "phase": "Succeeded"}
        self.cluster.set_status(POD, pod, running if self.holds else over)
        complete: JsonObject = {"conditions": [{"type": "Complete", "status": "True"}]}
        self.cluster.set_status(JOB, name, {"active": 1} if self.holds else complete)
        if not self.holds:
            self.api.pod_logs.end(("default", pod, "main"))
