"""The group batch: Job, and CronJob, which makes Jobs for ever."""

from typing import Final

from trialmill.api.tree import Json, get
from trialmill.kinds.profile import KindProfile, PodTemplate, has_condition


def _needs_one_pod(manifest: Json) -> bool:
    """Without `completions` any pod that succeeds ends the Job, once those beside it have ended."""
    completions, parallelism = get(manifest, "spec", "completions"), get(manifest, "spec", "parallelism")
    return completions == 1 or (completions is None and parallelism in (None, 1))


PROFILES: Final = (
    KindProfile(
        group="batch",
        kind="Job",
        versions=("v1",),
        # SuccessCriteriaMet and FailureTarget come earlier, while pods still run: they decide nothing yet.
        success=has_condition("Complete"),
        failure=has_condition("Failed"),
        suspend_path=("spec", "suspend"),
        pod_templates=(PodTemplate(("spec", "template"), "pod", ("spec", "parallelism")),),
        inject_paths=(("spec", "template", "spec"),),
        one_pod=_needs_one_pod,
        lowering="job",
    ),
    KindProfile(
        group="batch",
        kind="CronJob",
        versions=("v1",),
        suspend_path=("spec", "suspend"),
        pod_templates=(
            PodTemplate(
                ("spec", "jobTemplate", "spec", "template"), "pod", ("spec", "jobTemplate", "spec", "parallelism")
            ),
        ),
        inject_paths=(("spec", "jobTemplate", "spec", "template", "spec"),),
        finite=False,
    ),
)
