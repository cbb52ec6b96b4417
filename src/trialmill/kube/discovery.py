"""Which kinds a server serves, and under which addresses: its own word, read from `/api` and `/apis`."""

from collections.abc import Iterable, Sequence
from typing import Final

from trialmill.api.nearest import nearest
from trialmill.api.tree import Json, JsonObject, get, get_list, get_string, is_object
from trialmill.kube.api import KubeError, ResourceType, UnknownKindError
from trialmill.kube.connection import Connection

_ALL_AT_ONCE: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList, application/json"
_NOT_FOUND: Final = 404


class Discovery:
    """Asks once per group and version, and keeps the answers. What is not there is asked for each time: definitions
    come and go.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, ResourceType]] = {}

    async def find(self, api_version: str, kind: str, *, fresh: bool = False) -> ResourceType:
        """How a kind is served; raises UnknownKindError."""
        found = None if fresh else self._known.get(api_version, {}).get(kind)
        if found is None:
            self._known[api_version] = await self._ask(api_version)
            found = self._known[api_version].get(kind)
        if found is None:
            kinds = [(api_version, name) for name in self._known[api_version]] + await self._all_kinds()
            near = dict.fromkeys(version for version, name in kinds if name == kind)
            raise UnknownKindError(api_version, kind, tuple(near), similar_kind(api_version, kind, kinds))
        return found

    async def _ask(self, api_version: str) -> dict[str, ResourceType]:
        root = root_of(api_version)
        if not root:
            return {}
        group, _, version = api_version.rpartition("/")
        try:
            answer = await self._connection.request("GET", f"/{root}")
        except KubeError as error:
            if error.status == _NOT_FOUND:
                return {}
            raise
        return types_of(group, version, answer.body)

    async def _all_kinds(self) -> list[tuple[str, str]]:
        """API version and kind of all that is served. Servers before 1.30 do not say it all at once: nothing then."""
        found = []
        for path in ("/api", "/apis"):
            answer = await self._connection.request("GET", path, headers={"Accept": _ALL_AT_ONCE})
            found += served(answer.body)
        return found


def similar_kind(api_version: str, kind: str, kinds: Sequence[tuple[str, str]]) -> str:
    """The kind that was probably meant, of the same group and version before any other; empty where none is like it."""
    here = nearest(kind, [name for version, name in kinds if version == api_version])
    if here:
        return here
    others = {name: version for version, name in reversed(kinds) if name != kind}
    there = nearest(kind, others)
    return f"{there} of {others[there]}" if there else ""


def root_of(api_version: str) -> str:
    """Where a group and version is among the addresses of a server, `apis/batch/v1`; empty for what is none, which
    must not lead elsewhere.
    """
    group, _, version = api_version.rpartition("/")
    if not version or not all(c.isalnum() or c in "-./" for c in api_version) or "/" in group or ".." in api_version:
        return ""
    return f"apis/{api_version}" if group else f"api/{version}"


def types_of(group: str, version: str, tree: Json) -> dict[str, ResourceType]:
    """The kinds of an APIResourceList."""
    resources = [r for r in get_list(tree, "resources") if is_object(r)]
    names = [get_string(r, "name") for r in resources]
    types: dict[str, ResourceType] = {}
    for resource in resources:
        plural = get_string(resource, "name")
        if "/" not in plural:
            type = ResourceType(
                group=group,
                version=version,
                kind=get_string(resource, "kind"),
                plural=plural,
                namespaced=get(resource, "namespaced") is True,
                subresources=_subresources(plural, names),
                verbs=frozenset(v for v in get_list(resource, "verbs") if isinstance(v, str)),
            )
            types.setdefault(type.kind, type)
    return types


def _subresources(plural: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.removeprefix(f"{plural}/") for name in names if name.startswith(f"{plural}/"))


def served(tree: Json) -> list[tuple[str, str]]:
    """API version and kind of all that an APIGroupDiscoveryList names."""
    found = []
    for group in get_list(tree, "items"):
        name = get_string(group, "metadata", "name")
        for version in get_list(group, "versions"):
            api_version = f"{name}/{get_string(version, 'version')}" if name else get_string(version, "version")
            found += [(api_version, _kind(resource)) for resource in get_list(version, "resources")]
    return found


def _kind(resource: Json) -> str:
    tree: JsonObject = resource if is_object(resource) else {}
    return get_string(tree, "responseKind", "kind")
