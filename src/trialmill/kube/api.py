"""The `KubeApi` port: what this project asks of an API server, and what may come back.

Objects are JSON trees, kinds are found by discovery, so that a kind whose definition was installed a minute ago is as
good as a built-in one.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from trialmill.api.tree import Json, JsonObject

LIST_LIMIT: Final = 500
"""Objects a page, as client-go asks for."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind as the server serves it. `group` is empty for the core group; `plural` is its name in addresses."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of a Status' `details.causes`: the server's own word on a field."""

    field: str
    reason: str
    message: str


class KubeError(Exception):
    """The server refused, in its own words; `status` is HTTP's code, `reason` Kubernetes' (`AlreadyExists`).

    `retry_after` is what the server asked for, where it did.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        retry_after: timedelta | None = None,
        causes: Sequence[Cause] = (),
    ) -> None:
        super().__init__(message or reason or f"HTTP {status}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.causes = tuple(causes)


class UnreachableError(Exception):
    """No answer, or half of one: refused, reset, timed out, a name that does not resolve, a certificate that does not
    fit. Whether the request was carried out is not known. `remedy` is what would help with this cause, where one is
    known.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class SilentError(UnreachableError):
    """A stream that was open has brought nothing for too long: its connection leads nowhere, or there was no news."""


class UnknownKindError(Exception):
    """The server serves no such kind. `near` are other groups and versions that have one of this name, `similar` the
    kind with another name that was probably meant, with its version where that is another one.
    """

    def __init__(self, api_version: str, kind: str, near: Sequence[str] = (), similar: str = "") -> None:
        super().__init__(f"the cluster has no kind {kind} in {api_version}")
        self.api_version = api_version
        self.kind = kind
        self.near = tuple(near)
        self.similar = similar


class ExpiredError(KubeError):
    """The resource version, or the token of the next page, is too old: list anew (HTTP 410, or the like in a
    stream).
    """


class EventType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event of a watch. ERROR events are raised as KubeError, those of an expired version as ExpiredError."""

    type: EventType
    object: JsonObject


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `next` is the token of the page after it, empty at the end."""

    items: tuple[JsonObject, ...]
    resource_version: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What the server made of a create or a patch, and the warnings that it sent along."""

    object: JsonObject
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """The answer to a SelfSubjectAccessReview."""

    allowed: bool
    reason: str = ""


class PatchKind(StrEnum):
    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


class Propagation(StrEnum):
    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class KubeApi(Protocol):
    """One cluster, with one user's credentials. Every method raises KubeError and UnreachableError.

    No method retries: those who call know what may be repeated (a GET or DELETE may be sent twice where a connection
    ended before the answer). Credentials are refreshed once on HTTP 401; where that fails, the KubeError is a
    `KubeConfigError`, of status 401 too, and says what its user can do.
    """

    @property
    def namespace(self) -> str:
        """The namespace that the configuration names; `default` where it names none."""

    @property
    def server(self) -> str:
        """The address of the server, for messages."""

    async def server_version(self) -> str:
        """Such as `v1.34.4`."""

    async def discover(self, api_version: str, kind: str, *, fresh: bool = False) -> ResourceType:
        """How a kind is served; raises UnknownKindError. Answers are kept; a kind that is not there is asked for anew
        each time, and `fresh` asks in any case.
        """

    async def openapi(self, api_version: str) -> JsonObject | None:
        """The OpenAPI v3 document of a group and version, in one request; None where the server publishes none of it:
        servers before 1.24, gateways, kinds that were installed a second ago.
        """

    async def get(self, type: ResourceType, name: str, namespace: str = "") -> JsonObject:
        """One object; KubeError of status 404 where there is none."""

    async def list_page(
        self,
        type: ResourceType,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = LIST_LIMIT,
        after: str = "",
        resource_version: str = "",
    ) -> Page:
        """One page of a list, of all namespaces where none is named; `labels` and `fields` are selectors. Items carry
        apiVersion and kind. Raises ExpiredError for a token that is too old.
        """

    def watch(
        self,
        type: ResourceType,
        namespace: str = "",
        *,
        labels: str = "",
        resource_version: str = "",
        timeout: timedelta = timedelta(minutes=5),
        initial_events: bool = False,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after a resource version, with bookmarks, until the server closes the stream at about `timeout`.

        With `initial_events` the stream begins with what is there, and a bookmark ends that part. Silence that lasts
        longer than `timeout`, or than bookmarks should take to come, raises SilentError. Close the generator
        (`aclosing`) to end the stream early.
        """

    async def create(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str = "",
        *,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Written:
        """`strict`: unknown and duplicate fields are errors, as `kubectl create --validate=strict` has it; else they
        are warnings.
        """

    async def patch(
        self,
        type: ResourceType,
        name: str,
        namespace: str,
        body: Json,
        *,
        kind: PatchKind = PatchKind.MERGE,
        subresource: str = "",
    ) -> Written: ...

    async def apply(
        self,
        type: ResourceType,
        object: JsonObject,
        namespace: str,
        *,
        manager: str,
        force: bool = False,
        subresource: str = "",
    ) -> Written:
        """Server-side apply of the fields that `object` has."""

    async def delete(
        self,
        type: ResourceType,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace: timedelta | None = None,
        propagation: Propagation = Propagation.BACKGROUND,
    ) -> None:
        """Ask for the end of an object, of this `uid` alone where it is given (KubeError of status 409 otherwise)."""

    def logs(
        self,
        pod: str,
        namespace: str,
        container: str,
        *,
        follow: bool = False,
        since: datetime | None = None,
        timestamps: bool = False,
        previous: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        """A container's output in chunks as they come; `since` is cut to whole seconds by the server."""

    async def access(
        self, verb: str, group: str, resource: str, namespace: str = "", *, subresource: str = "", name: str = ""
    ) -> Access:
        """Whether this user may, by SelfSubjectAccessReview."""

    async def close(self) -> None: ...
