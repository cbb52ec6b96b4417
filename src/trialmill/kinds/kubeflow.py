"""The jobs of Kubeflow's training operator and of the MPI operator: a pod template for each replica type.

The training operator labels one pod of a job as its master (v1.9.3, `IsMasterRole` of each controller): of a TFJob the
chief or master, else worker 0; of a PyTorchJob the master, else worker 0; of an XGBoostJob the master; of an MPIJob the
launcher; of a JAXJob worker 0; of a PaddleJob the masters, and no worker where there is none.
"""

from collections.abc import Callable, Mapping
from typing import Final

from trialmill.api.tree import Json, get, get_string
from trialmill.kinds.profile import KindProfile, PodTemplate, Restarts, has_condition

_ROLE: Final = "training.kubeflow.org/job-role"
_MASTER_LABELS: Final = {_ROLE: "master"}
"""What Katib takes as the primary pod of these kinds."""
_DECIDING: Final = ("Chief", "Master", "Launcher", "Worker")
"""The roles that a job's end depends on: the first of these that it has."""
_INDEX: Final = "training.kubeflow.org/replica-index"
_TYPE: Final = "training.kubeflow.org/replica-type"


def _primary_of_paddle_job(manifest: Json) -> Mapping[str, str]:
    """A job can be of workers alone, of which none is called the master."""
    has_master = get(manifest, "spec", "paddleReplicaSpecs", "Master") is not None
    return {_TYPE: "master" if has_master else "worker", _INDEX: "0"}


def _primary_of_mpi_job(manifest: Json) -> Mapping[str, str]:
    """The MPI operator, whose version this is, has another word for it (`defaultLabels` in its controller)."""
    return {_ROLE: "launcher"} if get_string(manifest, "apiVersion").endswith("/v2beta1") else _MASTER_LABELS


def _replicated(
    kind: str,
    replica_specs: str,
    roles: tuple[str, ...],
    *,
    container: str,
    labels: Mapping[str, str] = _MASTER_LABELS,
    primary_in: Callable[[Json], Mapping[str, str]] | None = None,
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
        primary_in=primary_in,
        training_container=container,
        inject_paths=tuple((*template.path, "spec") for template in templates),
        # A pod counts as succeeded by its phase, which Always never lets it reach.
        restarts=tuple(
            Restarts((*role, "restartPolicy"), unless=tuple(deciding[:n])) for n, role in enumerate(deciding)
        ),
    )


PROFILES: Final = (
    _replicated("TFJob", "tfReplicaSpecs", ("Chief", "Master", "PS", "Worker", "Evaluator"), container="tensorflow"),
    _replicated("PyTorchJob", "pytorchReplicaSpecs", ("Master", "Worker"), container="pytorch"),
    _replicated("XGBoostJob", "xgbReplicaSpecs", ("Master", "Worker"), container="xgboost"),
    _replicated(
        "MPIJob",
        "mpiReplicaSpecs",
        ("Launcher", "Worker"),
        container="mpi",
        primary_in=_primary_of_mpi_job,
        versions=("v1", "v2beta1"),
    ),
    _replicated(
        "PaddleJob",
        "paddleReplicaSpecs",
        ("Master", "Worker"),
        container="paddle",
        labels={},
        primary_in=_primary_of_paddle_job,
    ),
    _replicated("JAXJob", "jaxReplicaSpecs", ("Worker",), container="jax"),
)
