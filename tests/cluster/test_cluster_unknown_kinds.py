"""Kinds without a profile, whose definition was written for these tests: any kind is a trial."""

import asyncio
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from acceptance_place import Place, assignments, ends, wait_until
from cluster_kinds import GROUP, Controller, defined, experiment_of, own
from cluster_place import LONG, assert_each_trial_is_there_once, run, start
from cluster_under_test import Cluster, Namespace

from trialmill.engine.ports import Created
from trialmill.engine.records import AttemptKey
from trialmill.kube.connect import connect
from trialmill.root.clock import SystemClock
from trialmill.runtime.kubernetes.runtime import KubernetesRuntime
from trialmill.runtime.kubernetes.target import KindRef, Target

WIDGET = own("Widget")
pytestmark = pytest.mark.usefixtures("stand_in")


@pytest.fixture(scope="module")
def widgets(cluster: Cluster) -> Iterator[str]:
    with defined(cluster, WIDGET) as name:
        yield name


CONDITIONS: dict[str, dict[str, Any]] = {
    "two conditions in Katib's words": {
        "successCondition": 'status.[@this].#(phase=="Fine")#',
        "failureCondition": 'status.[@this].#(phase=="Broken")#',
    },
    "successWhen in kubectl's words": {
        "successWhen": {"jsonpath": "{.status.phase}", "value": "Fine"},
        "failureWhen": {"jsonpath": "{.status.phase}", "value": "Broken"},
    },
}


@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
def test_a_kind_with_a_phase_alone_succeeds_by(
    place: Place, namespace: Namespace, widgets: str, conditions: dict[str, Any]
) -> None:
    place.write("e.yaml", experiment_of(WIDGET, **conditions))
    with Controller(namespace, widgets, "Fine"):
        run(place, namespace, "e.yaml")

    trials = assert_each_trial_is_there_once(place, namespace, 3, resource=widgets)
    assert ends(trials) == ["Succeeded"] * 3
    losses = [float(trial["status"]["observation"]["metrics"][0]["latest"]) for trial in trials]
    assert losses == [float(values["x"]) for values in assignments(trials)]


def test_a_kind_with_a_phase_alone_fails_by_its_failure_condition(
    place: Place, namespace: Namespace, widgets: str
) -> None:
    conditions = next(iter(CONDITIONS.values()))
    tree = experiment_of(WIDGET, **conditions)
    tree["spec"] |= {"maxTrialCount": 2, "maxFailedTrialCount": 2}
    place.write("e.yaml", tree)
    with Controller(namespace, widgets, "Broken"):
        run(place, namespace, "e.yaml", code=None)

    trials = assert_each_trial_is_there_once(place, namespace, 2, resource=widgets)
    assert ends(trials) == ["Failed"] * 2


def test_without_conditions_the_end_is_guessed_and_that_is_said(
    place: Place, namespace: Namespace, widgets: str
) -> None:
    place.write("e.yaml", experiment_of(WIDGET))
    with Controller(namespace, widgets, "Succeeded"):
        outcome = run(place, namespace, "e.yaml")

    assert "no-condition" in outcome.err
    assert "guess" in outcome.err
    trials = assert_each_trial_is_there_once(place, namespace, 3, resource=widgets)
    assert ends(trials) == ["Succeeded"] * 3


def test_an_end_that_no_condition_sees_is_told_while_the_trial_waits(
    place: Place, namespace: Namespace, widgets: str
) -> None:
    """Nothing fails: nobody but its author knows what such a kind means by its words."""
    tree = experiment_of(WIDGET, **CONDITIONS["two conditions in Katib's words"])
    tree["spec"] |= {"maxTrialCount": 2, "parallelTrialCount": 2}
    place.write("e.yaml", tree)
    with Controller(namespace, widgets, "Completed"):
        process = start(place, namespace, "e.yaml")
        wait_until(lambda: "ConditionsUnmatched" in place("describe", "e", code=None).out, seconds=LONG)
        described = place("describe", "e").out
        process.send_signal(signal.SIGINT)
        outcome = place.end_of(process, code=130, seconds=LONG)

    words = f'{WIDGET} e-[a-z0-9]+ looks succeeded, but successCondition .* did not match: it says phase="Completed"'
    assert len(re.findall(f"waits?, ConditionsUnmatched: {words}", outcome.err)) == 1
    assert len(re.findall(f"ConditionsUnmatched: {words}", described)) == 2, "each trial says what it waits for"
    assert len(re.findall(f"Warning +ConditionsUnmatched .*{words}", described)) == 1, "and the story tells it once"
    assert "write successCondition: 'status.[@this].#(phase==\"Completed\")#'" in outcome.err


def test_a_kind_that_is_installed_after_the_start_is_found_by_the_same_client(
    cluster: Cluster, namespace: Namespace
) -> None:
    resource: Any = {"apiVersion": f"{GROUP}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"x": 1}}
    key = AttemptKey("3e1c6a50-0000-4000-8000-000000000000", 0, 1)

    async def story() -> None:
        api = connect(None, environment={"KUBECONFIG": str(cluster.kubeconfig)})
        target = Target(namespace.name, KindRef(f"{GROUP}/v1", "Gadget"))
        async with KubernetesRuntime(api, target, SystemClock()) as runtime:
            before = await runtime.check(resource)
            assert [problem.code for problem in before] == ["unknown-kind"]
            with defined(cluster, "Gadget"):
                assert await runtime.check(resource) == []
                assert isinstance(await runtime.ensure(key, resource), Created)
        await api.close()

    asyncio.run(story())
