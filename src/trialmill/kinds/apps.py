"""The group apps: kinds that keep pods running until they are deleted."""

from typing import Final

from trialmill.kinds.profile import KindProfile, PodTemplate


def _keeps_running(kind: str, *, counted: bool = True) -> KindProfile:
    return KindProfile(
        group="apps",
        kind=kind,
        versions=("v1",),
        pod_templates=(PodTemplate(("spec", "template"), "pod", ("spec", "replicas") if counted else None),),
        inject_paths=(("spec", "template", "spec"),),
        finite=False,
    )


PROFILES: Final = (
    _keeps_running("Deployment"),
    _keeps_running("StatefulSet"),
    _keeps_running("ReplicaSet"),
    _keeps_running("DaemonSet", counted=False),
)
