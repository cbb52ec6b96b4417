"""Trialmill itself in a pod: it finds its cluster by the service account, and the Role that it prints is enough."""

import json
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from acceptance_place import Place, experiment
from cluster_under_test import Namespace, Object

pytestmark = pytest.mark.usefixtures("real_node")

SOURCE = Path(__file__).parents[2] / "src" / "trialmill"
IMAGE = "localhost/trialmill:1"
DEBIAN = (3, 11)
"""The Python of the node's image, which compiled packages have to be made for."""
NEEDED = ("PyYAML", "rich", "aiohttp", "aiohttp-socks")

STORY = """
set -eu
cd "$(mktemp -d)"
printf '%s' "$EXPERIMENT" > e.yaml
trialmill="python3 -m trialmill"
$trialmill check-cluster
$trialmill run e.yaml --runtime kubernetes --seed 1 &
while ! $trialmill trials tuned 2> /dev/null | grep -q Running; do sleep 1; done
kill -9 $!
$trialmill describe tuned | grep Cluster
$trialmill resume tuned
$trialmill trials tuned -o json > /tmp/trials.json
$trialmill delete tuned
echo TRIALS $(cat /tmp/trials.json)
"""


CODE = "import time; time.sleep(2); print('loss=${trialParameters.x}')"


def closure(names: tuple[str, ...]) -> set[str]:
    """The packages with all that they need here."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name.lower() in found:
            continue
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # needed on another system, or by another Python
        found.add(name.lower())
        left += [re.split(r"[^A-Za-z0-9._-]", need)[0] for need in needs if "extra ==" not in need]
    return found


def site_in(folder: Path) -> None:
    """The package and what it needs, as an image's `/opt/site`."""
    site = folder / "opt" / "site"
    shutil.copytree(SOURCE, site / "trialmill", ignore=shutil.ignore_patterns("__pycache__"))
    for name in closure(NEEDED):
        for file in metadata.files(name) or []:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), site / file)


def tuner(namespace: Namespace) -> Object:
    """A pod of no known user, which has no home."""
    tree = experiment(["python3", "-c", CODE], name="tuned", container={"image": namespace.cluster.python})
    variables = {"PYTHONPATH": "/opt/site", "EXPERIMENT": yaml.safe_dump(tree)}
    container = {
        "name": "tuner",
        "image": IMAGE,
        "command": ["sh", "-c", STORY],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "securityContext": {"runAsUser": 12345, "runAsGroup": 12345},
    }
    spec = {"restartPolicy": "Never", "serviceAccountName": "tuner", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tuner"}, "spec": spec}


@pytest.mark.skipif(sys.version_info[:2] != DEBIAN, reason="compiled packages of this Python do not run in the image")
def test_a_pod_tunes_with_its_service_account_and_goes_on_after_its_death(
    namespace: Namespace, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("image")
    site_in(folder)
    namespace.cluster.add_image(IMAGE, folder)
    namespace.kubectl("create", "serviceaccount", "tuner")
    role = place("check-cluster", "--role", "--namespace", namespace.name).out
    namespace.kubectl("apply", "--filename=-", given=role)
    account = f"--serviceaccount={namespace.name}:tuner"
    namespace.kubectl("create", "rolebinding", "tuner", "--role=trialmill", account)
    namespace.apply(tuner(namespace))

    ended = namespace.wait_for("pod/tuner", lambda pod: pod["status"]["phase"] in ("Succeeded", "Failed"), 150)
    said = namespace.kubectl("logs", "tuner")
    assert ended["status"]["phase"] == "Succeeded", said
    assert "ready for trials" in said
    assert re.search(r"^Cluster: +https://10\.0\.0\.1:443 \(context in-cluster\)$", said, re.MULTILINE)
    trials = json.loads(said.rpartition("TRIALS ")[2])["items"]
    assert [trial["status"]["conditions"][-1]["type"] for trial in trials] == ["Succeeded"] * 4
    assert namespace.get("jobs")["items"] == []
