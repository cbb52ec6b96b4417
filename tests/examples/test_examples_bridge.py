"""The bridge ends its child in both ways: by the owner of what it creates, and by the signal that ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BRIDGE = Path(__file__).resolve().parents[2] / "examples" / "templates" / "bridge.py"
KUBECTL = """\
#!/bin/sh
echo "$*" >> calls
case "$1" in
create) cat > created.json ;;
logs) echo loss=0.5; if [ -e hang ]; then touch hanging; exec sleep 1000; fi ;;
esac
"""
PATIENCE = 120.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a kubectl that writes down what it is asked, and a training that takes its time."""
    (tmp_path / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (tmp_path / "kubectl").chmod(0o755)
    script = "import os, time; open('child', 'w').write(str(os.getpid())); time.sleep(1000)"
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    return tmp_path


def start(place: Path, **variables: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(place), str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.Popen(
        [sys.executable, str(BRIDGE), "--lr=0.1"],
        cwd=place,
        env={**os.environ, "PATH": path, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(file: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not (file.exists() and (file.stat().st_size or file.name == "hanging")):
        assert time.monotonic() < end, f"{file.name} never came"
        time.sleep(0.02)


CLUSTER = {"KUBERNETES_SERVICE_HOST": "here", "POD_NAME": "trial-1", "POD_UID": "u1"}


@pytest.mark.examples
def test_on_a_cluster_the_child_belongs_to_the_trials_pod_and_its_output_is_the_trials(place: Path) -> None:
    out, _ = start(place, **CLUSTER).communicate(timeout=PATIENCE)
    created = json.loads((place / "created.json").read_text(encoding="utf-8"))
    assert created["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "trial-1", "uid": "u1"}
    ]
    assert created["spec"]["template"]["spec"]["containers"][0]["command"] == ["python", "train.py", "--lr=0.1"]
    assert out == "loss=0.5\n"


@pytest.mark.examples
def test_on_a_cluster_the_signal_that_ends_the_trial_deletes_the_child(place: Path) -> None:
    (place / "hang").touch()
    bridge = start(place, **CLUSTER)
    wait_for(place / "hanging")
    bridge.send_signal(signal.SIGTERM)
    bridge.communicate(timeout=PATIENCE)
    last = (place / "calls").read_text(encoding="utf-8").splitlines()[-1]
    assert last == "delete job trial-1-child --ignore-not-found --wait=false"
    assert bridge.returncode == 128 + signal.SIGTERM


@pytest.mark.examples
def test_elsewhere_the_signal_ends_the_process_that_was_started(place: Path) -> None:
    bridge = start(place)
    wait_for(place / "child")
    child = int((place / "child").read_text(encoding="utf-8"))
    bridge.send_signal(signal.SIGTERM)
    bridge.communicate(timeout=PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
