"""Start something else, pass on what it prints, and wait for it: a bridge from a trial to a job of another kind.

In a pod the child is a Job that the pod owns, so that the cluster removes it whenever the trial goes, also without a
word. Elsewhere it is a process. In both places the signal that ends the trial ends the child, while there is time.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

CHILD = ["python", "train.py", *sys.argv[1:]]


def manifest(name: str) -> str:
    """The child's Job, owned by this pod: `POD_NAME` and `POD_UID` come from the downward API."""
    owner = {"apiVersion": "v1", "kind": "Pod", "name": os.environ["POD_NAME"], "uid": os.environ["POD_UID"]}
    pod = {"restartPolicy": "Never", "containers": [{"name": "train", "image": "example/train", "command": CHILD}]}
    return json.dumps(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "ownerReferences": [owner]},
            "spec": {"backoffLimit": 0, "template": {"spec": pod}},
        }
    )


def run_on_cluster() -> int:
    name = f"{os.environ['POD_NAME']}-child"
    subprocess.run(["kubectl", "create", "-f", "-"], input=manifest(name), text=True, check=True)
    on_signal(lambda: subprocess.run(["kubectl", "delete", "job", name, "--wait=false"], check=False))
    subprocess.run(["kubectl", "logs", "-f", f"job/{name}", "--pod-running-timeout=10m"], check=False)
    wait = ["kubectl", "wait", f"job/{name}", "--for=condition=Complete", "--timeout=60s"]
    return subprocess.run(wait, stdout=sys.stderr, check=False).returncode


def run_here() -> int:
    child = subprocess.Popen(CHILD)
    on_signal(child.terminate)
    return child.wait()


def on_signal(end_the_child: Callable[[], object]) -> None:
    def leave(number: int, _frame: object) -> None:
        end_the_child()
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


if __name__ == "__main__":
    sys.exit(run_on_cluster() if "KUBERNETES_SERVICE_HOST" in os.environ else run_here())
