"""Ray on Kubernetes: a RayJob ends, RayCluster and RayService do not.

A RayJob has two states: that of its deployment says whether it is over, that of the job inside whether it worked
(Kueue reads the pair the same way).
"""

from typing import Final

from trialmill.kinds.profile import ANY_ENTRY, KindProfile, PodTemplate, any_of, has_state

_FINISHED: Final = has_state("jobDeploymentStatus", "Complete")
_CLUSTER: Final = ("spec", "rayClusterSpec")
_TEMPLATES: Final = (
    PodTemplate((*_CLUSTER, "headGroupSpec", "template"), "head"),
    PodTemplate(
        (*_CLUSTER, "workerGroupSpecs", ANY_ENTRY, "template"),
        "worker",
        (*_CLUSTER, "workerGroupSpecs", ANY_ENTRY, "replicas"),
    ),
    PodTemplate(("spec", "submitterPodTemplate"), "submitter"),
)

PROFILES: Final = (
    KindProfile(
        group="ray.io",
        kind="RayJob",
        versions=("v1",),
        success=f'{_FINISHED}|#(jobStatus=="SUCCEEDED")#',
        failure=any_of(
            has_state("jobDeploymentStatus", "Failed"),
            has_state("jobDeploymentStatus", "ValidationFailed"),
            f'{_FINISHED}|#(jobStatus!="SUCCEEDED")#',
        ),
        suspend_path=("spec", "suspend"),
        pod_templates=_TEMPLATES,
        inject_paths=tuple((*template.path, "spec") for template in _TEMPLATES),
    ),
    KindProfile(group="ray.io", kind="RayCluster", versions=("v1",), suspend_path=("spec", "suspend"), finite=False),
    KindProfile(group="ray.io", kind="RayService", versions=("v1",), finite=False),
)
