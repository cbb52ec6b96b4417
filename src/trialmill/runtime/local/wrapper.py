"""The few lines of shell around every command: they say on disk that it has started and how it ended.

They are `sh`, since starting a Python for this would cost ten times the whole budget of a trial. Values come as
arguments and are never pasted into shell text.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHELL: Final = "/bin/sh"
LOCK_DESCRIPTOR: Final = 9
"""The locked log arrives on it too, and the command inherits it: it is locked until the last of them is gone, even
where the command sends its output elsewhere.
"""

# $0 is the run's stem, $1 the folder to start in, then the command. The one variable is unset again, since the command
# would inherit it if the environment had it. Signals are trapped, not ignored: the command gets their default
# again, and the shell survives what was sent to the whole group, to say how the command ended. Lines are appended to
# the record in one write each, so whoever's line is the first owns the run, and the last line is there or is not.
_TEXT: Final = """\
trap : HUP INT QUIT ALRM TERM USR1 USR2
echo "started $$" >> "$0.run" || exit 125
read -r trialmill_first < "$0.run"
[ "$trialmill_first" = "started $$" ] || exit 125
unset trialmill_first
if cd "$1"; then shift; "$@"; set -- $?; else set -- 126; fi
{ echo "exit $1" >> "$0.run"; } 2>/dev/null
exit $1
"""


def wrapped(stem: str, working_directory: str, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` for the run of this stem. Both paths are absolute."""
    return ["sh", "-c", _TEXT, stem, working_directory, *command]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run's record says. `group`: its process group, None before it began; `fenced`: it never may."""

    group: int | None = None
    code: int | None = None
    fenced: bool = False
    is_there: bool = False


def read_record(stem: str) -> RunRecord:
    """The record of a run: whose line is first, and the exit code once it is complete."""
    try:
        with open(_record_of(stem), encoding="ascii", errors="replace") as file:
            text = file.read(256)
    except (FileNotFoundError, NotADirectoryError):
        return RunRecord()
    lines = [line.split() for line in text.split("\n")[:-1]]
    codes = [int(words[1]) for words in lines[1:] if len(words) == 2 and words[0] == "exit" and words[1].isdigit()]
    match lines[:1]:
        case [["started", group]] if group.isdigit():
            return RunRecord(int(group), codes[0] if codes else None, is_there=True)
        case [["fenced"]]:
            return RunRecord(fenced=True, is_there=True)
        case _:
            return RunRecord(is_there=bool(text))


def read_code(stem: str) -> int | None:
    """The exit code that the wrapper left; None where it is absent or incomplete."""
    return read_record(stem).code


def read_group(stem: str) -> int | None:
    """The process group of the run, as its wrapper recorded it."""
    return read_record(stem).group


def has_begun(wrapper: int) -> bool | None:
    """Whether the command runs: until the wrapper's shell has become it, signals are lost there. None: nobody can tell.

    Between fork and exec, the child still has the wrapper's command line, or none.
    """
    try:
        with open(f"/proc/{wrapper}/task/{wrapper}/children", encoding="ascii") as file:
            children = file.read().split()
        lines = [_command_line(pid) for pid in (str(wrapper), *children)]
    except OSError:  # no Linux, or one that does not show children; or it is over
        return None
    return any(line and line != lines[0] for line in lines[1:])


def _command_line(pid: str) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def write_code(stem: str, code: int) -> None:
    """Leave the exit code in place of a wrapper that was killed. Does nothing where it has left one."""
    if read_code(stem) is None:
        _append(stem, f"exit {code}\n", create=False)


def fence(stem: str) -> bool:
    """Be the first in the record, so that no wrapper can run; False where a wrapper was. Call with the lock held."""
    if not read_record(stem).is_there:
        _append(stem, "fenced\n", create=True)
    return read_record(stem).fenced


def record_time(stem: str, default: float) -> float:
    """When the record was last written to, in seconds since the epoch; `default` where there is none."""
    try:
        return os.stat(_record_of(stem)).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return default


def _append(stem: str, line: str, *, create: bool) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(_record_of(stem), flags, 0o666)
    except OSError:  # the attempt's directory is gone
        return
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _record_of(stem: str) -> str:
    return f"{stem}.run"
