"""Experiments on a cluster in memory, from the file to the end: the same doors, another runtime."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cluster_in_memory import CHOICE, EXPERIMENT, Cluster

from trialmill.api.problem import Severity
from trialmill.api.tree import JsonObject, get_list
from trialmill.check.documents import Checked
from trialmill.engine.records import ExperimentPhase, ExperimentRecord, ExperimentRef, TrialPhase
from trialmill.kube.api import Cause, KubeApi, KubeError, UnreachableError
from trialmill.root import clusters
from trialmill.root.clusters import check_there, grace_of_pods
from trialmill.root.control import delete
from trialmill.root.creating import Options
from trialmill.root.errors import InputError, RefusedError, RootError
from trialmill.root.leftovers import LeftThere
from trialmill.root.prepare import prepare
from trialmill.root.session import Session, resume, run
from trialmill.store.sql.open import open_store
from trialmill.testing.kube_cluster import CONFIG_MAP, JOB, POD
from trialmill.testing.stored import running_experiment


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(monkeypatch)


def checked_from(tmp_path: Path, text: str = EXPERIMENT) -> Checked:
    file = tmp_path / "experiment.yaml"
    file.write_text(text, encoding="utf-8")
    prepared = prepare([str(file)], cluster_namespace="default")
    assert prepared.checked is not None, prepared.problems
    return prepared.checked


def test_an_experiment_runs_on_a_cluster_and_leaves_nothing_there(tmp_path: Path, cluster: Cluster) -> None:
    store = str(tmp_path / "store.db")
    finished = asyncio.run(run(store, checked_from(tmp_path), Options(".", seed=1, cluster=CHOICE), Session()))
    assert finished.record.phase is ExperimentPhase.SUCCEEDED
    assert [trial.phase for trial in finished.trials] == [TrialPhase.SUCCEEDED] * 4
    for trial in finished.trials:
        (metric,) = trial.observation.metrics if trial.observation else ()
        assert metric.latest == pytest.approx(trial.assignments["x"])
    assert cluster.cluster.objects(JOB) == cluster.cluster.objects(POD) == []


def test_what_was_printed_is_kept_beside_the_store(tmp_path: Path, cluster: Cluster) -> None:
    store = str(tmp_path / "store.db")
    finished = asyncio.run(run(store, checked_from(tmp_path), Options(".", seed=1, cluster=CHOICE), Session()))
    first = finished.trials[0]
    (log,) = (tmp_path / "runs" / first.experiment_uid / "0-1").glob("*.log")
    assert log.read_text() == f"loss={first.assignments['x']}\n"


def test_requests_do_not_grow_with_the_time_that_a_trial_takes(tmp_path: Path, cluster: Cluster) -> None:
    store = str(tmp_path / "store.db")
    asyncio.run(run(store, checked_from(tmp_path), Options(".", seed=1, cluster=CHOICE), Session()))
    writes = [
        call for call in cluster.api.calls if call.verb in ("create", "delete", "patch") and call.plural == "jobs"
    ]
    assert len(writes) == 4 * 2


class Interrupts(Session):
    """Stops as Ctrl-C does once trials run."""

    def driven(self, stop: object) -> None:
        assert callable(stop)
        asyncio.get_running_loop().call_later(0.5, stop)


def test_a_stopped_experiment_goes_on_on_its_cluster(tmp_path: Path, cluster: Cluster) -> None:
    store = str(tmp_path / "store.db")
    checked = checked_from(tmp_path)
    cluster.holds = True
    stopped = asyncio.run(run(store, checked, Options(".", seed=1, cluster=CHOICE), Interrupts()))
    assert stopped.record.phase is ExperimentPhase.STOPPED
    assert cluster.cluster.objects(JOB) == []
    cluster.holds = False
    finished = asyncio.run(resume(store, ExperimentRef("default", "tuned"), Session()))
    assert finished.record.phase is ExperimentPhase.SUCCEEDED


def test_an_experiment_stays_where_it_was_started(tmp_path: Path, cluster: Cluster) -> None:
    store = str(tmp_path / "store.db")
    checked = checked_from(tmp_path)
    asyncio.run(run(store, checked, Options(".", seed=1, cluster=CHOICE), Session()))
    with pytest.raises(RefusedError, match="context test"):
        asyncio.run(run(store, checked, Options("."), Session()))


def test_deleting_takes_away_what_is_left_on_the_cluster(tmp_path: Path, cluster: Cluster) -> None:
    store = str(tmp_path / "store.db")
    text = EXPERIMENT.replace("    primaryContainerName", "    retain: true\n    primaryContainerName")
    finished = asyncio.run(run(store, checked_from(tmp_path, text), Options(".", cluster=CHOICE), Session()))
    assert len(cluster.cluster.objects(JOB)) == 4

    async def forget() -> None:
        async with open_store(store) as stores:
            await delete(stores, finished.record, tmp_path / "runs")

    asyncio.run(forget())
    assert cluster.cluster.objects(JOB) == []
    assert not (tmp_path / "runs" / finished.record.uid).exists()


async def forgotten(tmp_path: Path, record: ExperimentRecord, *, orphan: bool) -> LeftThere | None:
    async with open_store(str(tmp_path / "store.db")) as stores:
        return await delete(stores, record, tmp_path / "runs", orphan=orphan)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (InputError("the kubeconfig has no context 'test'", "it has: other"), InputError),
        (UnreachableError("no route to host"), RefusedError),
        (KubeError(403, "Forbidden", "jobs.batch is forbidden"), RefusedError),
    ],
)
def test_what_cannot_be_deleted_on_the_cluster_can_be_left_there(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[RootError]
) -> None:
    text = EXPERIMENT.replace("    primaryContainerName", "    retain: true\n    primaryContainerName")
    store = str(tmp_path / "store.db")
    record = asyncio.run(run(store, checked_from(tmp_path, text), Options(".", cluster=CHOICE), Session())).record

    @asynccontextmanager
    async def connected(choice: object) -> AsyncIterator[KubeApi]:
        if isinstance(error, InputError):
            raise error
        cluster.api.fail("list", error, times=99)
        yield cluster.api

    monkeypatch.setattr(clusters, "connected", connected)
    with pytest.raises(raised, match=r"leave what is there: trialmill delete tuned --cascade orphan"):
        asyncio.run(forgotten(tmp_path, record, orphan=False))
    left = asyncio.run(forgotten(tmp_path, record, orphan=True))
    assert left is not None
    assert left.options == f"job.batch --context test -n default -l trialmill.dev/experiment-uid={record.uid}"
    assert len(cluster.cluster.objects(JOB)) == 4
    assert not (tmp_path / "runs" / record.uid).exists()


def test_an_experiment_of_this_machine_leaves_nothing_elsewhere(tmp_path: Path) -> None:
    record = running_experiment()

    async def story() -> None:
        async with open_store(str(tmp_path / "store.db")) as stores:
            await stores.trials.save([record])
            await delete(stores, await stores.trials.experiment(record.ref), tmp_path, orphan=True)

    with pytest.raises(InputError, match="runs on this machine"):
        asyncio.run(story())


def test_what_the_cluster_refuses_is_shown_at_the_line_of_the_file(tmp_path: Path, cluster: Cluster) -> None:
    causes = [Cause("spec.template.spec.containers[0].image", "FieldValueInvalid", "Invalid value: no such registry")]
    cluster.api.fail("create", KubeError(422, "Invalid", "no", causes=causes), plural="jobs", times=99)
    found = asyncio.run(check_there(checked_from(tmp_path), CHOICE))
    (problem,) = found.problems
    line = next(n for n, text in enumerate(EXPERIMENT.splitlines(), 1) if "image:" in text)
    assert (problem.line, problem.severity) == (line, Severity.ERROR)
    assert "no such registry" in problem.message
    assert problem.path.startswith("spec.trialTemplate.trialSpec.spec.template")


@pytest.mark.parametrize(("own", "seconds"), [("", 30), ("terminationGracePeriodSeconds: 120", 120)])
def test_a_stop_waits_as_long_as_pods_may_take(tmp_path: Path, own: str, seconds: int) -> None:
    text = EXPERIMENT.replace("restartPolicy: Never", f"restartPolicy: Never\n            {own}")
    assert grace_of_pods(checked_from(tmp_path, text).experiment) == timedelta(seconds=seconds)


def test_each_listed_value_is_tried(tmp_path: Path, cluster: Cluster) -> None:
    text = EXPERIMENT.replace(
        '{name: x, parameterType: double, feasibleSpace: {min: "0", max: "1"}}',
        '{name: x, parameterType: categorical, feasibleSpace: {list: ["good", "better", "BAD"]}}',
    )

    def admit(verb: str, type: object, object: JsonObject) -> None:
        if type == JOB and "BAD" in str(get_list(object, "spec", "template", "spec", "containers")):
            raise KubeError(400, "BadRequest", "admission webhook denied the request: BAD is bad")

    cluster.cluster.admit = admit
    found = asyncio.run(check_there(checked_from(tmp_path, text), CHOICE))
    assert any("BAD is bad" in problem.message for problem in found.problems)
    assert cluster.cluster.objects(JOB) == []


def test_a_config_map_of_the_file_has_to_be_on_the_cluster(tmp_path: Path, cluster: Cluster) -> None:
    data: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "data"}, "data": {"rows": "3"}}
    from_data = "envFrom: [{configMapRef: {name: data}}]\n              image:"
    checked = checked_from(tmp_path, f"{EXPERIMENT.replace('image:', from_data)}---\n{json.dumps(data)}\n")
    (problem,) = asyncio.run(check_there(checked, CHOICE)).problems
    assert (problem.code, problem.severity, problem.found) == ("missing-companion", Severity.ERROR, "data")
    assert problem.line == 1 + next(n for n, line in enumerate(EXPERIMENT.splitlines()) if "image:" in line)
    cluster.cluster.create(CONFIG_MAP, data, "default")
    assert asyncio.run(check_there(checked, CHOICE)).problems == ()


def test_a_variable_that_only_katib_adds_is_a_warning_where_trials_run_on_a_cluster(tmp_path: Path) -> None:
    uses = EXPERIMENT.replace("args: [", 'args: ["$KATIB_TRIAL_NAME", ')
    sets = uses.replace("args:", 'env: [{name: KATIB_TRIAL_NAME, value: "${trial.name}"}]\n              args:')
    file = tmp_path / "experiment.yaml"
    told = {}
    for text in (uses, sets):
        for namespace in (None, "default"):
            file.write_text(text, encoding="utf-8")
            found = prepare([str(file)], cluster_namespace=namespace).problems
            told[text, namespace] = [p.severity for p in found if p.code == "katib-trial-name"]
    assert list(told.values()) == [[Severity.NOTE], [Severity.WARNING], [], []]


def test_a_kind_that_this_machine_lacks_is_no_problem_for_a_cluster(tmp_path: Path) -> None:
    text = EXPERIMENT.replace("batch/v1", "kubeflow.org/v1").replace("kind: Job", "kind: PyTorchJob")
    file = tmp_path / "experiment.yaml"
    file.write_text(text, encoding="utf-8")
    here = prepare([str(file)]).problems
    there = prepare([str(file)], cluster_namespace="default").problems
    assert "not-available-yet" in {problem.code for problem in here}
    assert "not-available-yet" not in {problem.code for problem in there}


def test_a_namespace_of_the_context_is_taken_where_the_file_names_none(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    prepared = prepare([str(file)], cluster_namespace="team-a")
    assert prepared.checked is not None
    assert prepared.checked.experiment.namespace == "team-a"
    prepared = prepare([str(file)], cluster_namespace="team-a", namespace="team-b")
    assert prepared.checked is not None
    assert prepared.checked.experiment.namespace == "team-b"


def test_a_trial_costs_the_server_a_creation_a_log_and_a_deletion(tmp_path: Path, cluster: Cluster) -> None:
    trials = 40
    many = EXPERIMENT.replace("maxTrialCount: 4", f"maxTrialCount: {trials}").replace("Count: 2", "Count: 10")
    store = str(tmp_path / "store.db")
    finished = asyncio.run(run(store, checked_from(tmp_path, many), Options(".", seed=1, cluster=CHOICE), Session()))
    assert finished.record.phase is ExperimentPhase.SUCCEEDED
    made = Counter((call.verb, call.plural) for call in cluster.api.calls if call.verb != "discover")
    per_trial = {what: n for what, n in made.items() if n >= trials / 4}
    assert per_trial == {("create", "jobs"): trials, ("get", "pods/log"): trials, ("delete", "jobs"): trials}
    assert sum(made.values()) - 3 * trials <= 10
