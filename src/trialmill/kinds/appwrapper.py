"""CodeFlare's AppWrapper: over only when what it wrapped is no longer deployed."""

from typing import Final

from trialmill.kinds.profile import READABLE_FROM_OUTSIDE, KindProfile, has_state

_CLEARED: Final = '|#(conditions.#(type=="ResourcesDeployed").status!="True")#'

PROFILES: Final = (
    KindProfile(
        group="workload.codeflare.dev",
        kind="AppWrapper",
        versions=("v1beta2",),
        success=has_state("phase", "Succeeded") + _CLEARED,
        failure=has_state("phase", "Failed") + _CLEARED,
        suspend_path=("spec", "suspend"),
        collectors=READABLE_FROM_OUTSIDE,
    ),
)
