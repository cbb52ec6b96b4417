"""Calling a user's function or command that makes the resources of trials.

In a process of its own, in a session of its own, with an end: it gets its question on stdin and answers on stdout, both
JSON. Whatever it has started is killed with it.
"""

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Final

from trialmill.api.tree import Json, JsonObject
from trialmill.template.hydration import Hydration, HydrationError

TIME_LIMIT: Final = 10.0
"""Seconds for one resource."""
SIZE_LIMIT: Final = 4 * 2**20
"""Bytes of one answer. A resource in a cluster must be below 1.5 MiB."""
_CHUNK: Final = 65536
_LAST_WORDS: Final = 300
_CALL: Final = """\
import importlib, json, signal, sys
signal.alarm(int(sys.argv[2]))
out, sys.stdout = sys.stdout, sys.stderr
sys.path.insert(0, "")
given = json.load(sys.stdin)
module, _, names = sys.argv[1].partition(":")
target = importlib.import_module(module)
for name in names.split("."):
    target = getattr(target, name)
answer = target(given["parameters"], given["template"], given["trial"])
json.dump(answer, out, allow_nan=False)
"""
"""What runs a function; what it prints goes to stderr, so that nothing gets into the answer. Its alarm is for the case
that nobody is left to kill it.
"""


@dataclass(frozen=True, slots=True)
class Hydrator:
    """Answers questions by a function or command. `base` is the folder it starts in, where modules are looked for."""

    hydration: Hydration
    base: str
    time_limit: float = TIME_LIMIT
    size_limit: int = SIZE_LIMIT

    def __call__(self, asked: JsonObject) -> Json:
        """The answer. Raises HydrationError; comes back within the time limit."""
        with tempfile.TemporaryFile() as stdin:
            stdin.write(json.dumps(asked).encode())
            stdin.seek(0)
            heard = self._run(stdin)
        if heard.code:
            raise HydrationError(f"{self.hydration} ended with exit code {heard.code}{heard.last_words}")
        try:
            answer: Json = json.loads(bytes(heard.answer), parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            what = f"no JSON ({error})" if heard.answer.strip() else "nothing to stdout"
            raise HydrationError(f"{self.hydration} wrote {what}{heard.last_words}") from None
        return answer

    def _run(self, stdin: IO[bytes]) -> "_Heard":
        alarm = str(math.ceil(self.time_limit) + 1)
        words = self.hydration.command or (sys.executable, "-c", _CALL, self.hydration.function, alarm)
        try:
            process = subprocess.Popen(
                words,
                cwd=self.base,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise HydrationError(f"{self.hydration} cannot be started: {error}") from None
        try:
            return self._listen(process)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _listen(self, process: "subprocess.Popen[bytes]") -> "_Heard":
        end = time.monotonic() + self.time_limit
        heard = _Heard()
        with selectors.DefaultSelector() as selector:
            for pipe, kept in ((process.stdout, heard.answer), (process.stderr, heard.errors)):
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ, kept)
            while selector.get_map():
                ready = selector.select(max(0.0, end - time.monotonic()))
                if time.monotonic() >= end:
                    raise self._too_slow()
                for key, _ in ready:
                    data = os.read(key.fd, _CHUNK)
                    if not data:
                        selector.unregister(key.fileobj)
                    key.data.extend(data)
                del heard.errors[:-_CHUNK]
                if len(heard.answer) > self.size_limit:
                    raise HydrationError(f"{self.hydration} wrote more than {self.size_limit} bytes")
        try:
            heard.code = process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise self._too_slow() from None
        return heard

    def _too_slow(self) -> HydrationError:
        return HydrationError(f"{self.hydration} took longer than {self.time_limit:g} s and was killed")


@dataclass(slots=True)
class _Heard:
    """What a process wrote, and how it ended."""

    answer: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    code: int = 0

    @property
    def last_words(self) -> str:
        """The last line of its stderr, which is the message of a Python error."""
        lines = bytes(self.errors).decode("utf-8", "backslashreplace").strip().splitlines()
        return f": {lines[-1].strip()[:_LAST_WORDS]}" if lines else ""


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)
