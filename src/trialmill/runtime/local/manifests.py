"""The resources of an experiment's attempts, in one file that only grows: to make a file costs more than the rest of
a trial.

A line is `{"attempt":"INDEX-ATTEMPT","created":SECONDS,"resource":{...}}`, with `"parts":[...]` where there are any. A
crash in the middle of writing leaves a last line without an end, which counts for nothing.
"""

import json
import os
from dataclasses import dataclass
from typing import Final

from trialmill.api.tree import Json, JsonObject, get_list, is_object
from trialmill.engine.records import AttemptKey
from trialmill.runtime.local.layout import experiment_directory, write_all

FILE: Final = "manifests.jsonl"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an attempt is made of: its resource, when it was made (seconds since the epoch), and what came with it."""

    resource: JsonObject
    created: float
    parts: tuple[JsonObject, ...] = ()


class Manifests:
    """The manifests of one experiment. Opened when first needed; `close` lets go of the file."""

    def __init__(self, root: str, experiment_uid: str) -> None:
        self._path = f"{experiment_directory(root, experiment_uid)}/{FILE}"
        self._descriptor: int | None = None

    def write(self, key: AttemptKey, manifest: Manifest) -> None:
        """Record what an attempt is made of. Raises OSError."""
        line: JsonObject = {"created": manifest.created, "resource": manifest.resource}
        if manifest.parts:
            line["parts"] = list(manifest.parts)
        text = json.dumps(line, separators=(",", ":"))
        if self._descriptor is None:
            self._descriptor = self._open()
        write_all(self._descriptor, f"{_begin(key)}{text[1:]}\n".encode())

    def read(self, key: AttemptKey) -> Manifest | None:
        """What was recorded; None where that is nothing, or incomplete."""
        try:
            with open(self._path, "rb") as file:
                lines = [line for line in file if line.startswith(_begin(key).encode()) and line.endswith(b"\n")]
        except FileNotFoundError:
            return None
        return _parsed(lines[-1]) if lines else None

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            write_all(descriptor, b"\n")  # a crash has left half a line: what follows must not be joined to it
        return descriptor


def _begin(key: AttemptKey) -> str:
    return f'{{"attempt":"{key.trial_index}-{key.attempt}",'


def _parsed(line: bytes) -> Manifest | None:
    try:
        stored: Json = json.loads(line)
    except ValueError:
        return None
    match stored:
        case {"created": int() | float() as created, "resource": dict() as resource}:
            return Manifest(resource, float(created), tuple(filter(is_object, get_list(stored, "parts"))))
        case _:
            return None
