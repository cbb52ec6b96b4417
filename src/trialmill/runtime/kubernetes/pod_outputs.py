"""What an attempt's containers print, read from the cluster for whoever asks: every container of every pod."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from trialmill.api.tree import JsonObject, get_list, get_string
from trialmill.engine.ports import Clock
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeApi, KubeError
from trialmill.runtime.kubernetes.log_reader import PodLog, follow_log
from trialmill.runtime.kubernetes.owners import Owners, find_pod, list_pods
from trialmill.runtime.kubernetes.pods import container_names, pod_refs
from trialmill.runtime.kubernetes.target import Target

_BAD_REQUEST: Final = 400
_LOOK_AGAIN: Final = timedelta(seconds=1)


class NothingPrintedError(Exception):
    """The container has not started, or has no run before this one; the message is the server's."""


@dataclass(frozen=True, slots=True)
class ContainerOutput:
    """The output of one container: `container` is its name in the manifest, `real` that in the pod. `counts`: it is
    that of the pod whose output counts.
    """

    pod: str
    container: str
    real: str
    is_init: bool
    counts: bool


class PodOutputs:
    """One experiment's outputs on one cluster. Methods raise what `KubeApi` raises."""

    def __init__(self, api: KubeApi, target: Target, clock: Clock) -> None:
        self._api = api
        self._target = target
        self._clock = clock
        self._owners = Owners(api)

    async def of(self, key: AttemptKey) -> list[ContainerOutput]:
        """Those of the attempt's pods that are there, started or not: pods as they were made, in each the init
        containers first.
        """
        pods = await list_pods(self._api, self._target, self._owners, key)
        counting = {ref.name for ref in pod_refs(pods, self._target) if ref.primary}
        found: list[ContainerOutput] = []
        for pod in sorted(pods, key=lambda pod: get_string(pod, "metadata", "creationTimestamp")):
            name = get_string(pod, "metadata", "name")
            real = _names(pod, "containers")
            named = [(each, each, True) for each in _names(pod, "initContainers")]
            named += zip(container_names(pod, self._target), real, [False] * len(real), strict=True)
            found += [ContainerOutput(name, *each, counts=name in counting) for each in named]
        return found

    async def read(self, output: ContainerOutput, *, previous: bool = False) -> AsyncGenerator[bytes, None]:
        """What it has printed by now; with `previous`, what the run before this one has. Raises NothingPrintedError."""
        stream = self._api.logs(output.pod, self._target.namespace, output.real, previous=previous)
        try:
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    yield chunk
        except KubeError as error:
            if error.status == _BAD_REQUEST:
                raise NothingPrintedError(error.message) from error
            raise

    async def follow(self, output: ContainerOutput) -> AsyncGenerator[bytes, None]:
        """What it prints, from the beginning until it will print nothing more."""
        log = PodLog(
            api=self._api,
            namespace=self._target.namespace,
            pod=output.pod,
            container=output.real,
            state=lambda: find_pod(self._api, self._target.namespace, output.pod),
            wait=lambda longest: self._clock.sleep_until(self._clock.now() + min(longest, _LOOK_AGAIN)),
            clock=self._clock,
        )
        async with aclosing(follow_log(log, None)) as chunks:
            async for chunk in chunks:
                yield chunk.data


def _names(pod: JsonObject, field: str) -> list[str]:
    return [get_string(container, "name") for container in get_list(pod, "spec", field)]
