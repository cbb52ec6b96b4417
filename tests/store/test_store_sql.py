"""The SQLite store passes the suites, in a file and in memory."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from trialmill.engine.ports import Stores
from trialmill.store.sql.open import open_store
from trialmill.testing.metric_store import MetricStoreSuite
from trialmill.testing.trial_store import TrialStoreSuite

POLL = 0.005


class InFile:
    path: Path

    @pytest.fixture(autouse=True)
    def _new_path(self, tmp_path: Path) -> Iterator[None]:
        self.path = tmp_path / "folder" / "store.db"
        yield

    def stores(self) -> AbstractAsyncContextManager[Stores]:
        return open_store(self.path, poll=POLL)

    def second(self) -> AbstractAsyncContextManager[Stores] | None:
        return open_store(self.path, poll=POLL)


class InMemory:
    def stores(self) -> AbstractAsyncContextManager[Stores]:
        return open_store(":memory:", poll=POLL)


class TestTrialsInFile(InFile, TrialStoreSuite):
    pass


class TestTrialsInMemory(InMemory, TrialStoreSuite):
    pass


class TestMetricsInFile(InFile, MetricStoreSuite):
    pass


class TestMetricsInMemory(InMemory, MetricStoreSuite):
    pass
