"""The fields of kinds as their own cluster has them, for kinds that the built-in tables lack.

A cluster may not tell: then such a kind is unknown, as it is without a cluster, and `why_unknown` says why.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from trialmill.api.fields import Authority, Field, Missing
from trialmill.api.tree import JsonObject, Path
from trialmill.kinds.schema import BUILT_IN
from trialmill.kube.api import KubeError, UnknownKindError
from trialmill.runtime.kubernetes.failures import FAILURES, FORBIDDEN
from trialmill.runtime.kubernetes.openapi import KindSchema, kind_schema
from trialmill.runtime.kubernetes.rehearsal import unknown_kind

Ask: TypeAlias = Callable[[str], JsonObject | None]
"""`KubeApi.openapi`, for those who cannot wait for it otherwise: the document of a group and version."""
Find: TypeAlias = Callable[[str, str], UnknownKindError | None]
"""`KubeApi.discover`, likewise: that there is no such kind."""
_NONE: Final[JsonObject] = {}


@dataclass(slots=True)
class ClusterSchema:
    """The `SchemaSource` over the built-in tables and one cluster.

    Each group and version is asked for once, when a kind of it is first wanted that no table has; a cluster that
    refuses, or does not answer, is not asked again.
    """

    ask: Ask
    find: Find | None = None
    _documents: dict[str, JsonObject] = field(default_factory=dict)
    _kinds: dict[tuple[str, str], KindSchema | None] = field(default_factory=dict)
    _fields: dict[tuple[str, str, Path], Field | None] = field(default_factory=dict)
    _missing: dict[tuple[str, str], Missing | None] = field(default_factory=dict)
    _refusal: str = ""

    def knows(self, api_version: str, kind: str) -> bool:
        return BUILT_IN.knows(api_version, kind) or self._kind(api_version, kind) is not None

    def field(self, api_version: str, kind: str, path: Path) -> Field | None:
        if BUILT_IN.knows(api_version, kind):
            return BUILT_IN.field(api_version, kind, path)
        key = (api_version, kind, path)
        if key not in self._fields:
            known = self._kind(api_version, kind)
            self._fields[key] = known.field(path) if known else None
        return self._fields[key]

    def authority(self, api_version: str, kind: str) -> Authority:
        if BUILT_IN.knows(api_version, kind):
            return BUILT_IN.authority(api_version, kind)
        return Authority(is_final=True, words=f"the cluster's own definition of {kind} does not have it")

    def why_unknown(self, api_version: str, kind: str) -> str:
        if self.knows(api_version, kind):
            return ""
        if self._refusal:
            return self._refusal
        if self._documents[api_version]:
            return f"the cluster's schemas of {api_version} have none of it"
        return f"the cluster publishes no schemas of {api_version}"

    def missing(self, api_version: str, kind: str) -> Missing | None:
        if self.find is None or self._refusal or self.knows(api_version, kind):
            return None
        key = (api_version, kind)
        if key not in self._missing:
            try:
                unknown = self.find(api_version, kind)
            except FAILURES as error:
                self._refusal = _refusal(error)
                return None
            said = unknown_kind(unknown) if unknown else None
            self._missing[key] = Missing(said.message, said.remedy) if said else None
        return self._missing[key]

    def _kind(self, api_version: str, kind: str) -> KindSchema | None:
        key = (api_version, kind)
        if key not in self._kinds:
            self._kinds[key] = kind_schema(self._document(api_version), api_version, kind)
        return self._kinds[key]

    def _document(self, api_version: str) -> JsonObject:
        """Empty where there is none."""
        if api_version not in self._documents and not self._refusal:
            try:
                self._documents[api_version] = self.ask(api_version) or _NONE
            except FAILURES as error:
                self._refusal = _refusal(error)
        return self._documents.get(api_version, _NONE)


def _refusal(error: Exception) -> str:
    if isinstance(error, KubeError) and error.status == FORBIDDEN:
        return f"you may not read the cluster's schemas: {error}"
    return f"the cluster does not tell its schemas: {error}"
