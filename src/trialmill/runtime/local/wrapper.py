"""The few lines of shell around every command: they say on disk that it has started and how it ended.

They are `sh`, since starting a Python for this would cost ten times the whole budget of a trial. Values come as
arguments and are never pasted into shell text.
"""

import os
from collections.abc import Sequence
from typing import Final

SHELL: Final = "/bin/sh"
LOCK_DESCRIPTOR: Final = 9
"""The locked log arrives on it too, and the command inherits it: it is locked until the last of them is gone, even where
the command sends its output elsewhere.
"""

# $0 is the run's stem, $1 the folder to start in, then the command. No shell variable is set, because the command
# would inherit one that the environment has too. Signals are trapped, not ignored: the command gets their default
# again, and the shell survives what was sent to the whole group, to say how the command ended. `set -C` makes `>`
# create the file or fail, so whoever creates `started` owns the run. `exit` is written in one write.
_TEXT: Final = """\
trap : HUP INT QUIT ALRM TERM USR1 USR2
set -C
echo $$ > "$0.started" || exit 125
if cd "$1"; then shift; "$@"; set -- $?; else set -- 126; fi
{ echo $1 > "$0.exit"; } 2>/dev/null
exit $1
"""


def wrapped(stem: str, working_directory: str, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` for the run of this stem. Both paths are absolute."""
    return ["sh", "-c", _TEXT, stem, working_directory, *command]


def read_code(stem: str) -> int | None:
    """The exit code that the wrapper left; None where it is absent or incomplete."""
    text = _content(f"{stem}.exit")
    return int(text) if text.endswith("\n") and text[:-1].isdigit() else None


def write_code(stem: str, code: int) -> None:
    """Leave the exit code in place of a wrapper that was killed. Does nothing where it has left one."""
    try:
        descriptor = os.open(f"{stem}.exit", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError:  # there already, or the directory is gone
        return
    try:
        os.write(descriptor, f"{code}\n".encode())
    finally:
        os.close(descriptor)


def read_group(stem: str) -> int | None:
    """The process group of the run, as its wrapper recorded it."""
    text = _content(f"{stem}.started")
    return int(text) if text.endswith("\n") and text[:-1].isdigit() else None


def _content(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(64)
    except FileNotFoundError:
        return ""
