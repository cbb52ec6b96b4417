"""Kubeflow Trainer's TrainJob, and the JobSet that it becomes."""

from collections.abc import Mapping
from typing import Final

from trialmill.api.tree import Json, get_integer, get_list, get_object, get_string
from trialmill.kinds.profile import ANY_ENTRY, READABLE_FROM_OUTSIDE, KindProfile, PodTemplate, Restarts, has_condition

_REPLICATED_JOB: Final = ("spec", "replicatedJobs", ANY_ENTRY)
_JOBSET_POD: Final = (*_REPLICATED_JOB, "template", "spec", "template")
_NAME_OF_JOB: Final = "jobset.sigs.k8s.io/replicatedjob-name"
_INDEX_OF_JOB: Final = "jobset.sigs.k8s.io/job-index"
_INDEX_OF_POD: Final = "batch.kubernetes.io/job-completion-index"
"""Labels that JobSet's controller (v0.8.2) and the Job controller give to pods."""


def _primary_of_jobset(manifest: Json) -> Mapping[str, str]:
    """Its coordinator; without one, of the first of its jobs. By name alone it would be any job's."""
    coordinator = get_object(manifest, "spec", "coordinator")
    if name := get_string(coordinator, "replicatedJob"):
        job, pod = (str(get_integer(coordinator, (key,), 0)) for key in ("jobIndex", "podIndex"))
        return {_NAME_OF_JOB: name, _INDEX_OF_JOB: job, _INDEX_OF_POD: pod}
    first = next(iter(get_list(manifest, "spec", "replicatedJobs")), None)
    name = get_string(first, "name")
    return {_NAME_OF_JOB: name, _INDEX_OF_JOB: "0"} if name else {}


PROFILES: Final = (
    KindProfile(
        group="trainer.kubeflow.org",
        kind="TrainJob",
        versions=("v1alpha1",),
        success=has_condition("Complete"),
        failure=has_condition("Failed"),
        suspend_path=("spec", "suspend"),
        # What Katib takes, and what the runtimes that come with the trainer (v2.0.0) call their job.
        primary_labels={_NAME_OF_JOB: "node", _INDEX_OF_POD: "0"},
        owners_between=(("jobset.x-k8s.io", "jobsets"), ("batch", "jobs")),
        # What the runtimes that come with the trainer call it.
        training_container="node",
        # Its pods are described in a TrainingRuntime, out of reach of the trial's manifest.
        collectors=READABLE_FROM_OUTSIDE,
    ),
    KindProfile(
        group="jobset.x-k8s.io",
        kind="JobSet",
        versions=("v1alpha2",),
        success=has_condition("Completed"),
        failure=has_condition("Failed"),
        suspend_path=("spec", "suspend"),
        primary_in=_primary_of_jobset,
        pod_templates=(PodTemplate(_JOBSET_POD, "job", (*_REPLICATED_JOB, "replicas")),),
        inject_paths=((*_JOBSET_POD, "spec"),),
        # The JobSet is accepted; the Jobs that it would make are not.
        restarts=(Restarts((*_JOBSET_POD, "spec", "restartPolicy")),),
    ),
)
