"""The way into the command line: until a command is there to answer it, Ctrl-C ends the process without a word."""

import signal


def main() -> int:
    """Import the command line and run it; its exit code."""
    handler = signal.getsignal(signal.SIGINT)
    # Python would answer with a traceback of whatever is being imported. Who ignores the signal goes on doing so.
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from trialmill.cli.main import main as run

    signal.signal(signal.SIGINT, handler)
    return run()
