"""Pods that do not come: none for a resource that should have some, or that somebody keeps suspended, or no other in
the place of one that failed. Whoever makes them makes them at once, or says why not.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from trialmill.api.tree import JsonObject, get_string
from trialmill.api.verdict import Stuck, VerdictPhase
from trialmill.engine.ports import Clock
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeApi
from trialmill.runtime.kubernetes.cancelling import cancelled
from trialmill.runtime.kubernetes.evidence import setback_of
from trialmill.runtime.kubernetes.object_events import events_of
from trialmill.runtime.kubernetes.stamping import labels_reach_pods
from trialmill.runtime.kubernetes.target import Target

_PODS_AFTER: Final = timedelta(seconds=30)
_ANOTHER_AFTER: Final = timedelta(seconds=5)
_SUSPENDED_BY_OTHERS: Final = (
    "it is suspended, and not by `trialmill pause`: it goes on when whoever suspended it lets it, as a queue does; "
    "`spec.suspend: true` in the template keeps it so, where there is none"
)
_NOT_SAID: Final = "a quota, or what admits pods; kubectl describe says which"
_SHOULD_HAVE_PODS: Final = (VerdictPhase.PENDING, VerdictPhase.RUNNING)
"""What is suspended or over has none, rightly."""


@dataclass(slots=True)
class SeenAttempt:
    """What is there of one attempt. `evidence` outlives the pod that gave it."""

    resource: JsonObject | None = None
    phase: VerdictPhase | None = None
    """How far the resource has come, by its kind's own rules; None where there is none."""
    pods: dict[str, JsonObject] = field(default_factory=dict)
    evidence: str = ""
    words: object = None
    """All that was told of its pods the last time."""
    no_pods: str = ""
    """Why it has none, for so long already that it must be said."""
    is_held: bool = False
    """Somebody else has suspended its resource, for so long already that it must be said."""
    setback: Stuck | None = None
    """That its pods have failed, for so long already that it must be said."""
    failed: Stuck | None = None
    """The same, from the beginning."""
    is_leaving: bool = False
    """Its resource is being deleted by us: nobody need ask why it is gone."""
    expecting: object = None
    """Another one each time that pods are expected anew: an earlier look has nothing to say then."""
    pods_changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced by another, when something happens to one of its pods."""


class MissingPods:
    """Minds attempts that wait for pods. `seen` is what there is of an attempt now; `paused` are those that we have
    suspended; `tell` is called when there is something new to say of it, and `ended` with each task that is over.
    """

    def __init__(
        self,
        api: KubeApi,
        clock: Clock,
        target: Target,
        *,
        seen: Callable[[AttemptKey], SeenAttempt | None],
        paused: Collection[AttemptKey],
        tell: Callable[[AttemptKey], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._api = api
        self._clock = clock
        self._target = target
        self._seen = seen
        self._paused = paused
        self._tell = tell
        self._ended = ended
        self._looks: set[asyncio.Task[None]] = set()

    def expect(self, key: AttemptKey, attempt: SeenAttempt) -> None:
        """The attempt has no pods, and should get some, now or when it is no longer suspended."""
        attempt.expecting = expected = object()
        if attempt.phase is VerdictPhase.SUSPENDED:
            self._look_later(self._look_for_release(key, attempt, expected))
        elif labels_reach_pods(self._target.profile) and attempt.phase in _SHOULD_HAVE_PODS:
            self._look_later(self._look_for_pods(key, attempt, expected))

    def saw_pods(self, key: AttemptKey, attempt: SeenAttempt) -> None:
        """The attempt's pods as they are now."""
        setback = self._setback_of(attempt)
        if setback is None:
            attempt.setback = None
        elif setback != attempt.failed and attempt.resource is not None:
            self._look_later(self._look_for_another(key, attempt, setback))
        attempt.failed = setback

    def stuck_of(self, key: AttemptKey, attempt: SeenAttempt) -> Stuck | None:
        """That it has no pods."""
        if attempt.is_held and key not in self._paused and attempt.phase is VerdictPhase.SUSPENDED:
            return Stuck("Suspended", _SUSPENDED_BY_OTHERS, None)
        if attempt.no_pods and attempt.phase in _SHOULD_HAVE_PODS:
            return Stuck("NoPods", attempt.no_pods, self._target.patience.scheduling, waited=_PODS_AFTER)
        return None

    async def close(self) -> None:
        await cancelled(*self._looks)

    def _look_later(self, look: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(look)
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        task.add_done_callback(self._ended)

    def _lacks_pods(self, key: AttemptKey, attempt: SeenAttempt) -> bool:
        return not attempt.pods and self._seen(key) is attempt and attempt.phase in _SHOULD_HAVE_PODS

    async def _look_for_pods(self, key: AttemptKey, attempt: SeenAttempt, expected: object) -> None:
        """Say that a resource is without pods when it has been for a while: a controller makes them at once, or not."""
        await self._clock.sleep_until(self._clock.now() + _PODS_AFTER)
        if attempt.resource is None or attempt.expecting is not expected or not self._lacks_pods(key, attempt):
            return
        warnings = await events_of(self._api, attempt.resource, only_warnings=True)
        if attempt.expecting is expected and self._lacks_pods(key, attempt):
            why = get_string(warnings[-1] if warnings else None, "message") or _NOT_SAID
            attempt.no_pods = f"no pod has been made for it: {why}"
            self._tell(key)

    async def _look_for_release(self, key: AttemptKey, attempt: SeenAttempt, expected: object) -> None:
        """Say that somebody else keeps a resource suspended when that has lasted for a while: a queue may let it go at
        once, and after a pause we do.
        """
        await self._clock.sleep_until(self._clock.now() + _PODS_AFTER)
        is_suspended = self._seen(key) is attempt and attempt.phase is VerdictPhase.SUSPENDED
        if is_suspended and attempt.expecting is expected and not attempt.is_leaving and key not in self._paused:
            attempt.is_held = True
            self._tell(key)

    async def _look_for_another(self, key: AttemptKey, attempt: SeenAttempt, setback: Stuck) -> None:
        """Say that a pod has failed when no other has taken its place for a while: with nothing left to try, its
        controller says so at once.
        """
        await self._clock.sleep_until(self._clock.now() + _ANOTHER_AFTER)
        if self._seen(key) is attempt and self._setback_of(attempt) == setback:
            attempt.setback = setback
            self._tell(key)

    def _setback_of(self, attempt: SeenAttempt) -> Stuck | None:
        return setback_of([*attempt.pods.values()], self._target.primary_names)
