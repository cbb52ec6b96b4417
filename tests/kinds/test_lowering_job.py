from itertools import pairwise

import pytest
from lowering_simulation import (
    CREATED,
    Ends,
    Simulation,
    always,
    by_container,
    conditions,
    container,
    counts,
    in_turn,
    job,
    lowered,
)

from trialmill.api.tree import JsonObject
from trialmill.kinds.plan import PodId, Resources, RunId

REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
TOO_MANY_FAILURES = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")


def test_a_job_of_one_container_runs_it_once_and_completes() -> None:
    simulation = Simulation(lowered(job()), always(0))
    step = simulation.run()
    assert simulation.started == ["0/0 train 0"]
    assert step.status == {
        "conditions": [
            {
                "type": kind,
                "status": "True",
                "reason": REACHED[0],
                "message": REACHED[1],
                "lastProbeTime": "1970-01-01T00:16:50Z",
                "lastTransitionTime": "1970-01-01T00:16:50Z",
            }
            for kind in ("SuccessCriteriaMet", "Complete")
        ],
        "startTime": "1970-01-01T00:16:40Z",
        "completionTime": "1970-01-01T00:16:50Z",
        "succeeded": 1,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }
    assert step.evidence == ""
    assert [(p.primary, p.over) for p in step.pods] == [(True, True)]


def test_a_running_job_has_one_active_and_ready_pod() -> None:
    step = Simulation(lowered(job()), always(0)).run(until=CREATED + 5)
    assert counts(step) == {"active": 1, "ready": 1}
    assert conditions(step) == {}
    assert not step.over


@pytest.mark.parametrize(
    ("limit", "codes", "outcome", "pods"),
    [
        pytest.param(0, [1], "Failed", 1, id="no retry allowed"),
        pytest.param(0, [0], "Complete", 1, id="no retry needed"),
        pytest.param(2, [1, 1, 0], "Complete", 3, id="the last allowed pod succeeds"),
        pytest.param(2, [1, 1, 1], "Failed", 3, id="one failure too many"),
        pytest.param(None, [1], "Failed", 7, id="six retries by default"),
    ],
)
def test_failed_pods_are_replaced_up_to_the_backoff_limit(
    limit: int | None, codes: list[int], outcome: str, pods: int
) -> None:
    simulation = Simulation(lowered(job({"backoffLimit": limit})), in_turn(*codes))
    step = simulation.run()
    assert len(simulation.started) == pods
    assert outcome in conditions(step)
    if outcome == "Failed":
        assert conditions(step) == {"FailureTarget": TOO_MANY_FAILURES, "Failed": TOO_MANY_FAILURES}
        assert counts(step) == {"failed": pods}
        assert "completionTime" not in step.status


def test_the_delay_between_pods_doubles_from_a_tenth_of_a_second_to_two() -> None:
    simulation = Simulation(lowered(job()), always(1, after=1.0))
    simulation.run()
    starts = [getattr(f, "started", 0.0) for f in simulation.facts.values()]
    delays = [round(b - a - 1.0, 3) for a, b in pairwise(starts)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]


def test_on_failure_a_container_is_restarted_in_its_pod() -> None:
    simulation = Simulation(lowered(job(pod={"restartPolicy": "OnFailure"})), in_turn(1, 1, 0))
    step = simulation.run()
    assert simulation.started == ["0/0 train 0", "0/0 train 1", "0/0 train 2"]
    assert conditions(step)["Complete"] == REACHED
    assert counts(step) == {"succeeded": 1}


@pytest.mark.parametrize(("limit", "runs"), [(0, 1), (1, 1), (3, 3), (None, 6)])
def test_on_failure_restarts_count_against_the_backoff_limit(limit: int | None, runs: int) -> None:
    resource = job({"backoffLimit": limit}, {"restartPolicy": "OnFailure"})
    simulation = Simulation(lowered(resource), always(3))
    step = simulation.run()
    assert len(simulation.started) == runs
    assert conditions(step)["Failed"] == TOO_MANY_FAILURES
    assert counts(step) == {"failed": 1}
    assert step.evidence == "container train exited with code 3"


def test_a_failed_job_is_failing_while_its_other_pods_end_and_failed_when_they_have() -> None:
    resource = job({"parallelism": 2, "completions": 2, "backoffLimit": 0})

    def script(run: RunId) -> Ends:
        return Ends(1, 5) if run.pod.retry == 0 else Ends(0, 60, stop_after=7)

    simulation = Simulation(lowered(resource), script)
    between = simulation.run(until=CREATED + 6)
    assert between.stop == (RunId(PodId(0, 1), "train", 0),)
    assert conditions(between) == {"FailureTarget": TOO_MANY_FAILURES}
    assert counts(between) == {"failed": 2, "terminating": 1}
    assert not between.over
    end = simulation.run()
    assert conditions(end) == {"FailureTarget": TOO_MANY_FAILURES, "Failed": TOO_MANY_FAILURES}
    assert [c["lastTransitionTime"] for c in end.status["conditions"]] == [  # type: ignore[union-attr, call-overload, index]
        "1970-01-01T00:16:45Z",
        "1970-01-01T00:16:52Z",
    ]
    assert counts(end) == {"failed": 2}
    assert end.evidence == "container train exited with code 1"


def test_past_its_deadline_a_job_stops_its_pods_and_fails() -> None:
    simulation = Simulation(lowered(job({"activeDeadlineSeconds": 5})), always(0))
    step = simulation.run()
    message = "Job was active longer than specified deadline"
    assert conditions(step)["Failed"] == ("DeadlineExceeded", message)
    assert counts(step) == {"failed": 1}
    assert step.evidence == ""
    assert simulation.now == CREATED + 5.5


def test_a_success_that_came_before_the_deadline_counts_however_late_it_is_seen() -> None:
    workload = lowered(job({"activeDeadlineSeconds": 10}))
    simulation = Simulation(workload, always(0, after=9.9))
    simulation.step()
    simulation.now = CREATED + 30
    simulation.end_runs()
    assert conditions(simulation.step())["Complete"] == REACHED


def test_a_success_after_the_deadline_does_not_count() -> None:
    simulation = Simulation(
        lowered(job({"activeDeadlineSeconds": 5})), lambda _: Ends(0, 60, stop_after=1, stop_code=0)
    )
    assert conditions(simulation.run())["Failed"][0] == "DeadlineExceeded"


def test_completions_run_with_limited_parallelism() -> None:
    simulation = Simulation(lowered(job({"parallelism": 2, "completions": 5})), always(0))
    step = simulation.run()
    assert len(simulation.started) == 5
    assert max(int(str(s.status.get("active", 0))) for s in simulation.steps) == 2
    assert counts(step) == {"succeeded": 5}


def test_a_work_queue_is_complete_when_one_pod_has_succeeded_and_the_others_have_ended() -> None:
    ends = [Ends(0, 5), Ends(1, 8), Ends(0, 20)]
    simulation = Simulation(lowered(job({"parallelism": 3})), lambda run: ends[run.pod.retry])
    assert conditions(simulation.run(until=CREATED + 10)) == {}
    step = simulation.run()
    assert len(simulation.started) == 3
    assert conditions(step)["Complete"] == REACHED
    assert counts(step) == {"succeeded": 2, "failed": 1}


def test_an_indexed_job_runs_each_index_lowest_first() -> None:
    resource = job({"completionMode": "Indexed", "completions": 5, "parallelism": 2})

    def script(run: RunId) -> Ends:
        return Ends(1 if run.pod == PodId(3, 0) else 0, 60 if run.pod.completion == 1 else 10)

    simulation = Simulation(lowered(resource), script)
    middle = simulation.run(until=CREATED + 35)
    assert middle.status["completedIndexes"] == "0,2"
    step = simulation.run()
    assert simulation.started == [f"{pod} train 0" for pod in ("0/0", "1/0", "2/0", "3/0", "3/1", "4/0")]
    assert step.status["completedIndexes"] == "0-4"
    assert counts(step) == {"succeeded": 5, "failed": 1}


def test_the_primary_is_the_latest_pod_of_the_lowest_index() -> None:
    resource = job({"completionMode": "Indexed", "completions": 2, "parallelism": 2})
    simulation = Simulation(lowered(resource), lambda run: Ends(1 if run.pod == PodId(0, 0) else 0))
    simulation.run()
    primaries = [[p.id for p in s.pods if p.primary] for s in simulation.steps if s.pods]
    assert all(len(p) == 1 for p in primaries)
    assert primaries[0] == [PodId(0, 0)]
    assert primaries[-1] == [PodId(0, 1)]


@pytest.mark.parametrize(
    ("more", "codes", "reason", "failed_indexes"),
    [
        pytest.param({}, {1: 1}, "FailedIndexes", "1", id="one index has failed"),
        pytest.param({"maxFailedIndexes": 0}, {0: 1}, "MaxFailedIndexesExceeded", "0", id="too many indexes"),
        pytest.param({}, {}, "CompletionsReached", "", id="none has failed"),
    ],
)
def test_indexes_fail_one_by_one_with_a_limit_of_their_own(
    more: JsonObject, codes: dict[int, int], reason: str, failed_indexes: str
) -> None:
    resource = job({"completionMode": "Indexed", "completions": 3, "backoffLimitPerIndex": 1, **more})
    step = Simulation(lowered(resource), lambda run: Ends(codes.get(run.pod.completion, 0))).run()
    assert next(iter(conditions(step).values()))[0] == reason
    assert step.status["failedIndexes"] == failed_indexes


@pytest.mark.parametrize(
    ("action", "reason", "failed", "started"),
    [
        pytest.param("FailJob", "PodFailurePolicy", 1, 1, id="fails the Job at once"),
        pytest.param("Ignore", "CompletionsReached", 0, 2, id="is not counted"),
        pytest.param("Count", "BackoffLimitExceeded", 1, 1, id="is counted"),
    ],
)
def test_a_pod_failure_policy_on_exit_codes(action: str, reason: str, failed: int, started: int) -> None:
    rule: JsonObject = {"action": action, "onExitCodes": {"operator": "In", "values": [42]}}
    resource = job({"backoffLimit": 0, "podFailurePolicy": {"rules": [rule]}})
    simulation = Simulation(lowered(resource), in_turn(42, 0))
    step = simulation.run()
    assert next(iter(conditions(step).values()))[0] == reason
    assert step.status.get("failed", 0) == failed
    assert len(simulation.started) == started


def test_the_message_of_a_failure_policy_names_container_pod_code_and_rule() -> None:
    rules: list[JsonObject] = [
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [7]}},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [1], "containerName": "train"}},
    ]
    simulation = Simulation(lowered(job({"podFailurePolicy": {"rules": [*rules]}})), always(9))
    step = simulation.run()
    name = step.pods[0].name
    expected = f"Container train for pod default/{name} failed with exit code 9 matching FailJob rule at index 1"
    assert conditions(step)["Failed"] == ("PodFailurePolicy", expected)


def test_a_success_policy_ends_the_job_early_and_stops_the_rest() -> None:
    policy: JsonObject = {"rules": [{"succeededIndexes": "0"}]}
    resource = job({"completionMode": "Indexed", "completions": 3, "parallelism": 3, "successPolicy": policy})
    simulation = Simulation(lowered(resource), lambda run: Ends(0, 5 if run.pod.completion == 0 else 100))
    step = simulation.run()
    assert conditions(step)["Complete"] == ("SuccessPolicy", "Matched rules at index 0")
    assert counts(step) == {"succeeded": 1}
    assert simulation.now == CREATED + 5.5


def test_a_suspended_job_starts_nothing_and_leaves_what_runs_alone() -> None:
    simulation = Simulation(lowered(job({"parallelism": 2, "completions": 4, "activeDeadlineSeconds": 30})), always(0))
    simulation.run(until=CREATED + 5)
    simulation.suspended = True
    simulation.now = CREATED + 100
    step = simulation.step()
    assert (step.start, step.stop, step.wake) == ((), (), None)
    assert conditions(step)["Suspended"] == ("JobSuspended", "Job suspended")
    assert len(simulation.started) == 2


def test_zero_completions_are_complete_at_once() -> None:
    step = Simulation(lowered(job({"completions": 0})), always(0)).run()
    assert step.over
    assert "Complete" in conditions(step)


def test_a_run_that_cannot_be_started_is_a_failed_run() -> None:
    simulation = Simulation(lowered(job({"backoffLimit": 0})), lambda _: Ends(error="no such file: run"))
    step = simulation.run()
    assert "Failed" in conditions(step)
    assert step.evidence == "container train could not be started: no such file: run"


@pytest.mark.parametrize(
    ("code", "evidence"),
    [
        (1, "container train exited with code 1"),
        (137, "container train was ended by signal 9 (SIGKILL)"),
        (139, "container train was ended by signal 11 (SIGSEGV)"),
        (255, "container train exited with code 255"),
    ],
)
def test_the_evidence_tells_how_the_container_ended(code: int, evidence: str) -> None:
    assert Simulation(lowered(job({"backoffLimit": 0})), always(code)).run().evidence == evidence


def test_pods_have_names_that_do_not_change() -> None:
    first, again = lowered(job()), lowered(job())
    assert first.pod(PodId(0, 0)).name == again.pod(PodId(0, 0)).name == "trial-1-v8czp"
    assert first.pod(PodId(0, 1)).name != first.pod(PodId(0, 0)).name
    indexed = lowered(job({"completionMode": "Indexed", "completions": 3}))
    assert indexed.pod(PodId(2, 0)).name.startswith("trial-1-2-")
    assert len(lowered(job(name="x" * 63)).pod(PodId(0, 0)).name) == 63


def test_a_job_asks_for_as_much_as_its_pods_can_use_at_once() -> None:
    def asking(name: str, cpu: str, **more: str) -> JsonObject:
        return container(name, resources={"requests": {"cpu": cpu}, "limits": {"memory": "1Gi"}}, **more)

    pod: JsonObject = {
        "initContainers": [asking("fetch", "3"), asking("logs", "250m", restartPolicy="Always")],
        "containers": [
            container("train", resources={"limits": {"cpu": 1, "nvidia.com/gpu": 2}}),
            asking("eval", "500m"),
        ],
    }
    workload = lowered(job({"parallelism": 4, "completions": 2}, pod))
    assert workload.resources == Resources(cpu=6.0, memory=4 * 2**30, gpus=4)


def test_sidecars_of_a_job_do_not_keep_it_alive() -> None:
    pod: JsonObject = {"initContainers": [container("logs", restartPolicy="Always")]}
    simulation = Simulation(lowered(job(pod=pod)), by_container(train=Ends(0, 5), logs=Ends(0, 1000)))
    step = simulation.run()
    assert "Complete" in conditions(step)
    assert simulation.now == CREATED + 5.5


def test_a_failure_policy_can_give_up_one_index_without_retries() -> None:
    rule: JsonObject = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}
    resource = job(
        {
            "completionMode": "Indexed",
            "completions": 2,
            "backoffLimitPerIndex": 5,
            "podFailurePolicy": {"rules": [rule]},
        }
    )
    simulation = Simulation(lowered(resource), lambda run: Ends(42 if run.pod.completion == 0 else 0))
    step = simulation.run()
    assert simulation.started == ["0/0 train 0", "1/0 train 0"]
    assert conditions(step)["Failed"] == ("FailedIndexes", "Job has failed indexes")
    assert (step.status["failedIndexes"], step.status["completedIndexes"]) == ("0", "1")


def test_each_index_waits_for_its_own_delay() -> None:
    resource = job({"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 9})

    def script(run: RunId) -> Ends:
        fails = run.pod.completion == 0 and run.pod.retry < 3
        return Ends(int(fails), 1.0 if run.pod.completion == 0 else 2.05)

    simulation = Simulation(lowered(resource), script)
    simulation.run()
    starts = [getattr(fact, "started", 0.0) for run, fact in simulation.facts.items() if run.pod.completion == 0]
    assert [round(b - a - 1.0, 3) for a, b in pairwise(starts)] == [0.1, 0.2, 0.4]


def test_restarts_in_all_pods_count_together() -> None:
    resource = job({"parallelism": 3, "completions": 3, "backoffLimit": 3}, {"restartPolicy": "OnFailure"})
    simulation = Simulation(lowered(resource), lambda run: Ends(1, 5 + run.pod.retry))
    step = simulation.run()
    assert conditions(step)["Failed"] == TOO_MANY_FAILURES
    assert counts(step) == {"failed": 3}


def test_a_pod_ended_by_its_own_deadline_counts_as_a_failed_pod_and_not_as_a_restart() -> None:
    resource = job({"backoffLimit": 1}, {"restartPolicy": "OnFailure", "activeDeadlineSeconds": 3})
    simulation = Simulation(lowered(resource), lambda run: Ends(0, 60 if run.pod.retry == 0 else 1))
    step = simulation.run()
    assert conditions(step)["Complete"] == REACHED
    assert counts(step) == {"succeeded": 1, "failed": 1}


def test_a_decision_stays_though_a_deadline_of_the_pod_passes_later() -> None:
    resource = job({"backoffLimit": 1}, {"restartPolicy": "OnFailure", "activeDeadlineSeconds": 30})
    simulation = Simulation(lowered(resource), always(1, after=2))
    end = simulation.run()
    assert conditions(end)["Failed"] == TOO_MANY_FAILURES
    assert simulation.workload.step(simulation.facts, CREATED + 100, CREATED) == end
