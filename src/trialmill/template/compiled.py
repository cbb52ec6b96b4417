"""The normal form of every trial template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from trialmill.api.fields import FieldType
from trialmill.api.space import Assignments, Value
from trialmill.api.tree import JsonObject, Path


class RefKind(StrEnum):
    PARAMETER = "parameter"
    """The value of a search parameter."""
    AS_JSON = "json"
    """The same as a literal of JSON, which is one of YAML too: a text in quotes, with its escapes."""
    AS_SHELL = "shell"
    """The same as one word of a POSIX shell, and of a file of variables."""
    NAME = "name"
    NAMESPACE = "namespace"
    KIND = "kind"
    API_VERSION = "apiVersion"
    LABEL = "label"
    ANNOTATION = "annotation"
    INDEX = "index"
    SEED = "seed"
    EXPERIMENT = "experiment"


@dataclass(frozen=True, slots=True)
class Ref:
    """What a placeholder stands for: a kind, and the parameter's name or the label's key where the kind needs one.

    With `derived`, the name is that of an expression (`Derived`). A value that is `optional` is missing where a
    parameter is inactive; then `default` takes its place, and without one what holds the placeholder falls away.
    """

    kind: RefKind
    key: str = ""
    derived: bool = False
    optional: bool = False
    default: Value | None = None

    @property
    def may_be_absent(self) -> bool:
        return self.optional and self.default is None


EXPERIMENT_LABEL: Final = "katib.kubeflow.org/experiment"
TRIAL_LABEL: Final = "katib.kubeflow.org/trial"
OWN_LABELS: Final = (EXPERIMENT_LABEL, TRIAL_LABEL)
"""The labels that each resource of a trial gets, whatever the template has there."""
VALUES: Final = frozenset({RefKind.PARAMETER, RefKind.AS_JSON, RefKind.AS_SHELL})
"""What stands for the value of a search parameter, in any spelling."""
Part: TypeAlias = str | Ref


@dataclass(frozen=True, slots=True)
class Slot:
    """One string or key of the manifest that holds placeholders.

    `path` leads to the string, or to the key's entry when `in_key`. A slot of exactly one `Ref` takes a value of
    `target`; any other is text, its parts joined. `falls` are the places that go where a part has no value.
    """

    path: Path
    parts: tuple[Part, ...]
    target: FieldType = FieldType.STRING
    in_key: bool = False
    falls: tuple[Path, ...] = ()


class ValueType(StrEnum):
    """What a parameter is in an expression."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Derived:
    """A value that is computed for each trial: the expression of a trial parameter, and the types of the search
    parameters in it. Where one of them is inactive, it has no value.
    """

    name: str
    text: str
    variables: tuple[tuple[str, ValueType], ...]


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A manifest with its placeholders found and typed once. `digest` identifies the template's content.

    `tree` holds the manifest with the text of each slot as it was written, and without the metadata that Trialmill
    owns. `labels` and `annotations` are the template's own, for references to them. `parts` are the templates of the
    resources that are made and removed with this one; they have no parts, and use the `derived` values of this one.
    Treat all as frozen.
    """

    api_version: str
    kind: str
    tree: JsonObject
    slots: tuple[Slot, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    parts: "tuple[CompiledTemplate, ...]" = ()
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialContext:
    """What a template is stamped out with."""

    assignments: Assignments
    name: str
    namespace: str
    index: int
    seed: int
    experiment: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that Trialmill puts on the resource, beside the template's own."""
