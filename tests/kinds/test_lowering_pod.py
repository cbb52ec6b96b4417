import pytest
from lowering_simulation import (
    CREATED,
    Ends,
    Simulation,
    always,
    by_container,
    conditions,
    container,
    in_turn,
    job,
    lowered,
    pod,
)

from trialmill.api.tree import Json, JsonObject, get, get_list
from trialmill.kinds.lowering.container_run import PodPhase, PodRules, RestartPolicy, follow
from trialmill.kinds.plan import Exited, PodId, Role, RunId, Running, Step

ONLY = PodId(0, 0)


def containers(step: Step, field: str = "containerStatuses") -> dict[str, Json]:
    return {str(get(c, "name")): c for c in get_list(step.status, field)}


def reasons(step: Step) -> dict[str, Json]:
    return {
        name: get(c, "state", "terminated", "reason") or get(c, "state", "waiting", "reason")
        for name, c in (containers(step, "initContainerStatuses") | containers(step)).items()
    }


def test_a_pod_runs_to_its_end() -> None:
    simulation = Simulation(lowered(pod()), always(0))
    running = simulation.run(until=CREATED + 5)
    assert running.status["phase"] == "Running"
    assert set(conditions(running)) == {
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    }
    assert get(containers(running)["train"], "state") == {"running": {"startedAt": "1970-01-01T00:16:40Z"}}
    end = simulation.run()
    assert end.over
    assert end.status["phase"] == "Succeeded"
    assert containers(end)["train"] == {
        "name": "train",
        "state": {
            "terminated": {
                "exitCode": 0,
                "reason": "Completed",
                "startedAt": "1970-01-01T00:16:40Z",
                "finishedAt": "1970-01-01T00:16:50Z",
            }
        },
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "started": False,
    }
    assert [(v.name, v.primary, v.over) for v in end.pods] == [("trial-1", True, True)]


def test_a_pod_that_nothing_has_started_yet_is_pending() -> None:
    step = lowered(pod()).step({}, CREATED, CREATED)
    assert step.status["phase"] == "Pending"
    assert reasons(step) == {"train": "ContainerCreating"}
    assert step.pods == ()


def test_init_containers_run_one_after_the_other_before_the_main_ones() -> None:
    initial: JsonObject = {"initContainers": [container("first"), container("second")]}
    simulation = Simulation(lowered(pod(initial)), always(0))
    between = simulation.run(until=CREATED + 15)
    assert between.status["phase"] == "Pending"
    assert reasons(between) == {"first": "Completed", "second": None, "train": "PodInitializing"}
    simulation.run()
    assert simulation.started == ["0/0 first 0", "0/0 second 0", "0/0 train 0"]


@pytest.mark.parametrize(
    ("restart", "started", "phase"),
    [
        pytest.param("Never", ["0/0 init 0"], "Failed", id="never: the pod fails"),
        pytest.param("OnFailure", ["0/0 init 0", "0/0 init 1", "0/0 train 0"], "Succeeded", id="on failure: again"),
    ],
)
def test_a_failing_init_container(restart: str, started: list[str], phase: str) -> None:
    resource = pod({"restartPolicy": restart, "initContainers": [container("init")]})

    def script(run: RunId) -> Ends:
        return Ends(1 if (run.container, run.run) == ("init", 0) else 0)

    simulation = Simulation(lowered(resource), script)
    step = simulation.run()
    assert simulation.started == started
    assert step.status["phase"] == phase


def test_sidecars_start_in_order_and_stop_in_reverse_when_the_main_containers_have_ended() -> None:
    sidecars: list[Json] = [container(name, restartPolicy="Always") for name in ("a", "b")]
    simulation = Simulation(
        lowered(pod({"initContainers": sidecars})),
        by_container(a=Ends(after=1e5), b=Ends(after=1e5), train=Ends(0, 10)),
    )
    step = simulation.run()
    assert simulation.started == ["0/0 a 0", "0/0 b 0", "0/0 train 0"]
    stopped = [run.container for s in simulation.steps for run in s.stop]
    assert list(dict.fromkeys(stopped)) == ["b", "a"]
    assert all(len(s.stop) <= 1 for s in simulation.steps)
    assert step.status["phase"] == "Succeeded"
    assert simulation.now == CREATED + 11


def test_a_sidecar_that_ends_is_restarted_even_where_the_pod_never_restarts() -> None:
    sidecars: list[Json] = [container("logs", restartPolicy="Always")]
    simulation = Simulation(
        lowered(pod({"initContainers": sidecars})), by_container(logs=Ends(0, 4), train=Ends(0, 10))
    )
    step = simulation.run()
    assert simulation.started == ["0/0 logs 0", "0/0 train 0", "0/0 logs 1", "0/0 logs 2"]
    assert step.status["phase"] == "Succeeded"


def test_a_sidecar_that_cannot_start_holds_the_main_containers_back() -> None:
    sidecars: list[Json] = [container("logs", restartPolicy="Always")]

    def script(run: RunId) -> Ends:
        return Ends(error="no such command" if run.container == "logs" and run.run < 2 else "")

    simulation = Simulation(lowered(pod({"initContainers": sidecars})), script)
    simulation.run(until=CREATED + 5)
    assert simulation.started == ["0/0 logs 0", "0/0 logs 1", "0/0 logs 2", "0/0 train 0"]


@pytest.mark.parametrize(
    ("restart", "phase", "started"),
    [
        pytest.param("Never", "Failed", 2, id="never: fails when both have ended"),
        pytest.param("OnFailure", "Succeeded", 3, id="on failure: the failed one runs again"),
    ],
)
def test_a_pod_of_two_main_containers_of_which_one_fails(restart: str, phase: str, started: int) -> None:
    resource = pod({"restartPolicy": restart, "containers": [container("a"), container("b")]})

    def script(run: RunId) -> Ends:
        return Ends(1, 5) if (run.container, run.run) == ("a", 0) else Ends(0, 20)

    simulation = Simulation(lowered(resource), script)
    assert simulation.run(until=CREATED + 10).status["phase"] == "Running"
    step = simulation.run()
    assert step.status["phase"] == phase
    assert len(simulation.started) == started
    assert step.evidence == ("container a exited with code 1" if phase == "Failed" else "")


def test_a_container_that_waits_for_its_restart_is_in_crash_loop_back_off() -> None:
    simulation = Simulation(lowered(pod({"restartPolicy": "OnFailure"})), in_turn(1, 0))
    simulation.step()
    simulation.now += 10
    simulation.end_runs()
    step = simulation.step()
    assert step.wake == simulation.now + 0.1
    assert reasons(step) == {"train": "CrashLoopBackOff"}
    assert get(containers(step)["train"], "lastState", "terminated", "exitCode") == 1
    end = simulation.run()
    assert get(containers(end)["train"], "restartCount") == 1
    assert get(containers(end)["train"], "lastState", "terminated", "reason") == "Error"


def test_past_its_deadline_a_pod_is_stopped_and_failed() -> None:
    step = Simulation(lowered(pod({"activeDeadlineSeconds": 3})), always(0)).run()
    assert (step.status["phase"], step.status["reason"]) == ("Failed", "DeadlineExceeded")
    assert step.evidence == ""


def test_a_deadline_of_the_pod_fails_the_pod_and_the_job_makes_another() -> None:
    simulation = Simulation(
        lowered(job(pod={"activeDeadlineSeconds": 3})), lambda run: Ends(0, 60 if run.pod.retry == 0 else 1)
    )
    step = simulation.run()
    assert "Complete" in conditions(step)
    assert simulation.started == ["0/0 train 0", "0/1 train 0"]


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (Exited(137, 1000, 1001, out_of_memory=True), ("OOMKilled", 137)),
        (Exited(137, 1000, 1001), ("Error", 137)),
        (Exited(0, 1000, 1001), ("Completed", 0)),
    ],
)
def test_the_reason_of_an_end(fact: Exited, expected: tuple[str, int]) -> None:
    step = lowered(pod()).step({RunId(ONLY, "train", 0): fact}, 1002, CREATED)
    state = get(containers(step)["train"], "state", "terminated")
    assert (get(state, "reason"), get(state, "exitCode")) == expected


def test_a_run_that_cannot_be_started_is_a_start_error() -> None:
    step = Simulation(lowered(pod()), lambda _: Ends(error="permission denied")).run()
    assert reasons(step) == {"train": "StartError"}
    assert get(containers(step)["train"], "state", "terminated", "message") == "permission denied"
    assert step.evidence == "container train could not be started: permission denied"


def test_a_suspended_pod_says_so() -> None:
    workload = lowered(pod())
    step = workload.step({RunId(ONLY, "train", 0): Running(CREATED)}, CREATED + 1, CREATED, True)
    assert "Suspended" in conditions(step)
    assert workload.step({}, CREATED, CREATED, True).start == ()


def test_always_restarts_a_main_container_whatever_its_exit_code() -> None:
    rules = PodRules((("train", Role.MAIN),), RestartPolicy.ALWAYS)
    progress = follow(rules, ONLY, {"train": {0: Exited(0, 1000, 1001)}}, 1005)
    assert progress.start == (RunId(ONLY, "train", 1),)
    assert progress.phase is PodPhase.RUNNING


def test_an_init_container_that_was_mended_is_not_blamed() -> None:
    resource = job({"activeDeadlineSeconds": 20}, {"restartPolicy": "OnFailure", "initContainers": [container("init")]})

    def script(run: RunId) -> Ends:
        return Ends(1, 1) if (run.container, run.run) == ("init", 0) else Ends(0, 1 if run.container == "init" else 99)

    step = Simulation(lowered(resource), script).run()
    assert conditions(step)["Failed"][0] == "DeadlineExceeded"
    assert step.evidence == ""
