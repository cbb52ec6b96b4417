"""Connections that lead nowhere any more and that nobody closes: all output is read, and once."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from acceptance_place import Place, ends, wait_until
from cluster_place import LONG, assert_each_trial_is_there_once, on_the_real_node
from cluster_runs import changed_program
from cluster_under_test import Cluster, Namespace
from kube_tcp_proxy import TcpProxy, tcp_proxy

pytestmark = pytest.mark.usefixtures("real_node")

LOSSES: dict[str, Callable[[TcpProxy], None]] = {"frozen": TcpProxy.freeze, "half-closed": TcpProxy.half_close}
LINES = 10
PROGRAM = f"""
import sys, time
for i in range({LINES}):
    print("loss=%r" % (float(sys.argv[1]) + i), flush=True)
    time.sleep(0.8)
"""
SOON = """
from datetime import timedelta
from trialmill.kube import http_api
http_api._SILENT_WATCH = timedelta(seconds=8)
"""
"""Seconds instead of minutes until a watch that says nothing is given up."""


@pytest.mark.parametrize("loss", LOSSES)
def test_no_output_is_lost_or_doubled_when_all_connections_are_lost_without_a_word(
    cluster: Cluster, namespace: Namespace, tmp_path: Path, loss: str
) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    assert server.port is not None
    with tcp_proxy(server.port) as proxy:
        place = through(proxy, cluster, tmp_path)
        command = ["python3", "-c", PROGRAM, "${trialParameters.x}"]
        place.write("e.yaml", on_the_real_node(namespace, command, trials=2, parallel=2))
        process = changed_program(SOON, "run", "e.yaml")(place, namespace)
        wait_until(lambda: points(place) > 1)
        LOSSES[loss](proxy)
        outcome = place.end_of(process, seconds=LONG)
        trials = assert_each_trial_is_there_once(place, namespace, 2)
        place.clean()

    assert proxy.lost > 2  # two watches, and a log at least
    assert ends(trials) == ["Succeeded"] * 2
    assert points(place) == 2 * LINES
    assert "CollectionTimedOut" not in place("describe", "e").out
    assert outcome.code == 0


def points(place: Place) -> int:
    """How many points are stored."""
    count: int = place.rows("SELECT COUNT(*) FROM point")[0][0] if place.count_of_trials() else 0
    return count


def through(proxy: TcpProxy, cluster: Cluster, folder: Path) -> Place:
    """A folder whose commands reach the cluster through the proxy."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for each in config["clusters"]:
        address = urlsplit(each["cluster"]["server"])
        each["cluster"]["server"] = f"{address.scheme}://{address.hostname}:{proxy.port}"
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return Place(folder, {"KUBECONFIG": str(path)})
