"""A runtime makes a resource in several steps, and its resource may be seen before it has answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from around import Around
from rehearsal import Rehearsal, lasts

from trialmill.api.tree import JsonObject
from trialmill.engine.ports import (
    Created,
    Exists,
    Rejected,
    RetryAfter,
    Runtime,
    Stores,
)
from trialmill.engine.records import AttemptKey, RunState, TrialPhase

NOTE: JsonObject = {"name": "the runtime's own"}


@dataclass
class Late(Around):
    """A runtime that answers 1 s after it has made a resource, with a note of its own."""

    asked: int = 0
    answered: list[AttemptKey] = field(default_factory=list)

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        self.asked += 1
        answer = await super().ensure(key, resource, parts)
        await asyncio.sleep(1)
        self.answered.append(key)
        return Created(answer.uid, NOTE) if isinstance(answer, Created) else answer


class Unsure(Late):
    """Its answers are lost, and it would make the resource again."""

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        await super().ensure(key, resource, parts)
        return RetryAfter(timedelta(seconds=1), "no answer")


class Refused(Late):
    """It takes back what it has made, since it cannot be made whole."""

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject] = ()
    ) -> Created | Exists | Rejected | RetryAfter:
        await super().ensure(key, resource, parts)
        return Rejected("Forbidden", "its parts may not be patched")


def rehearsed(kind: type[Late], seconds: float) -> tuple[Rehearsal, list[Late]]:
    made: list[Late] = []

    def around(inner: Runtime) -> Runtime:
        made.append(kind(inner))
        return made[-1]

    return Rehearsal(lasts(seconds), around=around, max_trials=1), made


def test_a_resource_that_is_seen_before_it_is_answered_for_is_made_to_the_end() -> None:
    rehearsal, runtimes = rehearsed(Late, 3)
    (trial,) = rehearsal.run().trials
    assert trial.phase is TrialPhase.SUCCEEDED
    assert runtimes[0].answered == [trial.key]
    assert trial.attempt.handle == NOTE


def test_what_was_seen_is_not_asked_for_again() -> None:
    rehearsal, runtimes = rehearsed(Unsure, 10)
    assert rehearsal.run().phases == [TrialPhase.SUCCEEDED]
    assert runtimes[0].asked == 1


@pytest.mark.parametrize("seconds", [0.5, 1e6], ids=["it is over", "it is stopped"])
def test_nobody_waits_for_the_answer_once(seconds: float) -> None:
    async def story(rehearsal: Rehearsal, stores: Stores) -> None:
        async with rehearsal.driving(stores):
            await asyncio.sleep(0.6)
            await rehearsal.want(stores, state=RunState.STOP)

    rehearsal, runtimes = rehearsed(Late, seconds)
    (trial,) = rehearsal.run(story).trials
    assert trial.phase is (TrialPhase.SUCCEEDED if seconds < 1 else TrialPhase.PENDING)
    assert runtimes[0].answered == []


def test_a_refusal_that_comes_after_the_first_sight_ends_the_trial_with_its_words() -> None:
    rehearsal, _ = rehearsed(Refused, 10)
    (trial,) = rehearsal.run().trials
    assert (trial.phase, trial.reason) == (TrialPhase.FAILED, "Forbidden")
    assert trial.message == "its parts may not be patched"
