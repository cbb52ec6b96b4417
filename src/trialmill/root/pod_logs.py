"""What a trial's pods print, read from its cluster: all that is not kept beside the store."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from trialmill.api.experiment import Experiment
from trialmill.engine.records import ExperimentRecord, TrialRecord
from trialmill.kube.api import KubeError, UnreachableError
from trialmill.root.clock import SystemClock
from trialmill.root.clusters import connected, target_of
from trialmill.root.creating import cluster_of
from trialmill.root.errors import InputError, RefusedError
from trialmill.runtime.kubernetes.pod_outputs import ContainerOutput, NothingPrintedError, PodOutputs
from trialmill.template.encode import compiled_from_json

_LOOK_AGAIN: Final = 1.0
"""Seconds between two looks for pods that were made meanwhile."""
_BREATH: Final = 0.1
"""Seconds between two looks at whether all that is read has ended."""
Look: TypeAlias = Callable[[], Awaitable[tuple[TrialRecord, bool]]]
"""The trial as it is now, and whether more pods may come."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which outputs: one container's, in all pods; every container's; or, where nothing is said, the one that counts.
    `previous`: of the run before the container was restarted.
    """

    container: str = ""
    all_containers: bool = False
    previous: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of one output."""

    title: str
    data: bytes


def chosen(found: Sequence[ContainerOutput], wanted: Wanted, primary: str, trial: str) -> list[ContainerOutput]:
    """The outputs that are wanted of those there are. Raises InputError, with the containers that there are."""
    if wanted.all_containers or not found:
        return list(found)
    name = wanted.container or primary
    named = [output for output in found if name in (output.container, output.real)]
    if not named:
        raise InputError(f"{trial} has no container {name}", f"it has {_listed(found)}")
    if wanted.container:
        return named
    # Before its pods have started none of them counts.
    return [output for output in named if output.counts] or named[:1]


def _listed(found: Sequence[ContainerOutput]) -> str:
    names = dict.fromkeys(f"{output.container}{' (init)' if output.is_init else ''}" for output in found)
    return ", ".join(names)


@asynccontextmanager
async def logs_there(record: ExperimentRecord, experiment: Experiment) -> AsyncIterator["PodLogs"]:
    """The logs of an experiment that runs on a cluster. Raises InputError where there is no way to it, RefusedError
    where it does not answer.
    """
    choice = cluster_of(record)
    assert choice is not None, "the caller has looked"  # noqa: S101
    target = target_of(choice, experiment, compiled_from_json(record.compiled))
    async with connected(choice) as api:
        try:
            yield PodLogs(PodOutputs(api, target, SystemClock()), target.primary_container)
        except (KubeError, UnreachableError) as error:
            message = f"the cluster of the context {choice.context} does not show what was printed: {error}"
            raise RefusedError(message) from error


class PodLogs:
    """Raises what `KubeApi` raises."""

    def __init__(self, outputs: PodOutputs, primary: str) -> None:
        self._outputs = outputs
        self._primary = primary

    async def find(self, trial: TrialRecord, wanted: Wanted) -> list[ContainerOutput]:
        """The outputs of the trial's latest attempt; none where it has no pods. Raises InputError."""
        return chosen(await self._outputs.of(trial.key), wanted, self._primary, trial.name)

    async def printed(self, found: Sequence[ContainerOutput], wanted: Wanted) -> AsyncGenerator[Piece, None]:
        """What was printed by now, one output after the other. Raises RefusedError where nothing was."""
        silent: list[str] = []
        for output in found:
            try:
                async with aclosing(self._outputs.read(output, previous=wanted.previous)) as chunks:
                    async for data in chunks:
                        yield Piece(title(output), data)
            except NothingPrintedError as error:
                silent.append(str(error))
        if len(silent) == len(found):
            raise RefusedError(silent[0])

    async def followed(self, wanted: Wanted, look: Look) -> AsyncGenerator[Piece, None]:
        """What is printed, of all outputs as it comes, until no more can come."""
        news: asyncio.Queue[Piece] = asyncio.Queue()
        readers: dict[tuple[str, str], asyncio.Task[None]] = {}
        try:
            while True:
                # In this order: a pod that was there before the trial was over is not missed.
                trial, goes_on = await look()
                for output in await self.find(trial, wanted):
                    if (output.pod, output.real) not in readers:
                        readers[output.pod, output.real] = asyncio.create_task(self._follow(output, news))
                async with aclosing(_next_pieces(news, list(readers.values()), goes_on=goes_on)) as pieces:
                    async for piece in pieces:
                        yield piece
                if all(reader.done() for reader in readers.values()) and news.empty() and not goes_on:
                    return
        finally:
            for reader in readers.values():
                reader.cancel()
            await asyncio.gather(*readers.values(), return_exceptions=True)

    async def _follow(self, output: ContainerOutput, news: asyncio.Queue[Piece]) -> None:
        async with aclosing(self._outputs.follow(output)) as chunks:
            async for data in chunks:
                news.put_nowait(Piece(title(output), data))


async def _next_pieces(
    news: asyncio.Queue[Piece], readers: Sequence[asyncio.Task[None]], *, goes_on: bool
) -> AsyncGenerator[Piece, None]:
    """What comes until it is time to look for pods again. Raises what a reader has raised."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _LOOK_AGAIN
    while not news.empty() or (loop.time() < end and (goes_on or not all(reader.done() for reader in readers))):
        try:
            async with asyncio.timeout(_BREATH):
                piece = await news.get()
        except TimeoutError:
            continue
        yield piece
    for reader in readers:
        if reader.done() and not reader.cancelled():
            reader.result()


def title(output: ContainerOutput) -> str:
    """Tells an output from the others of its attempt."""
    return f"pod {output.pod}, container {output.container}"
