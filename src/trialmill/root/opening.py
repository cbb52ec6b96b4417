"""Where the store is, and opening it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from trialmill.engine.ports import Stores
from trialmill.root.errors import InputError

DEFAULT_STORE: Final = ".trialmill/store.db"
STORE_VARIABLE: Final = "TRIALMILL_STORE"


def store_path(given: str | None, environment: Mapping[str, str]) -> str:
    """The store's file: what the command line says, else the environment, else the working directory's own."""
    return given or environment.get(STORE_VARIABLE) or DEFAULT_STORE


def runs_directory(store: str) -> Path:
    """Where the local runtime keeps manifests, logs and volumes: beside the store, in a folder per experiment's uid."""
    return Path(store).absolute().parent / "runs"


@asynccontextmanager
async def open_existing(path: str, *, poll: float = 0.2) -> AsyncIterator[Stores]:
    """The store, for commands that show or change what is there; none is made. Raises InputError, StoreError."""
    if not Path(path).exists():
        raise InputError(f"no store at {path}", "run an experiment first, or name the store with --store")
    from trialmill.store.sql.open import open_store  # sqlite3 costs 12 ms to import

    async with open_store(path, poll=poll) as stores:
        yield stores
