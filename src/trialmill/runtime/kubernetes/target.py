"""What a runtime is told about the experiment whose resources it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trialmill.api.tree import JsonObject
from trialmill.api.verdict import VerdictMemory, VerdictPhase
from trialmill.kinds.profile import KindProfile, profile_of
from trialmill.kinds.verdict import Policy, judge
from trialmill.runtime.kubernetes.evidence import Patience

PRINTER_IMAGE: Final = "busybox:1.37"
"""What a file is printed with where metrics are in one: any image with `sh`, `tail`, `head`, `wc` and `sleep`."""


@dataclass(frozen=True, slots=True)
class KindRef:
    api_version: str
    kind: str


POD: Final = KindRef("v1", "Pod")


@dataclass(frozen=True, slots=True)
class Target:
    """`kind` is that of the trials' resources, `parts` are those of what is made with them. `primary_labels` mark the
    pod whose output counts; without any, those that the kind's profile knows. `whole_files`: the collector's files
    count as they are in the end, not line by line.
    """

    namespace: str
    kind: KindRef
    parts: tuple[KindRef, ...] = ()
    primary_container: str = ""
    primary_labels: Mapping[str, str] = field(default_factory=dict)
    collector_paths: tuple[str, ...] = ()
    whole_files: bool = False
    printer_image: str = PRINTER_IMAGE
    patience: Patience = field(default_factory=Patience)

    @property
    def profile(self) -> KindProfile | None:
        return profile_of(self.kind.api_version, self.kind.kind)

    @property
    def primary_names(self) -> tuple[str, ...]:
        """What the primary container may be called in a pod: as in the manifest, or as its kind calls it there."""
        name, profile = self.primary_container, self.profile
        return (name, profile.container_name(name)) if name and profile else (name,) if name else ()

    def phase_of(self, resource: JsonObject) -> VerdictPhase:
        """How far a resource has come, by its kind's own rules: conditions that its author wrote are not known here."""
        return judge(resource, Policy(profile=self.profile), VerdictMemory()).phase
