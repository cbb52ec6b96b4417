"""The jobs of Kubeflow's training operator and of the MPI operator: a pod template for each replica type."""

from collections.abc import Mapping
from typing import Final

from trialmill.kinds.profile import KindProfile, PodTemplate, Restarts, has_condition

_MASTER_LABELS: Final = {"training.kubeflow.org/job-role": "master"}
"""What Katib takes as the primary pod of these kinds."""
_DECIDING: Final = ("Chief", "Master", "Launcher", "Worker")
"""The roles that a job's end depends on: the first of these that it has."""


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
    deciding = [("spec", replica_specs, role) for role in _DECIDING if role in roles]
    if "Launcher" in roles:
        deciding = deciding[:1]  # its workers only wait to be called
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
        # A pod counts as succeeded by its phase, which Always never lets it reach.
        restarts=tuple(
            Restarts((*role, "restartPolicy"), unless=tuple(deciding[:n])) for n, role in enumerate(deciding)
        ),
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
