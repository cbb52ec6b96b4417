"""What is seen of one experiment while somebody looks: its resources, their pods, and what is still to be told.

Two streams come in, resources and pods; one goes out: of each attempt the newest. A failed resource waits for the word
of its pods, which comes by the other stream and may be late. Where the server has to be asked about one attempt, only
that attempt waits for the answer.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import partial
from typing import Final

from trialmill.api.tree import JsonObject, get_string
from trialmill.api.verdict import VerdictPhase
from trialmill.engine.ports import Clock, Gone, Snapshot, Synced, Trouble
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeApi, KubeError, ResourceType, UnknownKindError
from trialmill.kube.object_store import ChangeType
from trialmill.kube.reflector import Reflector, Scope
from trialmill.runtime.kubernetes.cancelling import cancelled
from trialmill.runtime.kubernetes.evidence import evidence_of, has_started, is_over, most_hopeless, stuck_of
from trialmill.runtime.kubernetes.failures import FAILURES, is_out_of_reach, is_passing, needs_login
from trialmill.runtime.kubernetes.lanes import Lanes, Work
from trialmill.runtime.kubernetes.missing_pods import MissingPods, SeenAttempt
from trialmill.runtime.kubernetes.news import News
from trialmill.runtime.kubernetes.objects import Objects
from trialmill.runtime.kubernetes.orphans import goes_on, gone_unseen, gone_with
from trialmill.runtime.kubernetes.owners import Owners
from trialmill.runtime.kubernetes.sight import Sight
from trialmill.runtime.kubernetes.slow_starts import SlowStarts
from trialmill.runtime.kubernetes.stamping import EXPERIMENT_UID, key_of, labels_reach_pods, selector
from trialmill.runtime.kubernetes.strays import DELETED, why_gone
from trialmill.runtime.kubernetes.target import POD, KindRef, Target

_ASK_AGAIN: Final = timedelta(seconds=2)
_REFUSALS: Final = 30
"""How often a server may fail to say whether a resource is missing: the word of its pod is not waited for for ever."""


class Live:
    """One reader of an experiment's changes. `paused` are the attempts that we have suspended, as it is kept up."""

    def __init__(
        self,
        api: KubeApi,
        target: Target,
        experiment_uid: str,
        objects: Objects,
        owners: Owners,
        clock: Clock,
        *,
        paused: Collection[AttemptKey],
    ) -> None:
        self._api = api
        self._target = target
        self._uid = experiment_uid
        self._objects = objects
        self._owners = owners
        self._clock = clock
        self._attempts: dict[AttemptKey, SeenAttempt] = {}
        self._pod_keys: dict[str, AttemptKey] = {}
        self._asking: list[set[str]] = []
        """For each answer that is under way, the uids of pods that have gone meanwhile."""
        self._news = news = News(self._newest)
        self._lanes = Lanes(news.note_end)
        self._missing_pods = MissingPods(
            api, clock, target, seen=self._attempts.get, paused=paused, tell=news.tell, ended=news.note_end
        )
        self._slow_starts = SlowStarts(api, clock, target.patience, tell=self._tell_of_pod, ended=news.note_end)
        self.sight = Sight(api.server, clock, news.tell_trouble)

    @property
    def has_listed_pods(self) -> bool:
        """Whether `pods_of` knows all pods."""
        return self._news.has_listed_pods

    def resource_of(self, key: AttemptKey) -> JsonObject | None:
        """The attempt's resource as it was last seen."""
        attempt = self._attempts.get(key)
        return attempt.resource if attempt else None

    def pods_of(self, key: AttemptKey) -> list[JsonObject]:
        attempt = self._attempts.get(key)
        return list(attempt.pods.values()) if attempt else []

    def pod(self, key: AttemptKey, name: str) -> JsonObject | None:
        """One of the attempt's pods, by name."""
        return next((pod for pod in self.pods_of(key) if get_string(pod, "metadata", "name") == name), None)

    def is_over(self, key: AttemptKey) -> bool:
        """Whether the attempt's resource has ended, as far as its profile says."""
        attempt = self._attempts.get(key)
        return attempt is not None and attempt.phase is not None and attempt.phase.is_terminal

    def goes_on_alone(self, key: AttemptKey) -> bool:
        """Whether pods of the attempt run on, though its resource is gone."""
        return self.resource_of(key) is None and any(goes_on(pod) for pod in self.pods_of(key))

    async def learn(self, key: AttemptKey, asked: Awaitable[Sequence[JsonObject]]) -> list[JsonObject]:
        """What the server answers about the attempt's pods, ahead of the stream, without those that the stream has told
        to be gone while the answer was under way. Raises what `asked` raises.
        """
        gone: set[str] = set()
        self._asking.append(gone)
        try:
            pods = await asked
        finally:
            # By identity: sets that hold the same are equal.
            self._asking = [each for each in self._asking if each is not gone]
        there = []
        for pod in pods:
            if get_string(pod, "metadata", "uid") in gone:
                self._owners.forget(pod)
                continue
            there.append(pod)
            if key in self._attempts:
                self._take_pod(key, pod)
        return there

    def asked_to_go(self, key: AttemptKey) -> None:
        """The attempt's resource is being deleted by us."""
        attempt = self._attempts.get(key)
        if attempt is not None:
            attempt.is_leaving = True

    async def pods_changed(self, key: AttemptKey) -> None:
        """Wait until something happens to one of the attempt's pods; for ever where nothing is seen of the attempt."""
        attempt = self._attempts.get(key)
        await (attempt.pods_changed if attempt else asyncio.Event()).wait()

    def tell_gone(self, gone: Gone) -> None:
        """The attempt has no resource, though none was seen to go."""
        self._news.tell(gone.key, gone)

    async def changes(self, keys: Collection[AttemptKey]) -> AsyncGenerator[Snapshot | Gone | Synced | Trouble, None]:
        """What is there, and what there is of these attempts though their resource is gone; then Synced, then each
        change. Raises RuntimeLostError.
        """
        work = (self._follow_resources(), self._follow_pods(), self.sight.mind(lambda: self._news.has_listed_all))
        tasks = [asyncio.create_task(each) for each in work]
        for task in tasks:
            task.add_done_callback(self._news.note_end)
        try:
            orphans: asyncio.Task[list[Gone]] | None = None
            is_synced = False
            while True:
                for event in self._news.some():
                    yield event
                if orphans is None and self._news.all_is_told:
                    # Beside the stream: what is wrong with the server meanwhile has to be told.
                    alone = [key for key in sorted(keys) if self._has_pods_alone(key)]
                    orphans = asyncio.create_task(self._orphans(alone))
                    orphans.add_done_callback(self._news.note_end)
                    is_synced = not alone
                    if is_synced:
                        yield Synced()
                elif orphans is not None and orphans.done() and not is_synced:
                    is_synced = True
                    for gone in orphans.result():
                        yield gone
                    yield Synced()
                await self._news.come()
        finally:
            await cancelled(*tasks, orphans)
            await self._lanes.close()
            await self._missing_pods.close()
            await self._slow_starts.close()

    def _newest(self, key: AttemptKey) -> Snapshot | None:
        attempt = self._attempts.get(key)
        if attempt is None or attempt.resource is None:
            return None
        return self._snapshot(key, attempt, attempt.resource)

    def _snapshot(self, key: AttemptKey, attempt: SeenAttempt, resource: JsonObject) -> Snapshot:
        pods = attempt.pods.values()
        stuck = most_hopeless((stuck_of(pods, self._target.patience), self._slow_starts.stuck_of(pods)))
        stuck = self._missing_pods.stuck_of(key, attempt) or stuck or attempt.setback
        return Snapshot(key, get_string(resource, "metadata", "uid"), resource, attempt.evidence, stuck)

    def _tell_of_pod(self, pod: JsonObject) -> None:
        key = self._pod_keys.get(get_string(pod, "metadata", "uid"))
        if key is not None and key in self._attempts:
            self._attempts[key].words = None  # whatever comes next is news
            self._news.tell(key)

    # Resources

    async def _follow_resources(self) -> None:
        type = await self._type_of(self._target.kind)
        if type is None:
            self._news.note_list("resources")
            return
        namespace = self._target.namespace if type.namespaced else ""
        reflector = Reflector(self._api, Scope(type, namespace, selector({EXPERIMENT_UID: self._uid})))
        self.sight.follow(reflector, needed=True)
        async with aclosing(reflector.changes()) as changes:
            async for change in changes:
                match change.type:
                    case ChangeType.ADDED | ChangeType.MODIFIED | ChangeType.RESYNC:
                        self._take(change.object, partial(self._put_resource, change.object))
                    case ChangeType.DELETED:
                        self._take(change.object, partial(self._remove_resource, change.object, type))
                    case ChangeType.SYNCED:
                        self._news.note_list("resources")
                    case ChangeType.TROUBLE:
                        self.sight.missed()  # what cannot be seen is not known to be gone: no Synced

    def _take(self, object: JsonObject, step: Callable[[AttemptKey], Work | None]) -> None:
        key = self._owners.known(object) or key_of(object)
        if key is not None and key.experiment_uid == self._uid:
            self._lanes.take(key, partial(step, key))

    def _put_resource(self, object: JsonObject, key: AttemptKey) -> Work | None:
        self._owners.note(object, key)
        attempt = self._attempts.setdefault(key, SeenAttempt())
        before, attempt.phase = attempt.phase, self._target.phase_of(object)
        attempt.resource = object
        was, is_suspended = (phase is VerdictPhase.SUSPENDED for phase in (before, attempt.phase))
        if before is None or was is not is_suspended:  # what is suspended has no pods
            attempt.no_pods, attempt.is_held = "", False
            self._missing_pods.expect(key, attempt)
        self._news.tell(key)
        if attempt.evidence or attempt.phase is not VerdictPhase.FAILED or not labels_reach_pods(self._target.profile):
            return None
        self._news.hold(key)
        return partial(self._look_at_pods, key, attempt)

    async def _look_at_pods(self, key: AttemptKey, attempt: SeenAttempt) -> None:
        """The word of the pods of a resource that has failed, which the stream of pods may bring too late."""
        with suppress(*FAILURES):
            listed = await self._objects.find(key, POD)
            # The stream may have brought newer ones meanwhile.
            pods = [*attempt.pods.values(), *listed]
            attempt.evidence = evidence_of(pods, self._target.primary_names) or attempt.evidence
        self._news.release(key)

    def _remove_resource(self, object: JsonObject, type: ResourceType, key: AttemptKey) -> Work | None:
        attempt = self._attempts.get(key)
        if attempt is None:
            return None
        if not attempt.is_leaving and not self._target.phase_of(object).is_terminal:
            return partial(self._ask_why_gone, object, type, key)
        self._tell_end(key, object, DELETED)
        return None

    async def _ask_why_gone(self, object: JsonObject, type: ResourceType, key: AttemptKey) -> None:
        if why := await self._why_gone(type, object, key):  # else the stream tells it anew
            self._tell_end(key, object, why)

    def _tell_end(self, key: AttemptKey, object: JsonObject, why: str) -> None:
        attempt = self._attempts[key]
        attempt.resource = attempt.phase = None
        self._owners.forget(object)
        # How it ended may not have been told: what is deleted as soon as it is over is seen here only.
        snapshot = self._snapshot(key, attempt, object)
        gone = Gone(key, snapshot.uid, why)
        self._news.tell(key, snapshot, gone if attempt.is_leaving else gone_with(self.pods_of(key), gone, self._target))
        if not attempt.pods:
            del self._attempts[key]

    async def _why_gone(self, type: ResourceType, object: JsonObject, key: AttemptKey) -> str:
        while True:
            try:
                return await why_gone(self._api, type, object, key)
            except FAILURES:
                await self._clock.sleep_until(self._clock.now() + _ASK_AGAIN)

    async def _orphans(self, alone: Sequence[AttemptKey]) -> list[Gone]:
        """Of the attempts that have pods and no resource: those that are not about to be seen, made just now."""
        return [
            gone_with(self.pods_of(key), gone_unseen(key, self._target), self._target)
            for key in alone
            if await self._is_missing(key) and self._has_pods_alone(key)
        ]

    def _has_pods_alone(self, key: AttemptKey) -> bool:
        return self.resource_of(key) is None and bool(self.pods_of(key))

    async def _is_missing(self, key: AttemptKey) -> bool:
        refused = 0
        while True:
            try:
                return not await self._objects.find(key, self._target.kind)
            except UnknownKindError:
                return False
            except FAILURES as error:
                refused += not is_out_of_reach(error)
                if not is_passing(error) or refused > _REFUSALS:
                    return False
                await self._clock.sleep_until(self._clock.now() + _ASK_AGAIN)

    # Pods

    async def _follow_pods(self) -> None:
        type = await self._type_of(POD)
        if type is None:
            self._news.note_list("pods")
            return
        reached = labels_reach_pods(self._target.profile)
        labels = selector({EXPERIMENT_UID: self._uid}) if reached else ""
        reflector = Reflector(self._api, Scope(type, self._target.namespace, labels))
        self.sight.follow(reflector, needed=False)
        async with aclosing(reflector.changes()) as changes:
            async for change in changes:
                match change.type:
                    case ChangeType.ADDED | ChangeType.MODIFIED | ChangeType.RESYNC:
                        await self._put_pod(change.object)
                    case ChangeType.DELETED:
                        self._remove_pod(change.object)
                    case ChangeType.SYNCED:
                        self._news.note_list("pods")
                    case ChangeType.TROUBLE:
                        self.sight.missed()
                        # Without the right to see pods there is no evidence, but resources are told all the same.
                        if isinstance(change.error, KubeError) and not needs_login(change.error):
                            self._news.note_list("pods")

    async def _put_pod(self, object: JsonObject) -> None:
        key = await self._owner_of(object)
        if key is None or key.experiment_uid != self._uid:
            return
        self._take_pod(key, object)

    def _take_pod(self, key: AttemptKey, object: JsonObject) -> None:
        uid = get_string(object, "metadata", "uid")
        attempt = self._attempts.setdefault(key, SeenAttempt())
        known = attempt.pods.get(uid)
        if known is not None and is_over(known) and not is_over(object):
            return  # from before it was listed: what is over stays so
        attempt.pods[uid] = object
        self._slow_starts.saw(object)
        attempt.no_pods = ""
        self._pod_keys[uid] = key
        self._look_again(key, attempt)

    async def _owner_of(self, pod: JsonObject) -> AttemptKey | None:
        while True:
            try:
                return await self._owners.key_of(pod)
            except FAILURES:
                await self._clock.sleep_until(self._clock.now() + _ASK_AGAIN)

    def _remove_pod(self, object: JsonObject) -> None:
        uid = get_string(object, "metadata", "uid")
        self._slow_starts.forget(object)
        self._owners.forget(object)
        for gone in self._asking:
            gone.add(uid)
        key = self._pod_keys.pop(uid, None)
        attempt = self._attempts.get(key) if key else None
        if key is None or attempt is None:
            return
        attempt.pods.pop(uid, None)
        self._look_again(key, attempt)
        if not attempt.pods and attempt.resource is None:
            del self._attempts[key]
        elif not attempt.pods and not attempt.is_leaving:
            self._missing_pods.expect(key, attempt)  # its controller makes another, if it is let

    def _look_again(self, key: AttemptKey, attempt: SeenAttempt) -> None:
        """Tell the attempt anew where its pods say something new."""
        pods = attempt.pods.values()
        attempt.evidence = evidence_of(pods, self._target.primary_names) or attempt.evidence
        started = frozenset(get_string(pod, "metadata", "name") for pod in pods if has_started(pod))
        self._missing_pods.saw_pods(key, attempt)
        words = (
            attempt.evidence,
            stuck_of(pods, self._target.patience),
            self._slow_starts.stuck_of(pods),
            attempt.setback,
            started,
        )
        if words != attempt.words and attempt.resource is not None:
            self._news.tell(key)
        attempt.words = words
        event, attempt.pods_changed = attempt.pods_changed, asyncio.Event()
        event.set()

    # Both

    async def _type_of(self, ref: KindRef) -> ResourceType | None:
        """How a kind is served; None where it is not, or not to us."""
        while True:
            try:
                type = await self._api.discover(ref.api_version, ref.kind)
            except UnknownKindError:
                return None
            except FAILURES as error:
                self.sight.refused(ref.kind, error)
                await self._clock.sleep_until(self._clock.now() + _ASK_AGAIN)
            else:
                self.sight.answered(ref.kind)
                return type
