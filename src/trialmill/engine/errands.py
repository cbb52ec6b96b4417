"""The tasks that carry out instructions, each as long as its instruction is desired."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from trialmill.engine.instructions import Ask, Collect, Ensure, Instruction, Remove, Suspend
from trialmill.engine.records import AttemptKey

Start: TypeAlias = Callable[[Instruction], asyncio.Task[None]]


class Errands:
    """What is under way. `Collect` and `SetTimer` have lives of their own, and are no errands."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._tasks: dict[Instruction, asyncio.Task[None]] = {}

    def acts(self, wanted: Sequence[Instruction]) -> bool:
        """Whether following these would begin something in the world."""
        return any(isinstance(each, Ensure | Remove | Suspend) and each not in self._tasks for each in wanted)

    def follow(self, wanted: Sequence[Instruction]) -> None:
        """Begin what is new, and drop what is desired no more. The making of a resource that was seen before its maker
        has answered comes to its end: what it adds to the resource, and what it has to say of it, would be lost.
        """
        obsolete = self._tasks.keys() - set(wanted)
        # Looked up and not looked for: there may be many of both, and this is asked at every turn.
        followed = _followed(wanted) if obsolete else frozenset()
        for each in obsolete:
            if not (isinstance(each, Ensure) and each.key in followed):
                self._tasks.pop(each).cancel()
        for each in wanted:
            if isinstance(each, Ask | Ensure | Remove | Suspend) and each not in self._tasks:
                self._tasks[each] = self._start(each)

    def forget_answered(self) -> None:
        """An answer that came at the wrong moment was dropped: the same question must be asked again."""
        for ask in [each for each, task in self._tasks.items() if isinstance(each, Ask) and task.done()]:
            del self._tasks[ask]

    def begin_removals_anew(self) -> None:
        """With less grace, for one."""
        for remove in [each for each in self._tasks if isinstance(each, Remove)]:
            self._tasks.pop(remove).cancel()

    def tasks(self) -> list[asyncio.Task[None]]:
        return list(self._tasks.values())


def _followed(wanted: Sequence[Instruction]) -> frozenset[AttemptKey]:
    """The attempts that are under way, and that nobody ends."""
    read = {each.key for each in wanted if isinstance(each, Collect) and not each.final}
    return frozenset(read - {each.key for each in wanted if isinstance(each, Remove)})
