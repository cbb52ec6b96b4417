"""Which attempt a pod belongs to: by its labels, else by the chain of its owners."""

from collections import Counter
from itertools import pairwise
from typing import Final

from trialmill.api.tree import JsonObject, get, get_list, get_string
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeApi, KubeError, UnknownKindError
from trialmill.runtime.kubernetes.failures import is_missing, is_passing
from trialmill.runtime.kubernetes.stamping import key_of, labels_of_key, labels_reach_pods, selector
from trialmill.runtime.kubernetes.target import POD, Target

_LONGEST_CHAIN: Final = 8


class Owners:
    """Remembers what was found, as long as something is there that it was found for: owners never change, and each is
    asked for once.

    An owner that must not be read, or is gone, ends the chain: the pod then belongs to nobody.
    """

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._keys: dict[str, AttemptKey | None] = {}
        self._there: set[str] = set()
        """What has to be told to be gone, by uid: resources, and the objects that were asked about."""
        self._above: dict[str, str] = {}
        self._below = Counter[str]()
        """How many of the objects that are known each owns."""

    def note(self, object: JsonObject, key: AttemptKey) -> None:
        """An object that is known to be the attempt's."""
        uid = get_string(object, "metadata", "uid")
        self._keys[uid] = key
        self._there.add(uid)

    def known(self, object: JsonObject) -> AttemptKey | None:
        """The attempt that the very object is known to be of, whatever its labels say by now."""
        return self._keys.get(get_string(object, "metadata", "uid"))

    def forget(self, object: JsonObject) -> None:
        """An object that is gone. It is remembered as long as what it owns is there."""
        uid = get_string(object, "metadata", "uid")
        self._there.discard(uid)
        while uid in self._keys and uid not in self._there and not self._below[uid]:
            del self._keys[uid], self._below[uid]
            uid = self._above.pop(uid, "")
            if uid:
                self._below[uid] -= 1

    async def key_of(self, object: JsonObject) -> AttemptKey | None:
        """The attempt that made the object, which is remembered until it is forgotten. Raises what may pass: no answer,
        an overloaded server.
        """
        chain: list[str] = []
        current: JsonObject | None = object
        key: AttemptKey | None = None
        while current is not None and len(chain) < _LONGEST_CHAIN:
            uid = get_string(current, "metadata", "uid")
            chain.append(uid)
            if uid in self._keys:
                key = self._keys[uid]
                break
            key = key_of(current)
            if key is not None:
                break
            owner = _controller_of(current)
            known = get_string(owner, "uid")
            if known in self._keys:
                key = self._keys[known]
                chain.append(known)
                break
            current = await self._read(owner, get_string(current, "metadata", "namespace")) if owner else None
        self._remember(chain, key)
        return key

    def _remember(self, chain: list[str], key: AttemptKey | None) -> None:
        """The uids of an object and of its owners, the nearest first."""
        self._keys.update(dict.fromkeys(chain, key))
        self._there.add(chain[0])
        for below, above in pairwise(chain):
            if below not in self._above:
                self._above[below] = above
                self._below[above] += 1

    async def _read(self, owner: JsonObject, namespace: str) -> JsonObject | None:
        try:
            type = await self._api.discover(get_string(owner, "apiVersion"), get_string(owner, "kind"))
            found = await self._api.get(type, get_string(owner, "name"), namespace if type.namespaced else "")
        except UnknownKindError:
            return None
        except KubeError as error:
            if is_passing(error):
                raise
            return None
        return found if get_string(found, "metadata", "uid") == get_string(owner, "uid") else None


async def find_pod(api: KubeApi, namespace: str, name: str) -> JsonObject | None:
    """The pod as the server has it; None where it is gone. Raises what `KubeApi` raises."""
    type = await api.discover(POD.api_version, POD.kind)
    try:
        return await api.get(type, name, namespace)
    except KubeError as error:
        if is_missing(error):
            return None
        raise


async def list_pods(api: KubeApi, target: Target, owners: Owners, key: AttemptKey) -> list[JsonObject]:
    """The attempt's pods as the server has them. Raises what `KubeApi` raises."""
    type = await api.discover(POD.api_version, POD.kind)
    reached = labels_reach_pods(target.profile)
    labels = selector(labels_of_key(key)) if reached else ""
    found: list[JsonObject] = []
    after = ""
    while True:
        page = await api.list_page(type, target.namespace, labels=labels, after=after)
        found += page.items
        after = page.next
        if not after:
            break
    return found if reached else [pod for pod in found if await owners.key_of(pod) == key]


def _controller_of(object: JsonObject) -> JsonObject | None:
    """The owner that manages the object, else its first."""
    owners = [o for o in get_list(object, "metadata", "ownerReferences") if isinstance(o, dict)]
    return next((o for o in owners if get(o, "controller") is True), owners[0] if owners else None)
