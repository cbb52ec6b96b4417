"""What is under way while what is desired changes."""

import asyncio
from collections.abc import Iterator

from trialmill.engine.errands import Errands
from trialmill.engine.instructions import Collect, Ensure, Instruction
from trialmill.engine.records import AttemptKey


class Counted(list[Instruction]):
    """Counts how often it is gone through."""

    times = 0

    def __iter__(self) -> Iterator[Instruction]:
        self.times += 1
        return super().__iter__()


def test_what_is_desired_is_not_gone_through_for_each_resource_that_was_made() -> None:
    async def story(trials: int) -> int:
        async def nothing() -> None:
            return

        errands = Errands(lambda _: asyncio.create_task(nothing()))
        keys = [AttemptKey("e", index, 1) for index in range(trials)]
        errands.follow([Ensure(key) for key in keys])
        await asyncio.gather(*errands.tasks())
        wanted = Counted(Collect(key, final=False) for key in keys)
        errands.follow(wanted)
        return wanted.times

    assert asyncio.run(story(2)) == asyncio.run(story(50))
