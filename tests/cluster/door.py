"""The command line at work on a cluster: an experiment's file, a store of its own, and what the commands say."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

from cluster_under_test import Namespace

Object = dict[str, Any]

EXPERIMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: tuned}}
spec:
  objective: {{type: minimize, objectiveMetricName: loss}}
  algorithm: {{algorithmName: random}}
  parallelTrialCount: {parallel}
  maxTrialCount: {trials}
  maxFailedTrialCount: {failed}
{more}
  parameters:
  - {{name: x, parameterType: double, feasibleSpace: {{min: "0", max: "1"}}}}
  trialTemplate:
    primaryContainerName: {container}
    trialParameters: [{{name: x, reference: x}}]
{conditions}
    trialSpec:
{manifest}
"""
LOSS = "${trialParameters.x}"


@dataclass
class Door:
    """`trialmill` in a folder, against one namespace."""

    folder: Path
    namespace: Namespace

    def write(
        self,
        manifest: Object,
        *,
        trials: int = 2,
        parallel: int | None = None,
        more: str = "",
        conditions: str = "",
        container: str = "main",
    ) -> None:
        """The Experiment's file; manifests are JSON, which is YAML too."""
        text = EXPERIMENT.format(
            manifest=indent(json.dumps(manifest, indent=2), " " * 6),
            trials=trials,
            parallel=parallel or min(trials, 2),
            failed=min(trials, 2),
            more=indent(more, "  "),
            conditions=indent(conditions, "    "),
            container=container,
        )
        (self.folder / "experiment.yaml").write_text(text, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.namespace.cluster.kubeconfig)}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A command that goes on beside the test."""
        command = [sys.executable, "-m", "trialmill", *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def call(self, *words: str, code: int = 0) -> str:
        """What a command prints, on either stream; it must end with this exit code."""
        process = self.start(*words)
        try:
            printed, _ = process.communicate(timeout=150)
        finally:
            process.kill()
        assert process.returncode == code, printed
        return printed

    def run_words(self, *more: str) -> Sequence[str]:
        return ("run", "experiment.yaml", "--runtime", "kubernetes", "-n", self.namespace.name, "--seed", "1", *more)

    def trials(self) -> list[Object]:
        found: list[Object] = json.loads(self.call("trials", "tuned", "-o", "json"))["items"]
        return found

    def phases(self) -> list[str]:
        return [trial["status"]["conditions"][-1]["type"] for trial in self.trials()]


def job(command: str, image: str, **spec: object) -> Object:
    """A Job whose container `main` runs a line of shell."""
    used = [{"name": "X", "value": LOSS}]
    container = {"name": "main", "image": image, "command": ["sh", "-c", command], "env": used}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
