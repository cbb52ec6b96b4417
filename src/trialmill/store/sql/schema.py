"""The tables, as steps from each version of the schema to the next.

An experiment is known inside the database by its `number`, which is never given twice, so that a row that outlives its
experiment can never turn up in another. Columns hold what is asked for by value; what is only ever read whole is JSON
text. Times are microseconds since the epoch. How many trials are in which phase is counted, never kept.
"""

from typing import Final

_VERSION_1: Final = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE experiment (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    phase TEXT NOT NULL,
    generation INTEGER NOT NULL,
    seed TEXT NOT NULL,             -- text, since a seed may be larger than 64 bits
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    exhausted TEXT NOT NULL,
    intent TEXT NOT NULL,           -- JSON
    ending TEXT,                    -- JSON: [succeeded, reason, message]
    conditions TEXT NOT NULL,       -- JSON
    settings TEXT NOT NULL,         -- JSON
    source TEXT NOT NULL,           -- JSON: the Experiment as it was read
    compiled TEXT NOT NULL,         -- JSON: its template
    UNIQUE (namespace, name)
);

CREATE TABLE trial (
    id INTEGER PRIMARY KEY,         -- see `trial_id`
    version INTEGER NOT NULL,
    phase TEXT NOT NULL,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    parent INTEGER,
    completion INTEGER,
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    assignments TEXT NOT NULL,      -- JSON
    labels TEXT,                    -- JSON, null for none
    search_state TEXT,              -- JSON
    observation TEXT,               -- JSON: [[metric, min, max, latest, text], ...]
    attempts TEXT NOT NULL          -- JSON, oldest first; fields that have their default are left out
);
-- No index by name or by phase: measured, each costs every save more than it spares a reader, who scans one
-- experiment's trials at 0.6 us each.

CREATE TABLE source (
    trial INTEGER NOT NULL,         -- trial.id
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- from 0 in each attempt
    name TEXT NOT NULL,
    position INTEGER NOT NULL,      -- how far it was read: the cursor's offset and token
    token TEXT NOT NULL,
    gap TEXT NOT NULL,              -- what was lost, empty for nothing
    PRIMARY KEY (trial, attempt, number)
) WITHOUT ROWID;

CREATE TABLE point (
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    source INTEGER NOT NULL,        -- source.number
    seq INTEGER NOT NULL,
    name TEXT NOT NULL,
    step,                           -- an integer; text where it is larger than 64 bits
    time REAL,                      -- seconds since the epoch, as the source gives it
    value REAL,
    text TEXT,                      -- a value that is text; neither value nor text: nan
    PRIMARY KEY (trial, attempt, source, seq)
) WITHOUT ROWID;

CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    experiment INTEGER NOT NULL,
    object TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    time INTEGER NOT NULL,
    warning INTEGER NOT NULL
);
CREATE INDEX event_by_experiment ON event (experiment);

-- One row per experiment, kept when the experiment is deleted: the number of the last save that touched it.
-- The row of experiment 0 holds the number of the last save of all.
CREATE TABLE change (
    experiment INTEGER PRIMARY KEY,
    uid TEXT NOT NULL,
    seq INTEGER NOT NULL
);
INSERT INTO change VALUES (0, '', 0);

-- Experiments that are deleted, and whose trials, points and events may not all be gone yet.
CREATE TABLE garbage (
    experiment INTEGER PRIMARY KEY
);

-- Leases, where the file system has no locks that end with their process.
CREATE TABLE lease (
    experiment_uid TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires REAL NOT NULL           -- seconds since the epoch
) WITHOUT ROWID;
"""

STEPS: Final = (_VERSION_1,)
"""STEPS[n] leads from version n to n + 1; version 0 is the empty database."""

VERSION: Final = len(STEPS)

_INDEX_BITS: Final = 32


def trial_id(experiment: int, index: int) -> int:
    """The number of a trial: its experiment's in the upper bits, its index below."""
    return experiment << _INDEX_BITS | index


def index_of(number: int) -> int:
    """The index of the trial that has this number."""
    return number & ((1 << _INDEX_BITS) - 1)


def trial_ids(experiment: int) -> tuple[int, int]:
    """The first and the last number that a trial of the experiment can have."""
    return trial_id(experiment, 0), trial_id(experiment + 1, 0) - 1
