"""The one place where errors become messages and exit codes: 2 for bad input, 1 for a failure, 130 for Ctrl-C."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from trialmill.root.interrupts import EXIT_CODE, was_interrupted

OK: Final = 0
FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = EXIT_CODE
READER_GONE: Final = 141
"""What a shell shows for a program that SIGPIPE ended: `trialmill trials x | head`."""
_CANNOT_WRITE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
TRACE_VARIABLE: Final = "TRIALMILL_TRACE"


def guarded(command: Callable[[], int], options: str = "") -> int:
    """Run a command. Whatever it raises becomes a plain line on stderr and an exit code; commands that the line
    recommends have these options.
    """
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()
        return READER_GONE
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except Exception as error:
        if was_interrupted():  # what an interrupt turns into on its way is nobody's fault
            complain("interrupted")
            return INTERRUPTED
        return _explained(error, options)
    return code


def complain(message: str) -> None:
    """A line to the user, on stderr. Without a reader it is lost, and nothing else happens."""
    try:
        print(f"trialmill: {message}", file=sys.stderr, flush=True)
    except OSError:
        return


def refuse(message: str) -> NoReturn:
    """End the command: the user gave something that means nothing."""
    from trialmill.root.errors import InputError

    raise InputError(message)


def _explained(error: Exception, options: str) -> int:
    # Imported here: a command that succeeds has no need of them.
    from trialmill.engine.ports import StoreError, StoreUnusableError
    from trialmill.root.errors import InputError, RootError

    if isinstance(error, RootError):
        complain(error.text(options))
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    if isinstance(error, StoreError):
        complain(str(error))
        return BAD_INPUT if isinstance(error, StoreUnusableError) else FAILED
    if isinstance(error, OSError) and error.filename is not None:
        complain(f"{error.filename}: {error.strerror}")
        return FAILED
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        _close_stdout()
        complain(f"the output cannot be written: {error.strerror}")
        return FAILED
    return _fault(error)


def _fault(error: Exception) -> int:
    """An error that nobody foresaw: one line for the user, the traceback for whoever mends it."""
    import traceback

    text = "".join(traceback.format_exception(error))
    what = " ".join(traceback.format_exception_only(error)[-1].split())
    if os.environ.get(TRACE_VARIABLE):
        print(text, file=sys.stderr, end="")
        complain(f"this is a fault in Trialmill: {what}")
    else:
        complain(f"this is a fault in Trialmill: {what} ({_written(text)}; {TRACE_VARIABLE}=1 prints it)")
    return FAILED


def _written(text: str) -> str:
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="trialmill-", suffix=".trace", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
    except OSError:
        return "its traceback could not be written anywhere"
    return f"its traceback is in {file.name}"


def _close_stdout() -> None:
    """Nobody reads any more, or nothing can be written. What is buffered goes nowhere, so that the end of the process
    does not try.
    """
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
