"""The way into the command line: Ctrl-C gets an answer before anything that takes its time is imported."""

# What `signal` wraps. That one takes milliseconds to import, in which Ctrl-C would give a traceback.
import _signal  # type: ignore[import-not-found]
import os


def main() -> int:
    """Import the command line and run it; its exit code."""
    # Python would answer with a traceback of whatever is being imported. Who ignores the signal goes on doing so.
    is_answered = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if is_answered:
        _signal.signal(_signal.SIGINT, _leave)
    from trialmill.root import interrupts

    if is_answered:
        interrupts.answer_interrupts()
    from trialmill.cli.main import main as run

    return run()


def _leave(number: int, frame: object) -> None:
    """Nothing is under way yet that the end of the process would leave half-done."""
    del number, frame
    try:
        os.write(2, b"trialmill: interrupted\n")
    finally:
        os._exit(130)
