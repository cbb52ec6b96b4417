"""What has become true and is not saved yet.

Nothing is acted upon before it is saved. What nothing is acted upon may wait a little and be saved together with what
follows: that an attempt runs, or is over and being read, is found out again after a crash by looking at its resource.
"""

from collections.abc import Sequence
from typing import Final

from trialmill.engine.collecting import Appended
from trialmill.engine.ports import ConflictError, Stores
from trialmill.engine.records import EventRecord, ExperimentRecord, Intent, Record
from trialmill.engine.state import Changes, State

PATIENCE: Final = 0.1
"""Seconds that what is not urgent may wait to be saved; other processes see it that much later."""


class Ledger:
    """Collects changes of one experiment and saves them in one step."""

    def __init__(self, stores: Stores, state: State) -> None:
        self._stores = stores
        self._state = state
        self._records: dict[str, Record] = {}
        self._story: list[EventRecord] = []
        self._appended: list[Appended] = []

    @property
    def is_empty(self) -> bool:
        return not (self._records or self._story or self._appended)

    @property
    def is_urgent(self) -> bool:
        """Whether something waits that no look at a resource could tell again."""
        return bool(self._appended) or any(
            isinstance(record, ExperimentRecord) or record.phase.is_over for record in self._records.values()
        )

    def add(self, changes: Changes) -> None:
        """Later versions of a record take the place of earlier ones."""
        for record in changes.records:
            self._records[record.uid] = record
        self._story += changes.story

    def append(self, appended: Sequence[Appended]) -> None:
        self._appended += appended

    async def save(self) -> Intent | None:
        """Make everything durable. Tells the user's new intent where a door has written one at the same moment.

        Raises StoreError; what was not saved is then kept.
        """
        if self.is_empty:
            return None
        try:
            await self._write()
        except ConflictError:
            # Only doors write beside the driver, and only the experiment's intent: build on theirs and save again.
            stored = await self._stores.trials.experiment(self._state.experiment.ref)
            self._state.take_version(stored.version)
            await self._write()
            return stored.intent
        return None

    async def _write(self) -> None:
        saved: list[Record] = []
        async with self._stores.together():
            if self._records:
                saved = await self._stores.trials.save([self._current(r) for r in self._records.values()])
            for item in self._appended:
                await self._stores.metrics.append(item.key, item.source, item.points, item.cursor, item.gap)
            if self._story:
                await self._stores.trials.log(self._story)
        self._state.saved(saved)
        self._records, self._story, self._appended = {}, [], []

    def _current(self, record: Record) -> Record:
        """The record as the state has it now: the same content, in the version that was saved last."""
        return self._state.experiment if isinstance(record, ExperimentRecord) else self._state.trials[record.index]
