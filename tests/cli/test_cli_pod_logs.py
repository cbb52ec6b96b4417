"""`logs` of a trial on a cluster: what is kept beside the store, and what its pods still have."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cluster_in_memory import CHOICE, EXPERIMENT, Cluster

from trialmill.api.tree import get_string
from trialmill.cli.failures import BAD_INPUT, FAILED, OK
from trialmill.cli.main import main
from trialmill.kube.api import UnreachableError
from trialmill.root import clusters, pod_logs
from trialmill.root.creating import Options
from trialmill.root.prepare import prepare
from trialmill.root.session import Session, run
from trialmill.testing.kube_cluster import JOB, POD

ONE = EXPERIMENT.replace("maxTrialCount: 4", "maxTrialCount: 1").replace("Count: 2", "Count: 1")
HELPED = f"{ONE}            - {{name: helper, image: busybox}}\n"
RETAINED = HELPED.replace("    primaryContainerName", "    retain: true\n    primaryContainerName")


class Place:
    """A store with one trial that is over, and the cluster that it ran on."""

    def __init__(self, cluster: Cluster, folder: Path, text: str) -> None:
        self.cluster = cluster
        self.store = str(folder / "store.db")
        file = folder / "experiment.yaml"
        file.write_text(text, encoding="utf-8")
        checked = prepare([str(file)], cluster_namespace="default").checked
        assert checked is not None
        options = Options(str(folder), seed=1, cluster=CHOICE)
        (trial,) = asyncio.run(run(self.store, checked, options, Session())).trials
        self.trial = trial.name
        self.x = trial.assignments["x"]
        self.pod = next((get_string(pod, "metadata", "name") for pod in cluster.cluster.objects(POD)), "")
        if self.pod:
            cluster.api.write_log(self.pod, b"helping\n", "helper")

    def logs(self, *words: str) -> int:
        return main(["logs", "tuned", self.trial, "--store", self.store, *words])


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster(monkeypatch)
    monkeypatch.setattr(pod_logs, "connected", clusters.connected)
    return cluster


@pytest.fixture
def retained(tmp_path: Path, cluster: Cluster) -> Place:
    """Its pods are there still."""
    return Place(cluster, tmp_path, RETAINED)


@pytest.fixture
def gone(tmp_path: Path, cluster: Cluster) -> Place:
    return Place(cluster, tmp_path, HELPED)


def test_the_output_that_counts_is_read_beside_the_store(retained: Place, capsys: pytest.CaptureFixture[str]) -> None:
    before = len(retained.cluster.api.calls)
    assert retained.logs() == OK
    assert capsys.readouterr().out == f"loss={retained.x}\n"
    assert len(retained.cluster.api.calls) == before


def test_another_container_is_read_from_its_pod(retained: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert retained.logs("-c", "helper") == OK
    assert capsys.readouterr().out == "helping\n"


def test_all_containers_have_titles(retained: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert retained.logs("--all-containers") == OK
    titles = [f"==> pod {retained.pod}, container {name} <==\n" for name in ("main", "helper")]
    assert capsys.readouterr().out == f"{titles[0]}loss={retained.x}\n{titles[1]}helping\n"


def test_a_run_that_is_over_is_not_followed(retained: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert retained.logs("-f", "-p", "-c", "main") == FAILED
    assert "previous terminated container" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-c", "nope"], BAD_INPUT, "has no container nope; it has main, helper"),
        (["-p"], FAILED, 'previous terminated container "main"'),
        (["-c", "main", "--all-containers"], BAD_INPUT, "not allowed with"),
    ],
)
def test_what_is_not_there_is_said(
    retained: Place, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert retained.logs(*words) == code
    except SystemExit as error:
        assert error.code == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-c", "helper"], ["-p"], ["-c", "nope"]])
def test_once_the_pods_are_gone_the_error_names_what_is_kept(
    gone: Place, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert gone.cluster.cluster.objects(JOB) == []
    assert gone.logs(*words) == FAILED
    assert "kept is what container main printed" in capsys.readouterr().err


def test_of_all_containers_the_copy_is_shown_once_the_pods_are_gone(
    gone: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gone.logs("--all-containers") == OK
    said = capsys.readouterr()
    assert said.out == f"loss={gone.x}\n"
    assert "the copy of what was read" in said.err


def test_where_the_cluster_does_not_answer_the_copy_is_shown(
    retained: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @asynccontextmanager
    async def unreachable(choice: object) -> Any:
        retained.cluster.api.fail("list", UnreachableError("no route"), times=99)
        yield retained.cluster.api

    monkeypatch.setattr(pod_logs, "connected", unreachable)
    assert retained.logs("--all-containers") == OK
    said = capsys.readouterr()
    assert said.out == f"loss={retained.x}\n"
    assert "does not show what was printed: no route" in said.err
    assert retained.logs("-c", "helper") == FAILED
