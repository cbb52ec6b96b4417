"""Room that runs out and rules that change in the middle of a run: trials wait with a reason, or end with one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from acceptance_place import Place, Tree, ends, last_condition, wait_until
from cluster_admission import admission
from cluster_place import LONG, assert_each_trial_is_there_once, jobs, on_the_stand_in
from cluster_runs import NewPlace, begin_with, changed_program, succeeded, together
from cluster_under_test import Cluster, Namespace

pytestmark = pytest.mark.usefixtures("stand_in")

_LOOKS_SOON = """
from trialmill.runtime.kubernetes import missing_pods
missing_pods._PODS_AFTER /= 8
"""
"""Seconds instead of half a minute before a Job without pods is asked why."""


@contextmanager
def quota(namespace: Namespace, **hard: str) -> Iterator[None]:
    """A ResourceQuota that is in force."""
    wanted = {key.replace("_", "/"): value for key, value in hard.items()}
    whole = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": wanted}}
    namespace.apply(whole)
    namespace.wait_for("resourcequota/q", lambda found: found.get("status", {}).get("hard") == wanted)
    yield
    namespace.kubectl("delete", "resourcequota", "q")


def wait_until_waiting(place: Place, *words: str) -> None:
    """Until `describe` says in its table of trials that one of them waits for what these words say."""
    described = ""

    def is_said() -> bool:
        nonlocal described
        described = place("describe", "e").out
        table = described[described.find("Not over") : described.find("Conditions")]
        return all(word in table for word in words)

    wait_until(is_said, lambda: described)


def test_a_quota_that_comes_in_the_middle_makes_trials_wait_with_its_words_and_costs_none(
    more_places: NewPlace,
) -> None:
    """Jobs are not made; and Jobs do not get pods."""
    together([lambda: quota_on_jobs(*more_places("jobs")), lambda: quota_on_pods(*more_places("pods"))])


def quota_on_jobs(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in(trials=10, parallel=4, marks={"seconds": "3"}, maxFailedTrialCount=1)
    tree["spec"]["trialTemplate"]["retain"] = False
    process = begin_with(place, namespace, tree)
    with quota(namespace, **{"count_jobs.batch": "2"}):
        wait_until_waiting(place, "exceeded quota: q", "count/jobs.batch=2")
        outcome = place.end_of(process, seconds=LONG)

    assert ends(place.trials()) == ["Succeeded"] * 10
    assert place.rows("SELECT MAX(json_array_length(attempts)) FROM trial") == [(1,)]
    assert place.rows("SELECT COUNT(*) FROM point") == [(10,)]
    assert ", QuotaExceeded: " in outcome.err
    assert "exceeded quota: q" in outcome.err


def quota_on_pods(place: Place, namespace: Namespace) -> None:
    """The Jobs are there, and get their pods one after the other: the Job controller's own words say why."""
    tree = on_the_stand_in(trials=9, parallel=3, marks={"seconds": "4"}, maxFailedTrialCount=1)
    process = begin_with(place, namespace, tree, started=changed_program(_LOOKS_SOON, "run", "e.yaml"))
    with quota(namespace, pods="1"):
        wait_until_waiting(place, "no pod has been made for it", "exceeded quota: q", "limited: pods=1")
        before = succeeded(place)
        wait_until(lambda: succeeded(place) > before)
    place.end_of(process, seconds=LONG)

    assert ends(assert_each_trial_is_there_once(place, namespace, 9)) == ["Succeeded"] * 9
    assert place.rows("SELECT COUNT(*) FROM point") == [(9,)]


def one_after_the_other(**given: Any) -> Tree:
    return on_the_stand_in(trials=12, parallel=1, marks={"seconds": "1"}, **given)


def test_a_policy_that_begins_to_refuse_after_the_third_trial_ends_trials_in_its_own_words(
    more_places: NewPlace, cluster: Cluster
) -> None:
    """As many as `maxFailedTrialCount` allows, which ends the experiment; without it, all that are left."""
    stories = (until_too_many_have_failed, until_the_last_one)
    together([partial(lambda story: story(*more_places(story.__name__), cluster), story) for story in stories])


def until_too_many_have_failed(place: Place, namespace: Namespace, cluster: Cluster) -> None:
    process = begin_with(place, namespace, one_after_the_other(maxFailedTrialCount=2), over=3)
    with admission(cluster, namespace, "false", "no more Jobs today, says the house"):
        place.end_of(process, code=1, seconds=LONG)

    trials = place.trials()
    made = jobs(namespace)
    refused = [trial for trial in trials if ends([trial]) == ["Failed"]]
    assert 3 <= len(made) < 12
    assert sorted(ends(trials)) == ["Failed"] * 2 + ["Succeeded"] * len(made)
    assert {job["metadata"]["name"] for job in made} == {
        trial["metadata"]["name"] for trial in trials if trial not in refused
    }
    for trial in refused:
        assert "no more Jobs today, says the house" in json.dumps(last_condition(trial))
    assert "no more Jobs today, says the house" in place("describe", "e").out
    assert "2 trials failed, and maxFailedTrialCount is 2" in place("describe", "e").out


def until_the_last_one(place: Place, namespace: Namespace, cluster: Cluster) -> None:
    """Each refused trial has failed, nothing is asked for twice, and the run ends."""
    process = begin_with(place, namespace, one_after_the_other(), over=3)
    with admission(cluster, namespace, "false", "no more Jobs today, says the house"):
        place.end_of(process, seconds=LONG)

    found = ends(place.trials())
    assert len(found) == 12
    assert found.count("Succeeded") == len(jobs(namespace)) >= 3
    assert set(found) == {"Succeeded", "Failed"}
