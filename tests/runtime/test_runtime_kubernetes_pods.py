"""What pods tell: which one counts, why it failed, what it waits for, and the container that prints a file."""

from datetime import timedelta

import pytest
from kubernetes_world import JOB_KIND, job, pod_status

from trialmill.api.tree import Json, JsonObject, get, get_list
from trialmill.kinds.profile import profile_of
from trialmill.runtime.kubernetes.evidence import Patience, evidence_of, stuck_of
from trialmill.runtime.kubernetes.file_printer import can_print, complaint_of, with_printers
from trialmill.runtime.kubernetes.pods import pod_refs, real_container
from trialmill.runtime.kubernetes.target import KindRef, Target

JOB_PROFILE = profile_of("batch/v1", "Job")
PATIENCE = Patience(scheduling=timedelta(hours=1), starting=timedelta(minutes=10))


def pod(
    name: str,
    status: JsonObject,
    second: int = 0,
    labels: dict[str, Json] | None = None,
    containers: tuple[str, ...] = ("main",),
) -> JsonObject:
    created = f"2026-01-01T00:00:{second:02d}Z"
    metadata: JsonObject = {"name": name, "creationTimestamp": created, "labels": labels or {}}
    return {"metadata": metadata, "spec": {"containers": [{"name": each} for each in containers]}, "status": status}


def ended(code: int, **more: Json) -> JsonObject:
    return {"terminated": {"exitCode": code, **more}}


def waiting(reason: str, message: str = "") -> JsonObject:
    return {"waiting": {"reason": reason, "message": message}}


FAILED = pod_status("Failed", ended(3))
SUCCEEDED = pod_status("Succeeded", ended(0))
RUNNING = pod_status("Running", {"running": {}})
UNSCHEDULABLE: JsonObject = {
    "phase": "Pending",
    "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes have a GPU"}
    ],
}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(FAILED, "container main exited with code 3", id="an exit code"),
        pytest.param(
            pod_status("Failed", ended(137, reason="OOMKilled")), "exited with code 137 (OOMKilled)", id="out of memory"
        ),
        pytest.param(
            pod_status("Failed", ended(1, reason="Error", message="one\nno such data set\n")),
            "exited with code 1: no such data set",
            id="the last line of a termination message",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "evicted: low on memory", id="evicted"
        ),
        pytest.param(
            pod_status("Running", waiting("CrashLoopBackOff"), lastState=ended(2)), "exited with code 2", id="crashes"
        ),
    ],
)
def test_a_pod_that_failed_says_why(status: JsonObject, words: str) -> None:
    assert words in evidence_of([pod("p", status)])


def container(name: str, code: int, second: int = 0, reason: str = "Error") -> JsonObject:
    finished = f"2026-01-01T00:01:{second:02d}Z"
    return {"name": name, "state": {"terminated": {"exitCode": code, "reason": reason, "finishedAt": finished}}}


def pod_with(*containers: JsonObject, init: tuple[JsonObject, ...] = (), **status: Json) -> JsonObject:
    """A pod that has failed; init containers whose names begin with `side` are native sidecars."""
    whole: JsonObject = {
        "phase": "Failed",
        "containerStatuses": list(containers),
        "initContainerStatuses": list(init),
        **status,
    }
    made = pod("p", whole)
    names = [str(each["name"]) for each in init]
    policies: list[Json] = [
        {"name": name, "restartPolicy": "Always"} if name.startswith("side") else {"name": name} for name in names
    ]
    made["spec"] = {"initContainers": policies}
    return made


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            pod_with(container("main", 3, 1), init=(container("side", 137, 30),)),
            "container main exited with code 3",
            id="a native sidecar that was killed afterwards",
        ),
        pytest.param(
            pod_with(container("main", 3, 1), init=(container("side", 1, 0),)),
            "container main exited with code 3",
            id="the primary one, though a sidecar failed before",
        ),
        pytest.param(
            pod_with(container("logger", 143, 9), container("main", 137, 5, "OOMKilled")),
            "container main exited with code 137 (OOMKilled)",
            id="a helper that stands before it in the list",
        ),
        pytest.param(
            pod_with(container("a", 5, 9), container("b", 4, 2)),
            "container b exited with code 4",
            id="the first to end",
        ),
        pytest.param(
            pod_with(container("a", 143, 2), container("b", 4, 2)),
            "container b exited with code 4",
            id="of two in one second, the one that was not ended from outside",
        ),
        pytest.param(
            pod_with(init=(container("side", 137, 1), container("fetch", 2, 2))),
            "container fetch exited with code 2",
            id="an init container, without which the primary one never ran",
        ),
        pytest.param(
            pod_with(container("main", 137), reason="DeadlineExceeded", message="active for longer than 5 s"),
            "it ran too long (DeadlineExceeded): active for longer than 5 s",
            id="a deadline of the pod itself",
        ),
    ],
)
def test_the_container_that_is_named_is_the_one_whose_end_decided(found: JsonObject, words: str) -> None:
    assert evidence_of([found], ("main",)) == f"pod p: {words}"


def test_sidecars_that_are_killed_after_a_success_are_no_failure() -> None:
    found = pod_with(container("main", 0), init=(container("side", 137),), phase="Succeeded")
    assert evidence_of([found], ("main",)) == ""


def disrupted(reason: str, message: str, second: int) -> Json:
    when = f"2026-01-01T00:01:{second:02d}Z"
    condition: JsonObject = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return [{**condition, "lastTransitionTime": when}]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("EvictionByEvictionAPI", "it was evicted (EvictionByEvictionAPI): said so"),
        ("PreemptionByScheduler", "a pod of higher priority took its place (PreemptionByScheduler): said so"),
        ("DeletionByTaintManager", "its node does not tolerate it any more (DeletionByTaintManager): said so"),
        ("SomethingNew", "it was disrupted (SomethingNew): said so"),
    ],
)
@pytest.mark.parametrize("code", [143, 1])
def test_a_pod_that_was_taken_away_says_by_whom_however_its_program_ended(reason: str, words: str, code: int) -> None:
    found = pod_with(container("main", code, 9), conditions=disrupted(reason, "said so", 8))
    assert evidence_of([found], ("main",)) == f"pod p: {words}"
    found["metadata"] = {"name": "p", "deletionTimestamp": "2026-01-01T00:01:08Z"}
    assert evidence_of([found], ("main",)) == f"pod p: {words}"


def test_a_program_that_failed_before_its_pod_was_taken_away_failed_by_itself() -> None:
    found = pod_with(container("main", 3, 5), conditions=disrupted("EvictionByEvictionAPI", "drained", 8))
    assert evidence_of([found], ("main",)) == "pod p: container main exited with code 3"


@pytest.mark.parametrize("status", [SUCCEEDED, RUNNING, UNSCHEDULABLE])
def test_a_pod_that_did_not_fail_is_no_evidence(status: JsonObject) -> None:
    assert evidence_of([pod("p", status)]) == ""


@pytest.mark.parametrize(
    ("status", "reason", "patience"),
    [
        (UNSCHEDULABLE, "Unschedulable", PATIENCE.scheduling),
        (pod_status("Pending", waiting("ErrImagePull", "no such image")), "ErrImagePull", PATIENCE.starting),
        (pod_status("Pending", waiting("ImagePullBackOff")), "ImagePullBackOff", PATIENCE.starting),
        (
            pod_status("Pending", waiting("CreateContainerConfigError", "no secret")),
            "CreateContainerConfigError",
            PATIENCE.starting,
        ),
        (pod_status("Pending", waiting("InvalidImageName")), "InvalidImageName", timedelta(0)),
        (
            pod_status("Running", waiting("CrashLoopBackOff"), restartCount=6, lastState=ended(1)),
            "CrashLoopBackOff",
            timedelta(0),
        ),
    ],
)
def test_what_a_pod_waits_for_in_vain_is_told_with_how_long_it_may(
    status: JsonObject, reason: str, patience: timedelta
) -> None:
    stuck = stuck_of([pod("p", status)], PATIENCE)
    assert stuck is not None
    assert (stuck.reason, stuck.patience) == (reason, patience)


@pytest.mark.parametrize(
    "status",
    [
        RUNNING,
        SUCCEEDED,
        pod_status("Pending", waiting("ContainerCreating")),
        pod_status("Running", waiting("CrashLoopBackOff"), restartCount=5, lastState=ended(1)),
    ],
)
def test_a_pod_that_gets_on_waits_for_nothing(status: JsonObject) -> None:
    assert stuck_of([pod("p", status)], PATIENCE) is None


def beside_a_sidecar(state: JsonObject) -> JsonObject:
    """A sidecar crashes all the time, and the main container is in this state."""
    crashing: JsonObject = {
        "name": "side",
        "restartCount": 9,
        "state": waiting("CrashLoopBackOff"),
        "lastState": ended(1),
    }
    found = pod("p", {**pod_status("Running", state), "initContainerStatuses": [crashing]})
    found["spec"] = {"initContainers": [{"name": "side", "restartPolicy": "Always"}]}
    return found


def test_a_sidecar_that_crashes_keeps_a_container_from_starting_and_not_from_running() -> None:
    stuck = stuck_of([beside_a_sidecar(waiting("PodInitializing"))], PATIENCE)
    assert stuck is not None
    assert stuck.reason == "CrashLoopBackOff"
    assert stuck_of([beside_a_sidecar({"running": {}})], PATIENCE) is None


def refs(pods: list[JsonObject], **target: object) -> list[tuple[str, bool]]:
    whole: dict[str, object] = {"namespace": "default", "kind": JOB_KIND, "primary_container": "main", **target}
    return [(ref.name, ref.primary) for ref in pod_refs(pods, Target(**whole))]  # type: ignore[arg-type]


def test_a_pod_that_replaces_one_that_failed_counts_after_it() -> None:
    assert refs([pod("b", RUNNING, 5), pod("a", FAILED, 1)]) == [("a", True), ("b", True)]


def test_of_pods_side_by_side_one_counts() -> None:
    assert refs([pod("a", RUNNING), pod("b", RUNNING)]) == [("a", True), ("b", False)]


def test_completion_index_0_counts() -> None:
    index = "batch.kubernetes.io/job-completion-index"
    pods = [pod("a", RUNNING, labels={index: "1"}), pod("b", RUNNING, labels={index: "0"})]
    assert refs(pods) == [("b", True), ("a", False)]


def test_another_completion_index_counts_where_the_labels_say_so() -> None:
    index = "batch.kubernetes.io/job-completion-index"
    pods = [pod("a", RUNNING, labels={index: "0"}), pod("b", RUNNING, labels={index: "1"})]
    assert refs(pods, primary_labels={index: "1"}) == [("a", False), ("b", True)]


def test_the_master_of_a_training_job_counts() -> None:
    kind = KindRef("kubeflow.org/v1", "PyTorchJob")
    role = "training.kubeflow.org/job-role"
    pods = [pod("worker", RUNNING, labels={role: "worker"}), pod("master", RUNNING, 1, {role: "master"})]
    assert refs(pods, kind=kind) == [("worker", False), ("master", True)]


def test_primary_labels_of_the_experiment_come_before_those_of_the_kind() -> None:
    pods = [pod("a", RUNNING), pod("b", RUNNING, 0, {"role": "chief"})]
    assert refs(pods, primary_labels={"role": "chief"}) == [("a", False), ("b", True)]


def test_a_pod_that_has_not_started_has_nothing_to_read() -> None:
    assert refs([pod("a", UNSCHEDULABLE), pod("b", pod_status("Pending", waiting("ErrImagePull")))]) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "real"),
    [("tekton.dev/v1", "TaskRun", "step-train"), ("argoproj.io/v1alpha1", "Workflow", "main")],
)
def test_containers_have_the_names_that_the_manifest_gives_them(api_version: str, kind: str, real: str) -> None:
    target = Target("default", KindRef(api_version, kind), primary_container="train")
    found = pod("p", RUNNING, containers=(real,))
    (ref,) = pod_refs([found], target)
    assert ref.containers == ("train",)
    assert real_container(found, "train", target) == real


# Metrics in a file


def printed(resource: JsonObject, *paths: str) -> JsonObject:
    return with_printers(resource, JOB_PROFILE, "main", paths, "busybox")


SPEC = ("spec", "template", "spec")


def test_a_printer_shares_an_empty_volume_at_the_files_folder() -> None:
    whole = printed(job(), "/var/log/katib/metrics.log")
    (volume,) = get_list(whole, *SPEC, "volumes")
    (mount,) = get_list(whole, *SPEC, "containers", 0, "volumeMounts")
    (printer,) = get_list(whole, *SPEC, "initContainers")
    assert get(volume, "emptyDir") == {}
    assert get(mount, "mountPath") == "/var/log/katib"
    assert get(printer, "restartPolicy") == "Always"
    assert get(printer, "volumeMounts", 0, "readOnly") is True
    assert get(volume, "name") == get(mount, "name") == get(printer, "volumeMounts", 0, "name")


def test_a_printer_uses_the_volume_that_is_there_already() -> None:
    resource = job()
    container = get(resource, *SPEC, "containers", 0)
    assert isinstance(container, dict)
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data", "subPath": "mine"}]
    whole = printed(resource, "/data/deep/metrics.log")
    assert get(whole, *SPEC, "volumes") is None
    mount: JsonObject = {"name": "data", "mountPath": "/data", "subPath": "mine", "readOnly": True}
    assert get(whole, *SPEC, "initContainers", 0, "volumeMounts") == [mount]


def test_a_printer_finds_the_folder_that_variables_name() -> None:
    resource = job()
    container = get(resource, *SPEC, "containers", 0)
    assert isinstance(container, dict)
    variables: list[Json] = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "SECRET", "value": "s"},
        {"name": "PLACE", "value": "runs/$(POD)"},
    ]
    container["env"] = variables
    container["envFrom"] = [{"configMapRef": {"name": "more"}}]
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data", "subPathExpr": "$(PLACE)"}]
    printer = get(printed(resource, "/data/metrics.log"), *SPEC, "initContainers", 0)
    mount: JsonObject = {"name": "data", "mountPath": "/data", "subPathExpr": "$(PLACE)", "readOnly": True}
    assert get(printer, "volumeMounts") == [mount]
    assert get(printer, "env") == [variables[0], variables[2]]
    assert get(printer, "envFrom") is None
    container["env"] = variables[1:]
    assert get(printed(resource, "/data/metrics.log"), *SPEC, "initContainers", 0, "envFrom") == container["envFrom"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("missing\n", "the file /a/b was not there when the trial ended"),
        ("unreadable\n", "the file /a/b may not be read by user 1234, as whom it is printed: let the program make it"),
        ("\n", ""),
    ],
)
def test_a_printer_that_could_not_print_says_why_at_its_end(said: str, words: str) -> None:
    ended_printer: JsonObject = {"name": "trialmill-metrics", "state": ended(0, message=said)}
    found = pod("p", {"initContainerStatuses": [ended_printer]})
    spec: JsonObject = {"name": "trialmill-metrics", "securityContext": {"runAsUser": 1234}}
    found["spec"] = {"initContainers": [spec]}
    complaint = complaint_of(found, "trialmill-metrics", "/a/b")
    assert complaint.startswith(words)
    assert bool(complaint) == bool(words)


def test_a_printer_asks_for_nothing_that_pod_security_restricted_forbids() -> None:
    context = get(printed(job(), "/a/b"), *SPEC, "initContainers", 0, "securityContext")
    assert get(context, "runAsNonRoot") is True
    assert get(context, "allowPrivilegeEscalation") is False
    assert get(context, "capabilities", "drop") == ["ALL"]
    assert get(context, "seccompProfile", "type") == "RuntimeDefault"


@pytest.mark.parametrize(
    ("resources", "guaranteed"),
    [
        ({"limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"}}, True),
        ({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "2", "memory": "1Gi"}}, True),
        ({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}, False),
        ({}, False),
    ],
)
def test_a_printer_leaves_a_pod_its_class_of_service(resources: JsonObject, guaranteed: bool) -> None:
    resource = job()
    container = get(resource, *SPEC, "containers", 0)
    assert isinstance(container, dict)
    container["resources"] = resources
    own = get(printed(resource, "/a/b"), *SPEC, "initContainers", 0, "resources")
    assert (get(own, "requests") == get(own, "limits")) is guaranteed


def test_a_printer_is_the_user_who_writes_the_file() -> None:
    resource = job()
    spec = get(resource, *SPEC)
    assert isinstance(spec, dict)
    spec["securityContext"] = {"runAsUser": 1234}
    assert get(printed(resource, "/a/b"), *SPEC, "initContainers", 0, "securityContext", "runAsUser") == 1234


def test_without_a_file_nothing_is_added() -> None:
    assert printed(job()) == job()


def test_the_root_of_a_container_cannot_be_shared() -> None:
    assert not can_print("/metrics.log")
    assert can_print("/logs/metrics.log")
