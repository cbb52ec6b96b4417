"""Containers' output for the API server double: lines with their times, runs that end, and the run before."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trialmill.kube.api import KubeError

ContainerKey = tuple[str, str, str]
"""Namespace, pod, container."""


@dataclass(slots=True)
class ContainerLog:
    """One run of a container. `dropped` lines at the front were rotated away."""

    lines: list[tuple[datetime, bytes]] = field(default_factory=list)
    ended: bool = False
    dropped: int = 0


class FakeLogs:
    """What containers print. Tests write, the API reads."""

    def __init__(self) -> None:
        self._runs: dict[ContainerKey, list[ContainerLog]] = {}
        self._news = asyncio.Event()
        self._cuts = 0
        self._freezes = 0

    def write(self, key: ContainerKey, data: bytes, now: datetime) -> None:
        """Append output; each line gets its time. The first write begins the container's first run."""
        run = self._runs.setdefault(key, [ContainerLog()])[-1]
        run.lines += [(now, line) for line in data.splitlines(keepends=True)]
        self._tell()

    def end(self, key: ContainerKey) -> None:
        """The container has stopped: streams that follow it come to their end."""
        self._runs.setdefault(key, [ContainerLog()])[-1].ended = True
        self._tell()

    def restart(self, key: ContainerKey) -> None:
        """The container is started again: what it printed so far is the previous run's."""
        self.end(key)
        self._runs[key] = [self._runs[key][-1], ContainerLog()]
        self._tell()

    def rotate(self, key: ContainerKey, keep: int) -> None:
        """Only the newest `keep` lines can be read from now on."""
        run = self._runs[key][-1]
        run.dropped = max(run.dropped, len(run.lines) - keep)

    def forget(self, key: ContainerKey) -> None:
        """The pod is gone, and its output with it."""
        for run in self._runs.pop(key, []):
            run.ended = True
        self._tell()

    def cut(self) -> None:
        """Close every open stream, as an API server does that goes away politely: with no error, in mid-log."""
        self._cuts += 1
        self._tell()

    def freeze(self) -> None:
        """Every open stream stays open and says nothing more, as behind a balancer that has lost the connection."""
        self._freezes += 1

    async def read(
        self, key: ContainerKey, *, follow: bool, since: datetime | None, timestamps: bool, previous: bool
    ) -> AsyncGenerator[bytes, None]:
        runs = self._runs.get(key)
        if previous and (not runs or len(runs) < 2):
            text = f'previous terminated container "{key[2]}" in pod "{key[1]}" not found'
            raise KubeError(400, "BadRequest", text)
        if not runs:
            text = f'container "{key[2]}" in pod "{key[1]}" is waiting to start: ContainerCreating'
            raise KubeError(400, "BadRequest", text)
        run, cuts, freezes = runs[0 if previous else -1], self._cuts, self._freezes
        start = since.replace(microsecond=0) if since else None
        position = run.dropped
        while True:
            news = self._news
            if freezes != self._freezes:
                await asyncio.Event().wait()
            chunk = b"".join(
                (_stamp(when) + line if timestamps else line)
                for when, line in run.lines[position:]
                if start is None or when >= start
            )
            position = len(run.lines)
            if chunk:
                yield chunk
            if run.ended or not follow or cuts != self._cuts:
                return
            if news is self._news:
                await news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _stamp(when: datetime) -> bytes:
    """Kubelet's RFC 3339 with nanoseconds, and a space."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode()
