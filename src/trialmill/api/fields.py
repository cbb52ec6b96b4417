"""The types of manifest fields, as far as placeholders and checks need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from trialmill.api.tree import Path


class FieldType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    QUANTITY = "quantity"
    """A resource quantity such as 500m or 1Gi; stays text."""
    INT_OR_STRING = "int-or-string"
    OBJECT = "object"
    MAP = "map"
    """An object with free keys (labels, limits)."""
    LIST = "list"
    ANY = "any"
    """The schema knows the field and allows anything below it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind: its type, and for objects the fields that may stand in it."""

    type: FieldType
    fields: "Mapping[str, FieldType] | None" = None
    """Name to type of each allowed field of an OBJECT; None for all other types."""
    required: frozenset[str] = frozenset()
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """How much a schema's word counts. `is_final`: the server that gets the resource has the same fields, so what is
    not there is wrong. Else another release may have more. `words` says so to users, empty where nothing needs saying.
    """

    is_final: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """That a cluster has no kind of this name, and what to do."""

    message: str
    remedy: str


class SchemaSource(Protocol):
    """Answers what type a field has. Implemented by the built-in table and, on a cluster, by the cluster's own
    schema.
    """

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether the kind's fields are known. A cluster is asked here, the first time."""

    def field(self, api_version: str, kind: str, path: Path) -> Field | None:
        """The field at `path` from the resource's root; None where the kind is unknown or has no such field."""

    def authority(self, api_version: str, kind: str) -> Authority:
        """How much it counts that a known kind does not have a field."""

    def why_unknown(self, api_version: str, kind: str) -> str:
        """Why a kind is not known whose fields a cluster was asked for; empty for all others."""

    def missing(self, api_version: str, kind: str) -> Missing | None:
        """That the cluster does not have a kind whose fields are not known; None where nobody knows better."""
