"""Metrics that stand in the trial's resource."""

import doctest

import pytest
from rehearsal import JOB, Rehearsal

from trialmill.api.experiment import CollectorKind, MetricField, MetricsCollector
from trialmill.api.tree import Json
from trialmill.engine import metric_fields
from trialmill.engine.metric_fields import points_in
from trialmill.engine.ports import Stores
from trialmill.engine.records import TrialPhase
from trialmill.runtime.simulated.runtime import Script

COLLECTOR = MetricsCollector(
    CollectorKind.OUTPUTS,
    metric_fields=(MetricField("loss", "metadata.annotations.loss"), MetricField("other", "kind")),
)
LABELLED: dict[str, Json] = {**JOB, "metadata": {"annotations": {"loss": "${trialParameters.lr}"}}}


def rehearsal() -> Rehearsal:
    """Each trial carries its learning rate as its loss, and prints something else."""
    return Rehearsal(lambda *_: Script(("loss=77\n",), 0.5), manifest=LABELLED, collector=COLLECTOR)


def values(rehearsal: Rehearsal) -> list[tuple[float | str, str]]:
    found: list[tuple[float | str, str]] = []

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.drive(stores)
        found.extend(await points_of(rehearsal, stores))

    outcome = rehearsal.run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 4
    return found


async def points_of(rehearsal: Rehearsal, stores: Stores) -> list[tuple[float | str, str]]:
    _, trials, _ = await stores.trials.load(rehearsal.record.ref)
    keys = [trial.key for trial in sorted(trials, key=lambda trial: trial.index)]
    return [(point.value, point.source) for key in keys for point in await stores.metrics.read(key)]


def test_they_are_read_from_the_resource_and_not_from_the_log() -> None:
    assert values(rehearsal()) == [(0.0, "resource"), (0.01, "resource"), (0.02, "resource"), (0.03, "resource")]


@pytest.mark.parametrize("seconds", [0.1, 0.45, 0.5, 0.55, 0.9, 1.0, 1.05], ids="{} s".format)
def test_after_a_crash_each_is_there_once(seconds: float) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, seconds)
        await rehearsal.drive(stores)
        assert [value for value, _ in await points_of(rehearsal, stores)] == [0.0, 0.01, 0.02, 0.03]

    assert rehearsal().run(story).phases == [TrialPhase.SUCCEEDED] * 4


def test_a_resource_without_them_has_no_metrics() -> None:
    without = rehearsal()
    without.manifest = JOB
    without.__post_init__()
    assert without.run().phases == [TrialPhase.METRICS_UNAVAILABLE] * 4


@pytest.mark.parametrize(
    ("value", "points"),
    [(0.5, [0.5]), ("0.25\n", [0.25]), (3, [3.0]), ("sgd", ["sgd"]), (True, []), ({"a": 1}, []), (None, []), (" ", [])],
    ids=str,
)
def test_a_number_or_a_text_is_a_value_and_nothing_else_is(value: Json, points: list[object]) -> None:
    fields = [MetricField("loss", "status.loss")]
    assert [point.value for point in points_in({"status": {"loss": value}}, fields, "resource")] == points


def test_the_example_in_the_docstring_is_right() -> None:
    told = doctest.testmod(metric_fields)
    assert (told.failed, told.attempted > 0) == (0, True)
