"""The core group: Pod, and what runs until it is deleted."""

from typing import Final

from trialmill.kinds.profile import KindProfile, PodTemplate, Restarts, has_state

PROFILES: Final = (
    KindProfile(
        group="",
        kind="Pod",
        versions=("v1",),
        success=has_state("phase", "Succeeded"),
        failure=has_state("phase", "Failed"),
        pending=has_state("phase", "Pending"),
        pod_templates=(PodTemplate((), "pod"),),
        inject_paths=(("spec",),),
        restarts=(Restarts(("spec", "restartPolicy"), by_default=True),),
        lowering="pod",
    ),
    KindProfile(
        group="",
        kind="ReplicationController",
        versions=("v1",),
        pod_templates=(PodTemplate(("spec", "template"), "pod", ("spec", "replicas")),),
        inject_paths=(("spec", "template", "spec"),),
        finite=False,
    ),
    KindProfile(group="", kind="Service", versions=("v1",), finite=False),
)
