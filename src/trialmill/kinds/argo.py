"""Argo Workflows: a phase instead of conditions, and a template's container is called `main` (seen with v4.0.5).

A pod carries the labels of the template that it runs, and is owned by the workflow itself.
"""

from typing import Final

from trialmill.kinds.profile import READABLE_FROM_OUTSIDE, KindProfile, has_state

PROFILES: Final = (
    KindProfile(
        group="argoproj.io",
        kind="Workflow",
        versions=("v1alpha1",),
        success=has_state("phase", "Succeeded"),
        failure=has_state("phase", "Failed", "Error"),
        pending=has_state("phase", "Pending"),
        suspend_path=("spec", "suspend"),
        container_alias="main",
        collectors=READABLE_FROM_OUTSIDE,
    ),
)
