"""Start something else, pass on what it prints, and wait for it: a bridge from a trial to a job of another kind.

In a pod the child is a Job that the pod owns, so that the cluster removes it whenever the trial goes, also without a
word. Elsewhere it is a process. In both places the signal that ends the trial ends the child, while there is time.
"""

import json
import os
import signal
import subprocess
import sys

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

    def delete_child(number: int, _frame: object) -> None:
        delete = ["kubectl", "delete", "job", name, "--ignore-not-found", "--wait=false"]
        subprocess.run(delete, stdout=sys.stderr, check=False)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, delete_child)
    subprocess.run(["kubectl", "create", "-f", "-"], input=manifest(name), stdout=sys.stderr, text=True, check=True)
    subprocess.run(["kubectl", "logs", "-f", f"job/{name}", "--pod-running-timeout=10m"], check=False)
    wait = ["kubectl", "wait", f"job/{name}", "--for=condition=Complete", "--timeout=60s"]
    return subprocess.run(wait, stdout=sys.stderr, check=False).returncode


def run_here() -> int:
    told: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def end_child(number: int, _frame: object) -> None:
        told.append(number)
        if child is not None:
            child.terminate()

    signal.signal(signal.SIGTERM, end_child)
    child = subprocess.Popen(CHILD)
    if told:  # while it was being started
        child.terminate()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run_on_cluster() if "KUBERNETES_SERVICE_HOST" in os.environ else run_here())
