"""An algorithm that computes for long is asked beside the loop: its answers may come at any moment."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from rehearsal import Counting, Rehearsal, by_trial, prints

from trialmill.api.history import Exhausted, History, Settings, Suggestions
from trialmill.api.space import Space
from trialmill.engine.ports import Stores
from trialmill.engine.records import (
    RunState,
    TrialPhase,
)
from trialmill.runtime.simulated.runtime import Play
from trialmill.testing.virtual_time import START

T = TypeVar("T")


async def computes_for_long(function: Callable[..., T], *arguments: object) -> T:
    """Takes the place of `asyncio.to_thread`: an answer that comes later, in virtual time."""
    await asyncio.sleep(0.7)
    return function(*arguments)


@pytest.mark.parametrize("parallel", [1, 3])
def test_an_algorithm_that_computes_beside_the_trials_gives_the_same_trials(
    parallel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "to_thread", computes_for_long)
    play: Play = lambda key, _: prints(1.0, seconds=0.3 * (1 + key.trial_index % 4))  # noqa: E731
    outcome = Rehearsal(play, offload=True, parallel=parallel, max_trials=8).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 8
    assert [trial.assignments["lr"] for trial in outcome.trials] == [number / 100 for number in range(8)]


@pytest.mark.parametrize("hops", range(12))
def test_an_algorithm_that_waited_is_asked_again_though_a_trial_ended_meanwhile(
    hops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its empty answer and the end that it waits for come in any order, also at the very same moment."""

    async def computes(function: Callable[..., T], *arguments: object) -> T:
        answer = function(*arguments)
        await asyncio.sleep(0.7)
        for _ in range(hops):
            await asyncio.sleep(0)
        return answer

    class OneBehind(Counting):
        def ask(
            self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
        ) -> Suggestions | Exhausted:
            is_done = any(trial.status.is_over for trial in history.trials)
            return super().ask(space, settings, seed, history, first, count if is_done else min(count, 2 - first))

    monkeypatch.setattr(asyncio, "to_thread", computes)
    play = by_trial({0: prints(1.0, seconds=0.7)}, prints(1.0, seconds=500))
    outcome = Rehearsal(play, searcher=OneBehind(), offload=True, parallel=3, max_trials=3).run()
    assert outcome.phases == [TrialPhase.SUCCEEDED] * 3
    started = outcome.trials[2].created - START
    assert started < timedelta(seconds=5)


@pytest.mark.parametrize("rest", [0.0, 0.3, 0.7, 0.8, 5.0])
def test_an_answer_that_comes_during_a_pause_is_asked_for_again(rest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "to_thread", computes_for_long)

    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(0.6)
            await rehearsal.want(stores, state=RunState.PAUSE)
            await asyncio.sleep(rest)
            await rehearsal.want(stores, state=RunState.RUN)

    assert Rehearsal(offload=True).run(story).phases == [TrialPhase.SUCCEEDED] * 4
