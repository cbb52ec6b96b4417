"""Kubeflow Trainer's TrainJob, and the JobSet that it becomes."""

from typing import Final

from trialmill.kinds.profile import ANY_ENTRY, READABLE_FROM_OUTSIDE, KindProfile, PodTemplate, Restarts, has_condition

_REPLICATED_JOB: Final = ("spec", "replicatedJobs", ANY_ENTRY)
_JOBSET_POD: Final = (*_REPLICATED_JOB, "template", "spec", "template")

PROFILES: Final = (
    KindProfile(
        group="trainer.kubeflow.org",
        kind="TrainJob",
        versions=("v1alpha1",),
        success=has_condition("Complete"),
        failure=has_condition("Failed"),
        suspend_path=("spec", "suspend"),
        primary_labels={
            "jobset.sigs.k8s.io/replicatedjob-name": "node",
            "batch.kubernetes.io/job-completion-index": "0",
        },
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
        pod_templates=(PodTemplate(_JOBSET_POD, "job", (*_REPLICATED_JOB, "replicas")),),
        inject_paths=((*_JOBSET_POD, "spec"),),
        # The JobSet is accepted; the Jobs that it would make are not.
        restarts=(Restarts((*_JOBSET_POD, "spec", "restartPolicy")),),
    ),
)
