"""The Spark operator's SparkApplication. A failed run that will be tried again is still running."""

from typing import Final

from trialmill.kinds.profile import READABLE_FROM_OUTSIDE, KindProfile, Restarts, has_state

PROFILES: Final = (
    KindProfile(
        group="sparkoperator.k8s.io",
        kind="SparkApplication",
        versions=("v1beta2",),
        success=has_state("state", "COMPLETED", under="status.applicationState"),
        failure=has_state("state", "FAILED", "SUBMISSION_FAILED", under="status.applicationState"),
        collectors=READABLE_FROM_OUTSIDE,
        restarts=(Restarts(("spec", "restartPolicy", "type")),),
    ),
)
