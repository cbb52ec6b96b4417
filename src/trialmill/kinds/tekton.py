"""Tekton's runs: one condition `Succeeded` with three states, and a step's container is called `step-NAME`."""

from typing import Final

from trialmill.kinds.profile import READABLE_FROM_OUTSIDE, KindProfile, has_condition


def _run(kind: str, owners_between: tuple[tuple[str, str], ...] = ()) -> KindProfile:
    return KindProfile(
        group="tekton.dev",
        kind=kind,
        versions=("v1", "v1beta1"),
        success=has_condition("Succeeded"),
        failure=has_condition("Succeeded", "False"),
        owners_between=owners_between,
        container_alias="step-{name}",
        collectors=READABLE_FROM_OUTSIDE,
    )


PROFILES: Final = (_run("TaskRun"), _run("PipelineRun", (("tekton.dev", "taskruns"),)))
