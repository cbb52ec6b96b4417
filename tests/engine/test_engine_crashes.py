"""A driver may be killed at any moment: another one goes on with what the store and the runtime hold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rehearsal import Outcome, Rehearsal

from trialmill.api.experiment import Retry
from trialmill.api.tree import JsonObject
from trialmill.engine.ports import MetricStore, Stores, TrialStore
from trialmill.engine.records import AttemptKey, RunState, TrialPhase
from trialmill.runtime.simulated.runtime import Script
from trialmill.testing.virtual_time import START

LINES = tuple(f"loss={1 / step}\n" for step in range(1, 6))


def varied(key: AttemptKey, resource: JsonObject) -> Script:
    """Trials of different length; the first attempt of every third one fails, halfway through a line."""
    seconds = 0.4 + 0.3 * (key.trial_index % 4)
    if key.trial_index % 3 == 2 and key.attempt == 1:
        return Script((*LINES[:2], "loss=0."), seconds, code=1)
    return Script(LINES, seconds)


def rehearsal(parallel: int) -> Rehearsal:
    return Rehearsal(varied, parallel=parallel, max_trials=6, retry=Retry(1))


async def check(rehearsal: Rehearsal, stores: Stores) -> None:
    """Nothing was made twice, and every point is there once."""
    assert set(rehearsal.runtime.made.values()) == {1}
    _, trials, _ = await stores.trials.load(rehearsal.record.ref)
    assert [trial.phase for trial in trials] == [TrialPhase.SUCCEEDED] * 6
    assert sorted(trial.completion or 0 for trial in trials) == list(range(6))
    assert len({trial.name for trial in trials}) == 6
    made = {AttemptKey("e1", trial.index, attempt.number) for trial in trials for attempt in trial.attempts}
    assert made == set(rehearsal.runtime.made)
    for key in made:
        failed = key.trial_index % 3 == 2 and key.attempt == 1
        values = [point.value for point in await stores.metrics.read(key)]
        printed = [float(line.removeprefix("loss=")) for line in LINES]
        assert values == ([*printed[:2], 0.0] if failed else printed), key


def attempts_of(outcome: Outcome) -> list[tuple[object, list[str]]]:
    return [(trial.assignments, outcome.causes(trial.index)) for trial in outcome.trials]


@cache
def expected(parallel: int) -> list[tuple[object, list[str]]]:
    return attempts_of(rehearsal(parallel).run(_undisturbed))


async def _undisturbed(rehearsal: Rehearsal, stores: Stores) -> None:
    await rehearsal.drive(stores)
    await check(rehearsal, stores)


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("seconds", [number * 0.1 for number in range(0, 40, 3)], ids="{:.1f} s".format)
def test_after_a_crash_at_any_time_nothing_is_lost_or_doubled(seconds: float, parallel: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, seconds)
        await rehearsal.drive(stores)
        await check(rehearsal, stores)

    assert attempts_of(rehearsal(parallel).run(story)) == expected(parallel)


@given(st.lists(st.floats(0.0, 1.5), max_size=8), st.floats(0.0, 3.0))
@settings(max_examples=10, deadline=None)
def test_many_crashes_with_rests_in_between_do_no_harm(crashes: list[float], rest: float) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        for seconds in crashes:
            await rehearsal.crash_after(stores, seconds)
            await asyncio.sleep(rest)
        await rehearsal.drive(stores)
        await check(rehearsal, stores)

    assert attempts_of(rehearsal(2).run(story)) == expected(2)


# --- crashes around a save


class KilledError(Exception):
    """The process is gone."""


@dataclass
class Mortal:
    """A store during whose n-th save the driver is killed: just before it is durable, or just after."""

    inner: Stores
    after: int
    is_saved: bool
    saves: int = 0

    @property
    def trials(self) -> TrialStore:
        return self.inner.trials

    @property
    def metrics(self) -> MetricStore:
        return self.inner.metrics

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        self.saves += 1
        async with self.inner.together():
            yield
            if self.saves == self.after and not self.is_saved:
                raise KilledError
        if self.saves == self.after and self.is_saved:
            raise KilledError


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("is_saved", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("save", range(1, 28, 3))
def test_a_crash_around_any_save_does_no_harm(save: int, is_saved: bool, parallel: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        with suppress(KilledError):
            await rehearsal.drive(Mortal(stores, save, is_saved))
        await rehearsal.drive(stores)
        await check(rehearsal, stores)

    assert attempts_of(rehearsal(parallel).run(story)) == expected(parallel)


@pytest.mark.parametrize("save", range(1, 16, 2))
def test_a_crash_during_a_stop_or_after_it_loses_nothing(save: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        with suppress(KilledError):
            async with rehearsal.driving(Mortal(stores, save, is_saved=True)):
                await asyncio.sleep(1)
                await rehearsal.want(stores, state=RunState.STOP)
        await rehearsal.drive(stores)
        await rehearsal.want(stores, state=RunState.RUN)
        await rehearsal.drive(stores)

    play = rehearsal(2)
    outcome = play.run(story)
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 6
    assert set(play.runtime.made.values()) == {1}


@pytest.mark.parametrize("code", [0, 1], ids=["a success", "a failure"])
def test_a_trial_that_ended_while_nobody_watched_ended_then_and_not_when_it_was_looked_at(code: int) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        await rehearsal.crash_after(stores, 1)
        await asyncio.sleep(3600)
        await rehearsal.drive(stores)

    outcome = Rehearsal(lambda *_: Script(("loss=1\n",), 2.0, code=code), parallel=1, max_trials=1).run(story)
    [trial] = outcome.trials
    assert trial.phase is (TrialPhase.FAILED if code else TrialPhase.SUCCEEDED)
    assert trial.started is not None
    assert trial.finished is not None
    assert timedelta(seconds=2) <= trial.finished - trial.started < timedelta(seconds=3)
    assert outcome.record.finished is not None
    assert outcome.record.finished - START > timedelta(hours=1)
