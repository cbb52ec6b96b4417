"""Reading one attempt's metrics, from the log or files of its primary pod, while it runs and to the end, and from its
resource, once it is over.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from trialmill.api.experiment import ExperimentSpec
from trialmill.api.metric import Observation, Point
from trialmill.api.tree import JsonObject
from trialmill.engine.metric_fields import SOURCE as RESOURCE
from trialmill.engine.metric_fields import points_in
from trialmill.engine.ports import Chunk, Collector, Cursor, File, Log, MetricStore, PodRef, Runtime, Source
from trialmill.engine.records import AttemptKey
from trialmill.metrics.collector import make_collector
from trialmill.metrics.observe import Summary

FOLLOW_AFTER: Final = 0.25
"""Seconds before the log of a running attempt is followed: a trial that ends sooner is read once, at its end."""
_ENOUGH: Final = 1000
"""Points of a trial that is over are told together, but not more than about so many."""
_PROGRESS: Final = 8 * 2**20
"""Bytes after which it is told that reading gets on, though there was no point in them."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Points to be stored together with the position they were read up to."""

    key: AttemptKey
    source: str
    points: tuple[Point, ...]
    cursor: Cursor
    gap: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was read: points that are not stored yet, their sum with all earlier ones, and whether that is all."""

    key: AttemptKey
    appended: tuple[Appended, ...]
    observation: Observation
    curve: tuple[float, ...]
    is_complete: bool
    lost: str = ""
    """What could not be read, the last of it; empty for nothing."""


Report: TypeAlias = Callable[[Collected], None]
Spawn: TypeAlias = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


class Collecting:
    """Follows the primary pod of one attempt. Where that pod is replaced (a Job's own retry), the new one's output
    counts.
    """

    def __init__(
        self,
        key: AttemptKey,
        spec: ExperimentSpec,
        runtime: Runtime,
        metrics: MetricStore,
        report: Report,
        spawn: Spawn,
        resource: Callable[[], JsonObject | None],
        *,
        fresh: bool,
    ) -> None:
        """`resource` is what was last seen of the attempt's. `fresh`: the attempt was made by this process, so nothing
        of it can be stored yet.
        """
        self._key = key
        self._spec = spec
        self._runtime = runtime
        self._metrics = metrics
        self._report = report
        self._spawn = spawn
        self._resource = resource
        self._fresh = fresh
        self._final = False
        self._is_remembered = False
        self._changed = asyncio.Event()
        self._total: _Total | None = None
        self._untold: list[Appended] = []
        self._untold_bytes = 0
        self._lost = ""
        self.task: asyncio.Task[None] | None = None
        self._start = asyncio.get_running_loop().call_later(FOLLOW_AFTER, self._begin)

    def resource_changed(self) -> None:
        """The attempt's pods may be others now."""
        self._changed.set()

    def finish(self) -> None:
        """The attempt is over: read what is left and come to an end."""
        if not self._final:
            self._final = True
            self._changed.set()
            self._begin()

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self._start.cancel()
        if self.task is not None:
            self.task.cancel()

    def _begin(self) -> None:
        self._start.cancel()
        if self.task is None:
            self.task = self._spawn(self._run())

    async def _run(self) -> None:
        """Read to the end. Reports after each chunk that held points, and once more when all is read."""
        done: set[Source] = set()
        while True:
            self._changed.clear()
            final = self._final
            source = next((s for s in await self._sources() if s not in done), None)
            if source is not None:
                await self._read(source)
                done.add(source)
            elif final:
                break
            else:
                await self._changed.wait()
        if self._total is None and not self._fresh:
            self._total = await self._remembered()
        self._tell(await self._in_resource() if self._spec.collector.metric_fields else [], is_complete=True)

    async def _in_resource(self) -> list[Appended]:
        """The points of the resource as it ended, unless they were stored before. Right after a restart nothing may
        have been heard of it yet.
        """
        total = self._total = self._total or _Total(RESOURCE, self._spec)
        name = RESOURCE if total.pod == RESOURCE else f"{total.pod}/{RESOURCE}"
        if not self._fresh:
            points = await self._metrics.read(self._key, self._spec.objective.metric_names)
            stored = [point for point in points if point.source == name]
            if stored:
                total.add([] if self._is_remembered else stored)
                return []
        while (resource := self._resource()) is None:
            self._changed.clear()
            await self._changed.wait()
        found = points_in(resource, self._spec.collector.metric_fields, name)
        found = [point for point in found if point.name in self._spec.objective.metric_names]
        total.add(found)
        return [Appended(self._key, name, tuple(found), Cursor())] if found else []

    async def _remembered(self) -> "_Total | None":
        """What was stored of an attempt whose pods are gone."""
        points = await self._metrics.read(self._key, self._spec.objective.metric_names)
        if not points:
            return None
        self._is_remembered = True
        newest = _pod_of(points[-1])
        total = _Total(newest, self._spec)
        total.add([p for p in points if _pod_of(p) == newest])
        return total

    async def _sources(self) -> list[Source]:
        """What the newest primary pod is read from: its files one after the other, else its log; nothing where all
        metrics are in the resource.
        """
        if self._spec.collector.metric_fields and not self._spec.collector.paths:
            return []
        pod = _primary(await self._runtime.pods(self._key))
        if pod is None:
            return []
        container = self._container(pod)
        paths = self._spec.collector.paths
        files: list[Source] = [File(self._key, pod.name, container, path) for path in paths]
        return files or [Log(self._key, pod.name, container)]

    def _container(self, pod: PodRef) -> str:
        wanted = self._spec.template.primary_container
        return wanted if wanted in pod.containers or not pod.containers else pod.containers[-1]

    async def _read(self, source: Source) -> None:
        if self._total is None or self._total.pod != source.pod:
            self._total = _Total(source.pod, self._spec)
        reading = await self._open(source, self._total)
        async for chunk in self._runtime.read(source, reading.position):
            appended = reading.take(chunk)
            self._untold_bytes += len(chunk.data)
            if appended or self._untold_bytes > _PROGRESS:
                self._tell(appended, is_complete=False)
        appended = reading.finish()
        if appended:
            self._tell(appended, is_complete=False)

    async def _open(self, source: Source, total: "_Total") -> "_Reading":
        names = self._spec.objective.metric_names
        if self._fresh:
            return _Reading(self._key, source.name, self._spec, total, [], None)
        cursors = await self._metrics.cursors(self._key)
        points = [p for p in await self._metrics.read(self._key, names) if p.source == source.name]
        return _Reading(self._key, source.name, self._spec, total, points, cursors.get(source.name))

    def _tell(self, appended: list[Appended], *, is_complete: bool) -> None:
        self._untold += appended
        self._lost = next((each.gap for each in reversed(appended) if each.gap), self._lost)
        is_progress = self._untold_bytes > _PROGRESS or sum(len(a.points) for a in self._untold) >= _ENOUGH
        if self._final and not is_complete and not is_progress:
            return
        appended, self._untold, self._untold_bytes = self._untold, [], 0
        total = self._total
        observation = total.summary.observation() if total else Observation()
        curve = tuple(total.curve) if total else ()
        self._report(Collected(self._key, tuple(appended), observation, curve, is_complete, self._lost))


class _Total:
    """What the points of one pod add up to, from all its sources."""

    def __init__(self, pod: str, spec: ExperimentSpec) -> None:
        self.pod = pod
        self.summary = Summary(spec.objective.metric_names)
        self.curve: list[float] = []
        self._objective = spec.objective.metric
        self._is_followed = spec.early_stopping is not None

    def add(self, points: Sequence[Point]) -> None:
        self.summary.add(points)
        if self._is_followed:
            self.curve += [float(p.value) for p in points if p.name == self._objective and p.is_finite]


class _Reading:
    """One source: its collector, where it stands, and the total that its points go into."""

    def __init__(
        self,
        key: AttemptKey,
        name: str,
        spec: ExperimentSpec,
        total: _Total,
        stored: Sequence[Point],
        position: Cursor | None,
    ) -> None:
        names = spec.objective.metric_names
        self.position = position
        self._key = key
        self._name = name
        self._total = total
        self._settled = position or Cursor()
        self._end = self._settled
        self._collector: Collector = make_collector(spec.collector, names, name, Counter(p.name for p in stored))
        total.add(stored)

    def take(self, chunk: Chunk) -> list[Appended]:
        """The points of the next bytes. What does not follow on (a restarted container's log, a gap) ends the last
        line.
        """
        appended = self._switch(chunk) if chunk.at != self._end else []
        points, settled = self._collector.feed(chunk.data)
        self._settled = Cursor(self._settled.offset + settled, self._settled.token)
        self._end = Cursor(chunk.at.offset + len(chunk.data), chunk.at.token)
        if points or chunk.gap:
            appended.append(self._append(points, self._settled, chunk.gap))
        return appended

    def finish(self) -> list[Appended]:
        """The points of a last line without an end."""
        points = self._collector.finish()
        self._settled = self._end
        return [self._append(points, self._end)] if points else []

    def _switch(self, chunk: Chunk) -> list[Appended]:
        appended = self.finish()
        self._settled = self._end = chunk.at
        return appended

    def _append(self, points: list[Point], cursor: Cursor, gap: str = "") -> Appended:
        self._total.add(points)
        return Appended(self._key, self._name, tuple(points), cursor, gap)


def _pod_of(point: Point) -> str:
    """The pod that a point came from, by the name of its source."""
    return point.source.partition("/")[0]


def _primary(pods: Sequence[PodRef]) -> PodRef | None:
    """The newest pod whose output counts."""
    return next((pod for pod in reversed(pods) if pod.primary), None)
