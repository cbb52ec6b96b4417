"""What people and the cluster do to a running experiment, and what Trialmill does itself: each has its outcome."""

import json
import signal
import subprocess

import pytest
from acceptance_place import Place, Tree, assignments, ends, last_condition, wait_until
from cluster_place import (
    ATTEMPT,
    EXPERIMENT_UID,
    LONG,
    TRIAL_INDEX,
    assert_each_trial_is_there_once,
    jobs,
    on_the_stand_in,
    run,
    start,
)
from cluster_under_test import Namespace, Object

pytestmark = pytest.mark.usefixtures("stand_in")

OURS = "jobs,pods,configmaps,secrets,services"


def forever() -> Tree:
    """One trial that runs until it is deleted."""
    return on_the_stand_in(trials=1, marks={"seconds": "never"}, maxFailedTrialCount=1)


def running_job(place: Place, namespace: Namespace, tree: Tree) -> tuple[subprocess.Popen[str], Object]:
    """The process, and the first Job once its pod runs."""
    place.write("e.yaml", tree)
    process: subprocess.Popen[str] = start(place, namespace, "e.yaml")
    wait_until(lambda: process.poll() is not None or any(job["status"].get("active") for job in jobs(namespace)))
    assert process.poll() is None, process.communicate()
    return process, jobs(namespace)[0]


def is_left(namespace: Namespace) -> list[str]:
    return [it["metadata"]["name"] for it in namespace.get(OURS, f"--selector={EXPERIMENT_UID}")["items"]]


def test_a_job_that_is_edited_by_hand_is_judged_as_it_is_now(place: Place, namespace: Namespace) -> None:
    """A note changes nothing; a deadline that its author never wrote ends the trial, in the words of the Job."""
    process, job = running_job(place, namespace, forever())
    name = job["metadata"]["name"]
    namespace.kubectl("annotate", "job", name, "note=by hand")
    namespace.kubectl("label", "job", name, "colour=blue")
    namespace.kubectl("patch", "job", name, "--type=merge", '--patch={"spec": {"activeDeadlineSeconds": 1}}')
    place.end_of(process, code=1, seconds=LONG)

    trials = assert_each_trial_is_there_once(place, namespace, 1)
    assert ends(trials) == ["Failed"]
    assert "DeadlineExceeded" in json.dumps(last_condition(trials[0]))


def test_a_job_that_is_deleted_by_hand_is_lost_and_its_trial_gets_another(place: Place, namespace: Namespace) -> None:
    # One trial, which runs for so long that it is deleted before its end also on a busy machine.
    process, job = running_job(place, namespace, on_the_stand_in(trials=1, marks={"seconds": "8"}))
    namespace.kubectl("delete", "job", job["metadata"]["name"], "--cascade=foreground", "--timeout=100s")
    place.end_of(process, seconds=LONG)

    assert ends(place.trials()) == ["Succeeded"]
    made = [(it["metadata"]["labels"][TRIAL_INDEX], it["metadata"]["labels"][ATTEMPT]) for it in jobs(namespace)]
    assert made == [("0", "2")]
    for trial in place.trials():
        assert trial["status"]["observation"]["metrics"][0]["latest"] == assignments([trial])[0]["x"]
    assert "AttemptLost" in place("describe", "e").out


def test_a_job_whose_label_is_removed_by_hand_gets_it_back_and_its_trial_runs_once(
    place: Place, namespace: Namespace
) -> None:
    process, job = running_job(place, namespace, on_the_stand_in(trials=1, marks={"seconds": "8"}))
    namespace.kubectl("label", "job", job["metadata"]["name"], f"{EXPERIMENT_UID}-")
    place.end_of(process, seconds=LONG)

    assert ends(place.trials()) == ["Succeeded"]
    assert_each_trial_is_there_once(place, namespace, 1)
    assert len(namespace.get("jobs")["items"]) == 1
    assert jobs(namespace)[0]["metadata"]["uid"] == job["metadata"]["uid"]
    assert "AttemptLost" not in place("describe", "e").out


def test_a_quota_that_is_used_up_makes_trials_wait_and_costs_none(place: Place, namespace: Namespace) -> None:
    hard = {"count/jobs.batch": "2"}
    namespace.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})
    namespace.wait_for("resourcequota/q", lambda found: "hard" in found.get("status", {}))
    tree = on_the_stand_in(trials=5, parallel=4, maxFailedTrialCount=1)
    tree["spec"]["trialTemplate"]["retain"] = False
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml")

    assert ends(place.trials()) == ["Succeeded"] * 5


def test_a_pod_that_no_node_takes_ends_its_trial_by_the_pending_deadline(place: Place, namespace: Namespace) -> None:
    tree = forever()
    tree["spec"]["trialTemplate"]["retain"] = False
    pod = tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    pod["nodeSelector"] = {"trialmill.dev/no-such": "node"}
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", "--pending-timeout", "3s", code=1)

    (trial,) = place.trials()
    described = place("describe", "e").out
    assert ends([trial]) == ["Failed"]
    assert "cannot be scheduled" in described
    assert "didn't match Pod's node affinity/selector" in described
    namespace.wait_for_list(OURS, lambda _: not is_left(namespace))


def test_a_trial_that_takes_too_long_is_ended_with_its_job(place: Place, namespace: Namespace) -> None:
    tree = forever()
    tree["spec"]["trialTemplate"] |= {"activeDeadlineSeconds": 2, "retain": False}
    place.write("e.yaml", tree)
    run(place, namespace, "e.yaml", code=1)

    assert ends(place.trials()) == ["Failed"]
    assert "2" in last_condition(place.trials()[0])["message"]
    namespace.wait_for_list(OURS, lambda _: not is_left(namespace))


def test_ctrl_c_ends_the_jobs_and_resume_starts_their_trials_anew(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in(trials=3, parallel=3, marks={"seconds": "6"})
    process, _ = running_job(place, namespace, tree)
    process.send_signal(signal.SIGINT)
    place.end_of(process, code=130, seconds=LONG)
    namespace.wait_for_list(OURS, lambda _: not is_left(namespace))
    place("resume", "e", seconds=LONG)

    assert ends(place.trials()) == ["Succeeded"] * 3
    indices = [job["metadata"]["labels"][TRIAL_INDEX] for job in jobs(namespace)]
    assert sorted(indices) == ["0", "1", "2"]


def test_what_is_retained_goes_with_the_experiment(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in(trials=3))
    run(place, namespace, "e.yaml")
    assert_each_trial_is_there_once(place, namespace, 3)

    place("delete", "e")

    namespace.wait_for_list(OURS, lambda _: not is_left(namespace))
    assert place("list", "-o", "json").tree["items"] == []
