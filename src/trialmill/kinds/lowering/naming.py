"""Names of pods, and the identity that a container can ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final

from trialmill.kinds.plan import PodId

_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and nothing that looks alike, as in the names that Kubernetes makes up."""
_LONGEST_PREFIX: Final = 58
"""A pod's name may have 63 characters, if it is to be a host name too."""


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """Who a pod is: what `fieldRef` can name."""

    id: PodId
    name: str
    namespace: str
    uid: str
    hostname: str
    service_account: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def pod_name(job: str, pod: PodId, *, indexed: bool) -> str:
    """`<job>-<5 characters>`, or `<job>-<index>-<5 characters>`; the same for the same pod, always."""
    suffix = f"-{pod.completion}-" if indexed else "-"
    digest = sha256(f"{job}/{pod.completion}/{pod.retry}".encode()).digest()
    return job[: _LONGEST_PREFIX - len(suffix)] + suffix + "".join(_LETTERS[b % len(_LETTERS)] for b in digest[:5])


def derived_uid(*parts: str) -> str:
    """A uid that is the same for the same parts, in the form that Kubernetes gives its own."""
    digest = sha256("/".join(parts).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
