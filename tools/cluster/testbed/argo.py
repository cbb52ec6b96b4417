"""The real controller of Argo Workflows, as a program beside the control plane, and the image of its executor.

Each pod of a workflow has a container of the executor beside the author's, which tells the controller how that went: so
this takes a real node.
"""

from pathlib import Path

from testbed import images, node, operators
from testbed.api import Api
from testbed.place import CannotRunError, Plan
from testbed.programs import Program, Programs

NAME = "argo"
CONTROLLER = "workflow-controller"
EXECUTOR = "localhost/argoexec:1"
_NAMESPACE = "argo"
_CONFIGURATION = "workflow-controller-configmap"


def install(api: Api, folder: Path, built: Path, programs: Programs) -> None:
    """Give the API server Argo's kinds, the node its executor, and start the controller."""
    plan = Plan.read(folder)
    if not plan.real_node:
        raise CannotRunError("Argo Workflows takes a real node, and this cluster has none")
    operators.apply_kinds(api, built / "crds", programs)
    operators.apply_namespace(api, _NAMESPACE)
    archive = folder / "images" / "argoexec"
    images.from_folder(EXECUTOR, built / "image", archive)
    if wrong := node.import_image(archive, plan.packages):
        raise CannotRunError(f"{archive} cannot be imported: {wrong}")
    archive.unlink()
    configuration = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _CONFIGURATION, "namespace": _NAMESPACE},
        "data": {"metricsConfig": "enabled: false\n"},
    }
    api.apply(f"/api/v1/namespaces/{_NAMESPACE}/configmaps/{_CONFIGURATION}", configuration)
    command: list[str | Path] = [
        built / CONTROLLER,
        "--kubeconfig=inside.kubeconfig",
        f"--namespace={_NAMESPACE}",
        f"--executor-image={EXECUTOR}",
        "--executor-image-pull-policy=IfNotPresent",
    ]
    # It looks at a workflow again after so long; left to itself, after ten seconds.
    settings = {"LEADER_ELECTION_DISABLE": "true", "DEFAULT_REQUEUE_TIME": "1s"}
    programs.start(Program(CONTROLLER, command, {**operators.environment(), **settings}))
