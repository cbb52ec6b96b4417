"""Ctrl-C while nothing of an experiment runs yet, or any more: one answer, whenever it comes.

Python's own answer is an exception wherever the program happens to be. In the middle of an import, which may come late
here, that exception gets lost (in a callback of the import machinery) or turns into another one (RuntimeError from a
class body, ImportError from an extension), and looks like a fault. So an import is not interrupted but left for good:
nothing is under way then that the end of the process would leave half-done. While an event loop runs, its task is
cancelled, so that leases and connections are given back; anywhere else KeyboardInterrupt is raised.
"""

import os
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

EXIT_CODE: Final = 130
MESSAGE: Final = "trialmill: interrupted"
_IMPORT_MACHINERY: Final = "<frozen importlib"


class _Interrupts:
    """What is known of Ctrl-C in this process."""

    received = False
    cancel: Callable[[], object] | None = None
    """Ends gently what the event loop does, the first time."""


def answer_interrupts() -> None:
    """From now on, in this process. Called in its main thread."""
    signal.signal(signal.SIGINT, _received)


def was_interrupted() -> bool:
    """Whether Ctrl-C came: whatever the program ended with afterwards, it is not to blame."""
    return _Interrupts.received


def run_in_loop(work: Coroutine[Any, Any, T]) -> T:
    """What `asyncio.run` does. Raises KeyboardInterrupt where Ctrl-C ended it, or came before unnoticed."""
    import asyncio  # it takes 20 ms, and a handler has to be there before that

    if signal.getsignal(signal.SIGINT) is not _received:
        return asyncio.run(work)
    if _Interrupts.received:
        work.close()
        raise KeyboardInterrupt
    try:
        return asyncio.run(_cancellable(work))
    except asyncio.CancelledError:
        if _Interrupts.received:
            raise KeyboardInterrupt from None
        raise


def run_anywhere(work: Coroutine[Any, Any, T]) -> T:
    """The same; in a notebook an event loop runs here already, and the work gets a thread of its own."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run_in_loop(work)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="trialmill") as pool:
        return pool.submit(asyncio.run, work).result()


async def _cancellable(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel() -> None:
        if task is not None:
            # Also wakes the loop, which may wait for something that takes its time.
            loop.call_soon_threadsafe(task.cancel)

    _Interrupts.cancel = cancel
    try:
        return await work
    finally:
        _Interrupts.cancel = None


def _received(number: int, frame: FrameType | None) -> None:
    del number
    _Interrupts.received = True
    cancel, _Interrupts.cancel = _Interrupts.cancel, None
    if cancel is not None:
        cancel()
    elif _is_importing(frame):
        _leave()
    else:
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORT_MACHINERY):
            return True
        frame = frame.f_back
    return False


def _leave() -> None:
    try:
        os.write(2, f"{MESSAGE}\n".encode())
    finally:
        os._exit(EXIT_CODE)
