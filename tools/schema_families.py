"""Which kinds the tables of field types have, from which release of what, and what those documents leave unsaid.

`make_schema.py` makes the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CORE: Final = "core"
"""The family whose definitions may be named in every table."""


@dataclass(frozen=True, slots=True)
class Family:
    """The kinds of one table.

    `files` of the module are one OpenAPI document, or custom resource definitions. `kinds` names the definition that
    an `apiVersion kind` starts from: one of the document, or the kind of a custom resource definition. `also` are
    further definitions of `core` that others refer to. Where not `strict`, no API server holds objects to the document:
    an operator reads them, fills in what is required and takes fields in upper and lower case. `types` are those of
    optional fields that the document has wrong or leaves out: Go's own way of reading them takes more, or a webhook
    fills them in before an API server looks.
    """

    module: str
    files: tuple[str, ...]
    kinds: Mapping[str, str]
    also: tuple[str, ...] = ()
    strict: bool = True
    types: Mapping[str, str] = field(default_factory=dict)


def _operator(
    module: str, folder: str, api_version: str, files: Mapping[str, str], types: Mapping[str, str] | None = None
) -> Family:
    """A family whose kinds have a custom resource definition each: kind to file."""
    kinds = {f"{api_version} {kind}": kind for kind in files}
    return Family(module, tuple(f"{folder}/{file}.yaml" for file in files.values()), kinds, types=types or {})


_RESOLVED: Final = ("PipelineRef", "Ref", "TaskRef")
_RESOLVER: Final = {"params": "[@Param", "resolver": "s"}
"""What Tekton's references embed, and its document has not; Go reads embedded fields as the reference's own."""


def _tekton(version: str) -> Family:
    return Family(
        "github.com/tektoncd/pipeline@v1.6.0",
        (f"pkg/apis/pipeline/{version}/swagger.json",),
        {
            f"tekton.dev/{version} {kind}": f"{version}.{kind}"
            for kind in ("TaskRun", "PipelineRun", "Task", "Pipeline")
        },
        strict=False,
        types={f"{name}.{key}": text for name in _RESOLVED for key, text in _RESOLVER.items()},
    )


_ARGO: Final = "io.argoproj.workflow.v1alpha1"

FAMILIES: Final[Mapping[str, Family]] = {
    CORE: Family(
        "k8s.io/kubernetes@v1.34.4",
        ("api/openapi-spec/swagger.json",),
        {
            "batch/v1 Job": "io.k8s.api.batch.v1.Job",
            "v1 ConfigMap": "io.k8s.api.core.v1.ConfigMap",
            "v1 PersistentVolumeClaim": "io.k8s.api.core.v1.PersistentVolumeClaim",
            "v1 Pod": "io.k8s.api.core.v1.Pod",
            "v1 Secret": "io.k8s.api.core.v1.Secret",
            "v1 Service": "io.k8s.api.core.v1.Service",
        },
        also=("io.k8s.api.batch.v1.JobTemplateSpec",),
    ),
    "kubeflow": _operator(
        "github.com/kubeflow/training-operator@v1.9.2",
        "manifests/base/crds",
        "kubeflow.org/v1",
        {
            "TFJob": "kubeflow.org_tfjobs",
            "PyTorchJob": "kubeflow.org_pytorchjobs",
            "MPIJob": "kubeflow.org_mpijobs",
            "XGBoostJob": "kubeflow.org_xgboostjobs",
            "PaddleJob": "kubeflow.org_paddlejobs",
            "JAXJob": "kubeflow.org_jaxjobs",
        },
    ),
    "mpi": _operator(
        "github.com/kubeflow/mpi-operator@v0.6.0",
        "manifests/base",
        "kubeflow.org/v2beta1",
        {
            "MPIJob": "kubeflow.org_mpijobs",
        },
    ),
    "trainer": _operator(
        "github.com/kubeflow/trainer/v2@v2.1.0",
        "manifests/base/crds",
        "trainer.kubeflow.org/v1alpha1",
        {
            "TrainJob": "trainer.kubeflow.org_trainjobs",
            "TrainingRuntime": "trainer.kubeflow.org_trainingruntimes",
            "ClusterTrainingRuntime": "trainer.kubeflow.org_clustertrainingruntimes",
        },
        types={"TrainingRuntimeSpecTemplateSpecFailurePolicyRules.name": "s"},
    ),
    "jobset": _operator(
        "sigs.k8s.io/jobset@v0.10.1",
        "config/components/crd/bases",
        "jobset.x-k8s.io/v1alpha2",
        {
            "JobSet": "jobset.x-k8s.io_jobsets",
        },
        types={"JobSetSpecFailurePolicyRules.name": "s"},
    ),
    "tekton": _tekton("v1"),
    "tekton_v1beta1": _tekton("v1beta1"),
    "argo": Family(
        "github.com/argoproj/argo-workflows/v3@v3.7.1",
        ("api/openapi-spec/swagger.json",),
        {
            f"argoproj.io/v1alpha1 {kind}": f"{_ARGO}.{kind}"
            for kind in ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate")
        },
        strict=False,
        types={
            "Parameter.default": "a",
            "Parameter.description": "a",
            "Parameter.enum": "[a",
            "Parameter.value": "a",
            "ValueFrom.default": "a",
        },
    ),
    "ray": _operator(
        "github.com/ray-project/kuberay/ray-operator@v1.4.2",
        "config/crd/bases",
        "ray.io/v1",
        {"RayJob": "ray.io_rayjobs"},
    ),
    "spark": _operator(
        "github.com/kubeflow/spark-operator/v2@v2.3.0",
        "config/crd/bases",
        "sparkoperator.k8s.io/v1beta2",
        {
            "SparkApplication": "sparkoperator.k8s.io_sparkapplications",
        },
    ),
    "volcano": _operator(
        "volcano.sh/volcano@v1.10.0",
        "config/crd/volcano/bases",
        "batch.volcano.sh/v1alpha1",
        {
            "Job": "batch.volcano.sh_jobs",
        },
    ),
    "appwrapper": _operator(
        "github.com/project-codeflare/appwrapper@v1.1.2",
        "config/crd/bases",
        "workload.codeflare.dev/v1beta2",
        {
            "AppWrapper": "workload.codeflare.dev_appwrappers",
        },
    ),
}

_PULL_POLICY: Final = "Always|IfNotPresent|Never"
_MESSAGE_POLICY: Final = "FallbackToLogsOnError|File"
_NODE_POLICY: Final = "Honor|Ignore"
_REPLICA_RESTARTS: Final = "Always|ExitCode|Never|OnFailure"
_PROFILE: Final = "Localhost|RuntimeDefault|Unconfined"

ENUMERATIONS: Final = {
    # The document names the values of these fields in prose only. Fields that also take an empty text, or values of
    # newer releases and of extensions, are left out.
    "AppArmorProfile.type": _PROFILE,
    "Container.imagePullPolicy": _PULL_POLICY,
    "Container.terminationMessagePolicy": _MESSAGE_POLICY,
    "ContainerPort.protocol": "SCTP|TCP|UDP",
    "EphemeralContainer.imagePullPolicy": _PULL_POLICY,
    "EphemeralContainer.terminationMessagePolicy": _MESSAGE_POLICY,
    "HTTPGetAction.scheme": "HTTP|HTTPS",
    "ImageVolumeSource.pullPolicy": _PULL_POLICY,
    "JobSpec.completionMode": "Indexed|NonIndexed",
    "JobSpec.podReplacementPolicy": "Failed|TerminatingOrFailed",
    "LabelSelectorRequirement.operator": "DoesNotExist|Exists|In|NotIn",
    "MPIJobSpecMpiReplicaSpecs.restartPolicy": _REPLICA_RESTARTS,
    "NodeSelectorRequirement.operator": "DoesNotExist|Exists|Gt|In|Lt|NotIn",
    "PodFailurePolicyOnExitCodesRequirement.operator": "In|NotIn",
    "PodFailurePolicyRule.action": "Count|FailIndex|FailJob|Ignore",
    "PodSecurityContext.fsGroupChangePolicy": "Always|OnRootMismatch",
    "PodSecurityContext.seLinuxChangePolicy": "MountOption|Recursive",
    "PodSecurityContext.supplementalGroupsPolicy": "Merge|Strict",
    "PodSpec.dnsPolicy": "ClusterFirst|ClusterFirstWithHostNet|Default|None",
    "PodSpec.preemptionPolicy": "Never|PreemptLowerPriority",
    "PodSpec.restartPolicy": "Always|Never|OnFailure",
    "SeccompProfile.type": _PROFILE,
    "ServicePort.protocol": "SCTP|TCP|UDP",
    "ServiceSpec.type": "ClusterIP|ExternalName|LoadBalancer|NodePort",
    "TFJobSpecTfReplicaSpecs.restartPolicy": _REPLICA_RESTARTS,
    "TopologySpreadConstraint.nodeAffinityPolicy": _NODE_POLICY,
    "TopologySpreadConstraint.nodeTaintsPolicy": _NODE_POLICY,
    "TopologySpreadConstraint.whenUnsatisfiable": "DoNotSchedule|ScheduleAnyway",
    "VolumeMount.mountPropagation": "Bidirectional|HostToContainer|None",
    "VolumeMount.recursiveReadOnly": "Disabled|Enabled|IfPossible",
}
