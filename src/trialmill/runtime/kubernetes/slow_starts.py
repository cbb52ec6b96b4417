"""Pods that have neither begun nor said why they cannot: a volume that is not there, a network that cannot be made, an
image that is being pulled all look alike in a pod's status. Their events tell them apart.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from trialmill.api.tree import Json, JsonObject, get, get_list, get_string
from trialmill.api.verdict import Stuck
from trialmill.engine.ports import Clock
from trialmill.kube.api import KubeApi
from trialmill.runtime.kubernetes.cancelling import cancelled
from trialmill.runtime.kubernetes.evidence import Patience, most_hopeless, sidecars_of, statuses_of
from trialmill.runtime.kubernetes.object_events import events_of

_AFTER: Final = timedelta(seconds=30)
"""Most pods have begun by then, and nobody need be asked."""
_AGAIN: Final = timedelta(minutes=1)
_PULLING: Final = timedelta(hours=1)
"""For a pull that is under way, however impatient the user is with what fails: images can be very large."""
_CREATING: Final = frozenset({"ContainerCreating", "PodInitializing"})
_PROGRESS: Final = frozenset({"Scheduled", "Pulling", "Pulled", "Created", "Started"})
"""Events after which an earlier complaint no longer holds."""


class SlowStarts:
    """Minds the pods that have not begun. `tell` is called when there is something new to say of a pod, `ended` with
    each task that is over.
    """

    def __init__(
        self,
        api: KubeApi,
        clock: Clock,
        patience: Patience,
        *,
        tell: Callable[[JsonObject], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._api = api
        self._clock = clock
        self._patience = patience
        self._tell = tell
        self._ended = ended
        self._minded: dict[str, asyncio.Task[None]] = {}
        self._pods: dict[str, JsonObject] = {}
        self._stuck: dict[str, Stuck] = {}

    def saw(self, pod: JsonObject) -> None:
        """The pod as it is now."""
        uid = get_string(pod, "metadata", "uid")
        if not has_not_begun(pod):
            self.forget(pod)
            return
        self._pods[uid] = pod
        if uid not in self._minded:
            self._minded[uid] = asyncio.create_task(self._mind(uid))
            self._minded[uid].add_done_callback(self._ended)

    def forget(self, pod: JsonObject) -> None:
        """The pod has begun, or is gone."""
        uid = get_string(pod, "metadata", "uid")
        self._pods.pop(uid, None)
        self._stuck.pop(uid, None)
        task = self._minded.pop(uid, None)
        if task is not None:
            task.cancel()

    def stuck_of(self, pods: Iterable[JsonObject]) -> Stuck | None:
        """What keeps one of the pods from beginning, the most hopeless first."""
        return most_hopeless(self._stuck.get(get_string(pod, "metadata", "uid")) for pod in pods)

    async def close(self) -> None:
        await cancelled(*self._minded.values())

    async def _mind(self, uid: str) -> None:
        # What is said first has been so from the beginning. No clock is asked for that: this one may be set, the
        # cluster's may be wrong by an hour, and a machine that sleeps does not wait.
        pause = waited = _AFTER
        while True:
            await self._clock.sleep_until(self._clock.now() + pause)
            events = await events_of(self._api, self._pods[uid])
            stuck = replace(why_not_begun(self._pods[uid], events, self._patience), waited=waited)
            if stuck != self._stuck.get(uid):
                self._stuck[uid] = stuck
                self._tell(self._pods[uid])
            pause, waited = _AGAIN, timedelta(0)


def has_not_begun(pod: JsonObject) -> bool:
    """Whether nobody says anything of the pod: it has no node and no word of why, or a node that has not made it.

    One that is gated waits for whoever gated it, and says so; one whose init container runs has begun.
    """
    if get_string(pod, "status", "phase") != "Pending" or get_string(pod, "metadata", "deletionTimestamp"):
        return False
    if not get_string(pod, "spec", "nodeName"):
        conditions = get_list(pod, "status", "conditions")
        return not any(get(each, "type") == "PodScheduled" and get(each, "reason") for each in conditions)
    statuses = statuses_of(pod)
    if any(_runs_before_others(pod, status) for status in get_list(pod, "status", "initContainerStatuses")):
        return False
    waiting = {get_string(status, "state", "waiting", "reason") for status in statuses} - {""}
    return not statuses or (bool(waiting) and waiting <= _CREATING)


def why_not_begun(pod: JsonObject, events: list[JsonObject] | None, patience: Patience) -> Stuck:
    """What its events, oldest first, say of a pod that has not begun; None where they cannot be seen."""
    name = get_string(pod, "metadata", "name")
    if not get_string(pod, "spec", "nodeName"):
        scheduler = get_string(pod, "spec", "schedulerName") or "default-scheduler"
        message = f"pod {name} has no node, and {scheduler} does not say why: it may not be running"
        return Stuck("NotScheduled", message, patience.scheduling)
    for event in reversed(events or []):
        reason, message = get_string(event, "reason"), get_string(event, "message")
        if reason == "Pulling":
            return Stuck(reason, f"pod {name}: {message}", max(patience.creating, _PULLING))
        if reason in _PROGRESS:
            break
        if get(event, "type") == "Warning":
            return Stuck(reason, f"pod {name} cannot start: {message}", patience.starting)
    cause = "its events do not say why" if events is not None else "its events, which say why, may not be listed"
    return Stuck("ContainerCreating", f"pod {name} has not begun yet; {cause}", patience.creating)


def _runs_before_others(pod: JsonObject, status: Json) -> bool:
    """Whether it is an init container that runs, and not a native sidecar."""
    return get_string(status, "name") not in sidecars_of(pod) and get(status, "state", "running") is not None
