"""What has become true and is not saved yet.

Nothing is acted upon before it is saved. What nothing is acted upon may wait a little and be saved together with what
follows: that an attempt runs, or is over and being read, is found out again after a crash by looking at its resource,
and what was read is read again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from trialmill.engine.collecting import Appended
from trialmill.engine.ports import ConflictError, Stores
from trialmill.engine.records import EventRecord, ExperimentRecord, Intent, Record
from trialmill.engine.state import Changes, State

_TRIES: Final = 20
"""Each conflict means that a door has just changed what is wanted, which people do not do twenty times in a row."""
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
        return any(isinstance(record, ExperimentRecord) or record.phase.is_over for record in self._records.values())

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
        theirs: Intent | None = None
        for attempt in range(_TRIES):
            if self.is_empty:
                break
            try:
                await self._write(theirs)
                break
            except ConflictError:
                # Only doors write beside the driver, and only the experiment's intent: build on theirs and save again.
                if attempt == _TRIES - 1:
                    raise
                stored = await self._stores.trials.experiment(self._state.experiment.ref)
                self._state.take_version(stored.version)
                theirs = stored.intent
        return theirs

    async def _write(self, theirs: Intent | None) -> None:
        # What comes in while this waits for the store belongs to the next save.
        records, story, appended = self._records, self._story, self._appended
        self._records, self._story, self._appended = {}, [], []
        saved: list[Record] = []
        try:
            async with self._stores.together():
                if records:
                    saved = await self._stores.trials.save([self._current(r, theirs) for r in records.values()])
                for item in appended:
                    await self._stores.metrics.append(item.key, item.source, item.points, item.cursor, item.gap)
                if story:
                    await self._stores.trials.log(story)
        except BaseException:
            self._records = records | self._records
            self._story[:0], self._appended[:0] = story, appended
            raise
        self._state.saved(saved)

    def _current(self, record: Record, theirs: Intent | None) -> Record:
        """The record as the state has it now: the same content, in the version that was saved last. A door's new
        intent is kept.
        """
        if not isinstance(record, ExperimentRecord):
            return self._state.trials[record.index]
        experiment = self._state.experiment
        return experiment if theirs is None else replace(experiment, intent=theirs)
