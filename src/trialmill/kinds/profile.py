"""What is known about a kind: when it is over, where its pods are described, which of them counts.

A family of kinds has a file; each lists its `PROFILES`. A kind without a profile still works on a cluster, with
conditions that the user writes or with the heuristics of `verdict`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

from trialmill.api.experiment import CollectorKind
from trialmill.api.tree import Json, Path

ANY_ENTRY: Final = "*"
"""Stands in a profile's paths for each entry of a list or map."""

READABLE_FROM_OUTSIDE: Final = frozenset({CollectorKind.STDOUT, CollectorKind.PUSH})
"""Collectors that need no container of their own beside the primary one."""
ALL_COLLECTORS: Final = frozenset(CollectorKind)

_FAMILIES: Final = (
    "core",
    "batch",
    "apps",
    "kubeflow",
    "trainer",
    "tekton",
    "argo",
    "ray",
    "spark",
    "volcano",
    "appwrapper",
    "knative",
)


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """Where a kind describes pods: `path` leads to an object with `metadata` and `spec`. `role` names what those pods
    do; `replicas_path` says how many, None for always one.
    """

    path: Path
    role: str
    replicas_path: Path | None = None


@dataclass(frozen=True, slots=True)
class Restarts:
    """Where `Always` means that what the resource's end depends on starts again whenever it has ended. `by_default`: it
    means the same where nothing stands. Where something stands at one of `unless`, the end depends on that instead.
    """

    path: Path
    by_default: bool = False
    unless: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class KindProfile:
    """One kind. Conditions are GJSON by Katib's rule of truth, empty for a kind that cannot succeed or fail by itself.

    `pending` is the condition for a status that says "not started yet". `primary_labels` are those of the pod whose
    output counts; `primary_in` finds them where they depend on the manifest. `owners_between` are the groups and plural
    names of what stands between a resource and its pods, where pods are found through their owners alone.
    `container_alias` is the name under which a container runs that the manifest calls `{name}`. `training_container` is
    the name that the kind's operator wants the training container to have, empty where it takes any. `inject_paths`
    lead to the pod specs that a collector's container may join. `one_pod` says of a manifest whether the success of one
    pod is that of the resource. `lowering` names how the kind runs on one machine, None where it needs a cluster.
    `finite` is False for kinds that never finish by themselves; of others, `restarts` say which resources do not.
    """

    group: str
    kind: str
    versions: tuple[str, ...]
    success: str = ""
    failure: str = ""
    pending: str = ""
    suspend_path: Path | None = None
    pod_templates: tuple[PodTemplate, ...] = ()
    primary_labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    primary_in: Callable[[Json], Mapping[str, str]] | None = field(default=None, compare=False)
    owners_between: tuple[tuple[str, str], ...] = ()
    container_alias: str = "{name}"
    training_container: str = ""
    inject_paths: tuple[Path, ...] = ()
    one_pod: Callable[[Json], bool] | None = field(default=None, compare=False)
    collectors: frozenset[CollectorKind] = ALL_COLLECTORS
    finite: bool = True
    restarts: tuple[Restarts, ...] = ()
    lowering: str | None = None

    @property
    def runs_here(self) -> bool:
        """Whether the kind can run on one machine, without a cluster."""
        return self.lowering is not None

    @property
    def api_version(self) -> str:
        """The newest version known, as manifests write it."""
        return f"{self.group}/{self.versions[0]}" if self.group else self.versions[0]

    def primary_labels_of(self, manifest: Json) -> Mapping[str, str]:
        """The labels of the pod whose output counts in a trial of this manifest, without those of a placeholder."""
        found = self.primary_in(manifest) if self.primary_in else self.primary_labels
        return {key: value for key, value in found.items() if "${" not in value}

    def container_name(self, name: str) -> str:
        """The name that the manifest's container `name` has in the pod."""
        return self.container_alias.replace("{name}", name)


def has_condition(condition_type: str, status: str = "True") -> str:
    """The GJSON condition for `status.conditions` holding this type with this status, in Katib's own spelling."""
    return f'status.conditions.#(type=="{condition_type}")#|#(status=="{status}")#'


def has_state(key: str, *values: str, under: str = "status") -> str:
    """The GJSON condition for the object at `under` having one of the values at `key`."""
    tests = [f'{under}.[@this].#({key}=="{value}")#' for value in values]
    return tests[0] if len(tests) == 1 else any_of(*tests)


def any_of(*conditions: str) -> str:
    """The GJSON condition that is met when one of these is; each must end in `)#`."""
    return f"[{','.join(conditions)}]|@flatten"


def profile_of(api_version: str, kind: str) -> KindProfile | None:
    """The profile of a kind by its group, whatever the version; None where nothing is known."""
    group = api_version.rpartition("/")[0]
    return _by_group_and_kind().get((group, kind))


def all_profiles() -> tuple[KindProfile, ...]:
    """Every known kind: those that run without a cluster first, then by kind and group."""
    return tuple(sorted(_by_group_and_kind().values(), key=lambda p: (not p.runs_here, p.kind, p.group)))


@cache
def _by_group_and_kind() -> Mapping[tuple[str, str], KindProfile]:
    """Families import this module, so they are imported late; a start that asks for no kind does not pay for them."""
    profiles: list[KindProfile] = []
    for family in _FAMILIES:
        profiles.extend(import_module(f"trialmill.kinds.{family}").PROFILES)
    return {(p.group, p.kind): p for p in profiles}
