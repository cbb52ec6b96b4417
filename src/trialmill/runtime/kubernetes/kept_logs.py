"""A copy of what was read of an attempt's output, which outlives its pods."""

import os
import posixpath
from contextlib import suppress
from pathlib import Path
from typing import Self

from trialmill.engine.ports import Chunk, File, Source
from trialmill.runtime.kubernetes.log_place import place_of


class KeptLog:
    """Writes chunks to a file, each at its own position: what is read twice is written over itself.

    A disk that is full or cannot be written loses the copy, nothing else.
    """

    def __init__(self, folder: str, source: Source) -> None:
        name = f"{source.pod}.{source.container}"
        suffix = f".{posixpath.basename(source.path)}.copy" if isinstance(source, File) else ".log"
        self._path = Path(folder, name + suffix)
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def keep(self, chunk: Chunk) -> None:
        if self._descriptor is None or not chunk.data:
            return
        with suppress(OSError):
            os.pwrite(self._descriptor, chunk.data, place_of(chunk.at.token).total + chunk.at.offset)
