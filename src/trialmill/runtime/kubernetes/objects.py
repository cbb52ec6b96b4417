"""Creating an attempt's objects so that it is safe to repeat, and deleting them so that nothing is left."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias

from trialmill.api.tree import JsonObject, Path, get_list, get_object, get_string
from trialmill.engine.ports import Created, Exists, Rejected
from trialmill.engine.records import AttemptKey
from trialmill.kinds.profile import profile_of
from trialmill.kube.api import KubeApi, KubeError, Propagation, ResourceType
from trialmill.runtime.kubernetes.failures import CONFLICT, FAILURES, is_missing, is_passing, may_be_done
from trialmill.runtime.kubernetes.stamping import (
    ATTEMPT,
    EXPERIMENT_UID,
    changed_at,
    key_of,
    labels_of_key,
    selector,
    stamped,
)
from trialmill.runtime.kubernetes.target import KindRef, Target

_ALREADY_EXISTS: Final = "AlreadyExists"
_NOW: Final = timedelta(seconds=1)
"""As `kubectl delete --now`: with less, the server would forget a pod that may still run."""
Made: TypeAlias = tuple[ResourceType, JsonObject, bool]
"""An object as the server has it, and whether it was made just now."""


class NameTakenError(Exception):
    """An object of this name is there, and it is not this attempt's."""

    def __init__(self, type: ResourceType, object: JsonObject) -> None:
        name, namespace = get_string(object, "metadata", "name"), get_string(object, "metadata", "namespace")
        super().__init__(
            f"a {type.kind} {name} is in the namespace {namespace} already, and it does not belong to this trial; "
            "delete it, or give the experiment another name"
        )


class Objects:
    """One experiment's objects on one cluster. Methods raise what `KubeApi` raises."""

    def __init__(self, api: KubeApi, target: Target) -> None:
        self._api = api
        self._target = target
        self._asking = asyncio.Lock()

    async def type_of(self, ref: KindRef) -> ResourceType:
        """How the server serves a kind. Raises UnknownKindError."""
        # One at a time: of many trials that begin together, the first asks and the others find the answer.
        async with self._asking:
            return await self._api.discover(ref.api_version, ref.kind)

    async def ensure(
        self, key: AttemptKey, resource: JsonObject, parts: Sequence[JsonObject]
    ) -> Created | Exists | Rejected:
        """The parts, then the resource, then who owns whom. What was made before a refusal is deleted again; where the
        answer is lost, it stays for the next try.
        """
        beside: list[Made] = []
        try:
            for part in parts:
                made = await self._make(key, part)
                beside.append(made)
            type, object, is_new = await self._make(key, resource)
        except NameTakenError as error:
            await self._undo(beside)
            return Rejected("NameTaken", str(error))
        except Exception as error:
            if not may_be_done(error):  # else the resource may run already, and needs them
                await self._undo(beside)
            raise
        try:
            for made in beside:
                await self._own(made, type, object)
        except KubeError as error:
            if not is_passing(error):
                await self._undo([*beside, (type, object, is_new)])  # a trial that is refused does not run either
            raise
        uid = get_string(object, "metadata", "uid")
        handle: JsonObject = {
            "apiVersion": type.api_version,
            "kind": type.kind,
            "namespace": get_string(object, "metadata", "namespace"),
            "name": get_string(object, "metadata", "name"),
        }
        return Created(uid, handle) if is_new else Exists(uid, handle)

    async def end_earlier(self, key: AttemptKey) -> None:
        """Delete what still runs of the trial's earlier attempts: a stop that the server never heard of. Only of kinds
        whose end is known by their profile; what is over may be retained.
        """
        if self._target.profile is None:
            return
        type = await self.type_of(self._target.kind)
        labels = {name: value for name, value in labels_of_key(key).items() if name != ATTEMPT}
        namespace = self._target.namespace if type.namespaced else ""
        for object in (await self._api.list_page(type, namespace, labels=selector(labels))).items:
            other = key_of(object)
            if other and other.attempt < key.attempt and not self._target.phase_of(object).is_terminal:
                await self._delete(object, timedelta(0), Propagation.BACKGROUND)

    async def find(self, key: AttemptKey, ref: KindRef) -> list[JsonObject]:
        """The attempt's objects of one kind."""
        type = await self.type_of(ref)
        namespace = self._target.namespace if type.namespaced else ""
        page = await self._api.list_page(type, namespace, labels=selector(labels_of_key(key)))
        return list(page.items)

    async def delete(self, key: AttemptKey, found: Sequence[JsonObject], grace: timedelta) -> bool:
        """Delete these resources of the attempt, and its parts. Whether there was anything of the resources.

        With grace a resource that runs stays, marked, until its pods have ended, in the time that they have of their
        own: the cluster gives them no other. Otherwise they are left to the cluster's own garbage collection, which
        spares the server five requests.
        """
        there = []
        for object in found:
            waits = bool(grace) and not self._target.phase_of(object).is_terminal
            there.append(await self._delete(object, grace, Propagation.FOREGROUND if waits else Propagation.BACKGROUND))
        for part in self._target.parts:
            for object in await self.find(key, part):
                await self._delete(object, grace, Propagation.BACKGROUND)
        return any(there)

    async def delete_all(self, experiment_uid: str) -> None:
        """Delete every object of an experiment, its pods with it."""
        labels = selector({EXPERIMENT_UID: experiment_uid})
        for ref in (self._target.kind, *self._target.parts):
            type = await self.type_of(ref)
            after = ""
            while True:
                page = await self._api.list_page(
                    type, self._target.namespace if type.namespaced else "", labels=labels, after=after
                )
                for object in page.items:
                    await self._delete(object, timedelta(0), Propagation.BACKGROUND)
                after = page.next
                if not after:
                    break

    async def patch_field(self, object: JsonObject, path: Path, value: bool) -> None:
        """Set one field of this very object."""
        type = await self.type_of(_ref(object))
        body = changed_at({"metadata": {"uid": get_string(object, "metadata", "uid")}}, path, value)
        await self._api.patch(type, get_string(object, "metadata", "name"), _namespace(type, object), body)

    async def _make(self, key: AttemptKey, resource: JsonObject) -> Made:
        ref = _ref(resource)
        type = await self.type_of(ref)
        profile = profile_of(ref.api_version, ref.kind)
        wanted = stamped(resource, key, self._target.namespace, profile)
        if not type.namespaced:
            metadata = {name: value for name, value in get_object(wanted, "metadata").items() if name != "namespace"}
            wanted = {**wanted, "metadata": metadata}
        try:
            written = await self._api.create(type, wanted, _namespace(type, wanted))
        except KubeError as error:
            if is_missing(error):  # a definition may be deleted in the middle: then this says so
                await self._api.discover(ref.api_version, ref.kind, fresh=True)
            if error.status != CONFLICT or error.reason != _ALREADY_EXISTS:
                raise
            there = await self._taken(type, wanted)
            if key_of(there) != key:
                raise NameTakenError(type, there) from error
            return type, there, False
        return type, written.object, True

    async def _taken(self, type: ResourceType, wanted: JsonObject) -> JsonObject:
        """What has the name already. Should it have gone meanwhile, that is a conflict that passes."""
        name = get_string(wanted, "metadata", "name")
        try:
            return await self._api.get(type, name, _namespace(type, wanted))
        except KubeError as error:
            if is_missing(error):
                raise _went_away(type, name) from error
            raise

    async def _own(self, part: Made, type: ResourceType, owner: JsonObject) -> None:
        """Make the resource the owner of a part, so that the cluster deletes both. Where that cannot be (another
        namespace, no namespace), the part is deleted by us alone.
        """
        part_type, object, _ = part
        namespace = get_string(object, "metadata", "namespace")
        reachable = not type.namespaced or namespace == get_string(owner, "metadata", "namespace")
        if get_list(object, "metadata", "ownerReferences") or not part_type.namespaced or not reachable:
            return
        reference: JsonObject = {
            "apiVersion": type.api_version,
            "kind": type.kind,
            "name": get_string(owner, "metadata", "name"),
            "uid": get_string(owner, "metadata", "uid"),
        }
        body: JsonObject = {"metadata": {"ownerReferences": [reference]}}
        name = get_string(object, "metadata", "name")
        try:
            await self._api.patch(part_type, name, namespace, body)
        except KubeError as error:
            if is_missing(error):
                raise _went_away(part_type, name) from error
            raise

    async def _undo(self, made: Sequence[Made]) -> None:
        """Delete what is the attempt's, also from an earlier try. What cannot be deleted now goes with the experiment,
        and must not hide why the attempt was refused.
        """
        for _, object, _ in made:
            with suppress(*FAILURES):
                await self._delete(object, timedelta(0), Propagation.BACKGROUND)

    async def _delete(self, object: JsonObject, grace: timedelta, propagation: Propagation) -> bool:
        type = await self.type_of(_ref(object))
        try:
            await self._api.delete(
                type,
                get_string(object, "metadata", "name"),
                _namespace(type, object),
                uid=get_string(object, "metadata", "uid"),
                grace=_NOW if type.kind == "Pod" and not type.group and not grace else None,
                propagation=propagation,
            )
        except KubeError as error:
            # Gone already, or another object has its name by now.
            if is_missing(error) or error.status == CONFLICT:
                return False
            raise
        return True


def _went_away(type: ResourceType, name: str) -> KubeError:
    return KubeError(CONFLICT, "Conflict", f"the {type.kind} {name} was deleted while it was looked at")


def _ref(object: JsonObject) -> KindRef:
    return KindRef(get_string(object, "apiVersion"), get_string(object, "kind"))


def _namespace(type: ResourceType, object: JsonObject) -> str:
    return get_string(object, "metadata", "namespace") if type.namespaced else ""
