"""Volcano's Job, whose phase is one level deeper than usual."""

from typing import Final

from trialmill.kinds.profile import ANY_ENTRY, KindProfile, PodTemplate, has_state

_TASK: Final = ("spec", "tasks", ANY_ENTRY)

PROFILES: Final = (
    KindProfile(
        group="batch.volcano.sh",
        kind="Job",
        versions=("v1alpha1",),
        success=has_state("phase", "Completed", under="status.state"),
        failure=has_state("phase", "Failed", "Aborted", "Terminated", under="status.state"),
        pending=has_state("phase", "Pending", under="status.state"),
        pod_templates=(PodTemplate((*_TASK, "template"), "task", (*_TASK, "replicas")),),
        inject_paths=((*_TASK, "template", "spec"),),
    ),
)
