"""Following files while they grow: the output of containers, and files that collectors read."""

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Final

from trialmill.engine.ports import Chunk, Cursor, File, Log
from trialmill.kinds.plan import RunId
from trialmill.runtime.local.attempt import Attempt

CHUNK: Final = 256 * 1024
_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.25


async def follow_log(attempt: Attempt, source: Log, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
    """The output of a container's runs, one after the other; a cursor's token is the number of the run.

    Ends when the pod is over and everything is read, without any waiting where that is so from the start.
    """
    number = int(after.token) if after and after.token.isdigit() else 0
    offset = after.offset if after else 0
    while True:
        pod_is_over = attempt.pod_is_over(source.pod)
        pod = attempt.pod_id(source.pod)
        run = None if pod is None else RunId(pod, source.container, number)
        if run is not None and attempt.was_started(run):
            descriptor = attempt.open_output(run)
            if descriptor is not None:
                try:
                    wait = _FIRST_WAIT
                    while True:
                        is_running = attempt.is_running(run)
                        data = os.pread(descriptor, CHUNK, offset)
                        if data:
                            yield Chunk(data, Cursor(offset, str(number)))
                            offset += len(data)
                            wait = _FIRST_WAIT
                            await asyncio.sleep(0)  # gigabytes of output must not starve everybody else
                        elif not is_running:
                            break
                        else:
                            await attempt.change(wait)
                            wait = min(wait * 2, _LONGEST_WAIT)
                finally:
                    os.close(descriptor)
            number, offset = number + 1, 0
        elif pod_is_over:
            return
        else:
            await attempt.change(_LONGEST_WAIT)


async def follow_file(attempt: Attempt, source: File, after: Cursor | None) -> AsyncGenerator[Chunk, None]:
    """A file that a container writes; a cursor's token names the file itself, so that another one of its name is seen.

    A file that was replaced or cut short is read again from its beginning, with a gap that says so.
    """
    position = after or Cursor()
    wait = _FIRST_WAIT
    while True:
        is_over = attempt.pod_is_over(source.pod)
        pod = attempt.pod_id(source.pod)
        chunk = None if pod is None else _read(attempt.place_of(pod, source.container, source.path), position)
        if chunk is not None:
            yield chunk
            position = Cursor(chunk.at.offset + len(chunk.data), chunk.at.token)
            wait = _FIRST_WAIT
            await asyncio.sleep(0)
        elif is_over:
            return
        else:
            await attempt.change(wait)
            wait = min(wait * 2, _LONGEST_WAIT)


def _read(path: str, position: Cursor) -> Chunk | None:
    """The next bytes of the file after `position`; None for nothing new."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # not there yet, or no file that can be read
        return None
    try:
        facts = os.fstat(descriptor)
        token = str(facts.st_ino)
        offset, gap = position.offset, ""
        if position.token not in ("", token):
            offset, gap = 0, "the file was replaced by another"
        elif facts.st_size < offset:
            offset, gap = 0, "the file was cut short and written anew"
        data = os.pread(descriptor, CHUNK, offset)
    except OSError:  # a directory, or a pipe
        return None
    finally:
        os.close(descriptor)
    return Chunk(data, Cursor(offset, token), gap) if data else None
