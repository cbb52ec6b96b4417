"""Running from Python on a cluster: the same options as the command's, the same answers."""

import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cluster_in_memory import EXPERIMENT, Cluster
from sdk_samples import job, sample

from trialmill import Experiment, InputError, RefusedError, ValidationError, param
from trialmill.kube.api import KubeError
from trialmill.testing.kube_cluster import JOB

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: c, user: u, namespace: team}}, {name: other, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    (tmp_path / "config").write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("TRIALMILL_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    return Cluster(monkeypatch)


def tuning() -> Experiment:
    return Experiment.from_yaml(EXPERIMENT)


def test_a_run_on_a_cluster_returns_what_one_here_does(cluster: Cluster) -> None:
    result = tuning().run(runtime="kubernetes", context="test", namespace="default", seed=1)
    assert result.succeeded
    assert result.namespace == "default"
    assert [trial.value for trial in result.trials] == [trial.assignment["x"] for trial in result.trials]
    assert [call.plural for call in cluster.api.calls if call.verb == "create"].count("jobs") >= 4
    assert tuning().result().to_rows() == result.to_rows()
    assert tuning().result(namespace="default").succeeded


def test_the_namespace_is_the_contexts_where_nobody_names_one(cluster: Cluster) -> None:
    with pytest.raises(ValidationError, match="no namespace team"):
        tuning().run(runtime="kubernetes")


def test_what_the_cluster_refuses_is_raised_and_nothing_is_made(cluster: Cluster) -> None:
    cluster.api.fail("create", KubeError(422, "Invalid", "no such registry"), plural="jobs", times=99)
    with pytest.raises(ValidationError, match="no such registry"):
        tuning().run(runtime="kubernetes", namespace="default")
    assert cluster.cluster.objects(JOB) == []


def test_what_is_over_is_returned_without_asking_the_cluster(cluster: Cluster) -> None:
    first = tuning().run(runtime="kubernetes", namespace="default", seed=1)
    before = len(cluster.api.calls)
    again = tuning().run(runtime="kubernetes", namespace="default")
    assert again.to_rows() == first.to_rows()
    assert not [call for call in cluster.api.calls[before:] if call.verb == "create"]


def test_an_experiment_of_a_cluster_is_not_run_here(cluster: Cluster) -> None:
    tuning().run(runtime="kubernetes", namespace="default", seed=1)
    with warnings.catch_warnings(), pytest.raises((RefusedError, ValidationError)):
        warnings.simplefilter("ignore")
        tuning().run(namespace="default", max_trials=8)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"context": "test"}, 'add runtime="kubernetes"'),
        ({"pending_timeout": 60}, 'add runtime="kubernetes"'),
        ({"printer_image": "sh"}, 'add runtime="kubernetes"'),
        ({"runtime": "podman"}, '"local" or "kubernetes"'),
        ({"runtime": "kubernetes", "images": {"a": "."}}, "images are for this machine"),
        ({"runtime": "kubernetes", "parallel": "auto"}, "a number of trials"),
        ({"runtime": "kubernetes", "context": "nowhere"}, "no context 'nowhere'"),
        ({"runtime": "kubernetes", "pending_timeout": "soon"}, "pending_timeout"),
    ],
)
def test_options_that_mean_nothing_are_refused(cluster: Cluster, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sample(job("sh", "-c", f"echo {param('lr')} {param('layers')} {param('optimizer')}")).run(**options)


def test_progress_says_what_trials_wait_for(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    made = cluster.api.create
    left = [1]

    async def create(*words: Any, **options: Any) -> Any:
        if not options.get("dry_run") and left[0]:
            left[0] -= 1
            raise KubeError(429, "TooManyRequests", "slow down", retry_after=timedelta(milliseconds=10))
        return await made(*words, **options)

    cluster.api.create = create  # type: ignore[method-assign]
    assert tuning().run(runtime="kubernetes", namespace="default", progress=True).succeeded
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(" waits, ")[2] for line in told if " waits, " in line] == ["TooManyRequests: slow down"]
