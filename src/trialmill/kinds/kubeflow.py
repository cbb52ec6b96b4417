"""The jobs of Kubeflow's training operator and of the MPI operator: a pod template for each replica type."""

from collections.abc import Mapping
from typing import Final

from trialmill.kinds.profile import KindProfile, PodTemplate, has_condition

_MASTER_LABELS: Final = {"training.kubeflow.org/job-role": "master"}
"""What Katib takes as the primary pod of these kinds."""


def _replicated(
    kind: str,
    replica_specs: str,
    roles: tuple[str, ...],
    *,
    labels: Mapping[str, str],
    container: str,
    versions: tuple[str, ...] = ("v1",),
) -> KindProfile:
    templates = tuple(
        PodTemplate(("spec", replica_specs, role, "template"), role, ("spec", replica_specs, role, "replicas"))
        for role in roles
    )
    return KindProfile(
        group="kubeflow.org",
        kind=kind,
        versions=versions,
        success=has_condition("Succeeded"),
        failure=has_condition("Failed"),
        suspend_path=("spec", "runPolicy", "suspend"),
        pod_templates=templates,
        primary_labels=labels,
        training_container=container,
        inject_paths=tuple((*template.path, "spec") for template in templates),
    )


PROFILES: Final = (
    _replicated(
        "TFJob",
        "tfReplicaSpecs",
        ("Chief", "Master", "PS", "Worker", "Evaluator"),
        labels=_MASTER_LABELS,
        container="tensorflow",
    ),
    _replicated("PyTorchJob", "pytorchReplicaSpecs", ("Master", "Worker"), labels=_MASTER_LABELS, container="pytorch"),
    _replicated("XGBoostJob", "xgbReplicaSpecs", ("Master", "Worker"), labels=_MASTER_LABELS, container="xgboost"),
    _replicated(
        "MPIJob",
        "mpiReplicaSpecs",
        ("Launcher", "Worker"),
        labels=_MASTER_LABELS,
        container="mpi",
        versions=("v1", "v2beta1"),
    ),
    _replicated("PaddleJob", "paddleReplicaSpecs", ("Master", "Worker"), labels={}, container="paddle"),
    _replicated("JAXJob", "jaxReplicaSpecs", ("Worker",), labels={}, container="jax"),
)
