"""The life of a resource of each kind: what the verdict on it is in each situation."""

from dataclasses import dataclass, field, replace

import pytest
from verdict_samples import NEW, SEEN, P, condition, conditions, policy_for, resource

from trialmill.api.tree import Json, JsonObject, Path
from trialmill.api.verdict import Verdict, VerdictMemory
from trialmill.kinds.profile import KindProfile, all_profiles
from trialmill.kinds.verdict import Policy, judge


@dataclass(frozen=True)
class Life:
    """The statuses of a kind. `pending` says that it has not begun. `both` has a success and a failure in one status,
    where it has room for two; of a kind with `phases` neither is a condition, and no generation is known.
    """

    running: JsonObject
    success: JsonObject
    failure: JsonObject
    pending: JsonObject = field(default_factory=dict)
    both: JsonObject | None = None
    phases: bool = False


def by_conditions(running: JsonObject, success: str, failure: str = "Failed") -> Life:
    return Life(
        {"startTime": "2026-01-01T00:00:00Z", **running},
        conditions(condition(success)),
        conditions(condition(failure)),
        both=conditions(condition(success), condition(failure)),
    )


def by_phases(pending: str, running: str, success: str, failure: str, *, key: str = "phase", under: str = "") -> Life:
    """Statuses of one word; `under` is the object that holds it where that is not the status itself."""

    def status(word: str) -> JsonObject:
        if not word:
            return {}
        return {under: {key: word}} if under else {key: word}

    return Life(status(running), status(success), status(failure), pending=status(pending), phases=True)


def trained() -> Life:
    """A job of the training operator."""
    begun = conditions(condition("Created"), condition("Running"))
    life = by_conditions(begun, "Succeeded")
    return replace(life, success=conditions(condition("Running", "False"), condition("Succeeded")))


def run_by_tekton() -> Life:
    return Life(
        conditions(condition("Succeeded", "Unknown")),
        conditions(condition("Succeeded")),
        conditions(condition("Succeeded", "False")),
        both=conditions(condition("Succeeded"), condition("Succeeded", "False")),
    )


LIVES: dict[str, Life] = {
    "batch/Job": Life(
        # These two say what will be, while pods still run.
        {"active": 1, **conditions(condition("SuccessCriteriaMet"), condition("FailureTarget"))},
        conditions(condition("SuccessCriteriaMet"), condition("Complete")),
        conditions(condition("FailureTarget"), condition("Failed")),
        both=conditions(condition("Complete"), condition("Failed")),
    ),
    "/Pod": by_phases("Pending", "Running", "Succeeded", "Failed"),
    "kubeflow.org/TFJob": trained(),
    "kubeflow.org/PyTorchJob": trained(),
    "kubeflow.org/XGBoostJob": trained(),
    "kubeflow.org/MPIJob": trained(),
    "kubeflow.org/PaddleJob": trained(),
    "kubeflow.org/JAXJob": trained(),
    "trainer.kubeflow.org/TrainJob": by_conditions(conditions(condition("Suspended", "False")), "Complete"),
    "jobset.x-k8s.io/JobSet": by_conditions(conditions(condition("StartupPolicyCompleted")), "Completed"),
    "tekton.dev/TaskRun": run_by_tekton(),
    "tekton.dev/PipelineRun": run_by_tekton(),
    "argoproj.io/Workflow": by_phases("Pending", "Running", "Succeeded", "Error"),
    "ray.io/RayJob": Life(
        {"jobDeploymentStatus": "Running", "jobStatus": "SUCCEEDED"},  # its own state alone ends nothing
        {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"},
        {"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"},
        both={"jobDeploymentStatus": "Failed", "jobStatus": "SUCCEEDED"},
        phases=True,
    ),
    "sparkoperator.k8s.io/SparkApplication": by_phases(
        "", "PENDING_RERUN", "COMPLETED", "SUBMISSION_FAILED", key="state", under="applicationState"
    ),
    "workload.codeflare.dev/AppWrapper": Life(
        {"phase": "Succeeded", **conditions(condition("ResourcesDeployed"))},  # what it wrapped is still there
        {"phase": "Succeeded", **conditions(condition("ResourcesDeployed", "False"))},
        {"phase": "Failed", **conditions(condition("ResourcesDeployed", "False"))},
    ),
    "batch.volcano.sh/Job": by_phases("Pending", "Running", "Completed", "Aborted", under="state"),
}
FINITE = {f"{p.group}/{p.kind}": p for p in all_profiles() if p.finite}
OTHERS: dict[str, tuple[Policy, Life]] = {
    "an unknown kind with conditions": (
        Policy(),
        by_conditions(conditions(condition("Ready")), "Completed", "Stalled"),
    ),
    "an unknown kind with a phase": (Policy(), by_phases("", "ACTIVE", "FINISHED", "Timed_Out", key="state")),
    "an unknown kind with a phase below its state": (
        Policy(),
        by_phases("", "Busy", "completed", "Killed", under="state"),
    ),
    "a user's condition": (
        Policy('status.conditions.#(type=="Trained")', "status.[@this].#(code!=0)#"),
        Life(
            conditions(condition("Complete")),
            {"code": 0, **conditions(condition("Trained"))},
            {"code": 3, **conditions(condition("Complete"))},
            both={"code": 3, **conditions(condition("Trained"))},
        ),
    ),
}
DELETED = "2026-01-01T00:00:00Z"
ENDED = VerdictMemory("u1", Verdict(P.SUCCEEDED))


def at(path: Path, value: Json) -> JsonObject:
    """A tree with one leaf."""
    for step in reversed(path):
        value = {str(step): value}
    assert isinstance(value, dict)
    return value


def situations(life: Life, suspend: Path) -> dict[str, tuple[Json, VerdictMemory, P]]:
    """For each the resource, what was seen before, and the phase that follows."""
    suspended = {**resource(life.running), **at(suspend, True)}
    newer: JsonObject = {**life.success, "observedGeneration": 1}
    found: dict[str, tuple[Json, VerdictMemory, P]] = {
        "not there yet": (None, NEW, P.PENDING),
        "fresh": (resource(), NEW, P.PENDING),
        "pending": (resource(life.pending), SEEN, P.PENDING),
        "running": (resource(life.running), SEEN, P.RUNNING),
        "suspended": (suspended, SEEN, P.SUSPENDED),
        "success": (resource(life.success), SEEN, P.SUCCEEDED),
        "success of one that is suspended": ({**resource(life.success), **at(suspend, True)}, SEEN, P.SUCCEEDED),
        "failure": (resource(life.failure), SEEN, P.FAILED),
        "success while being deleted": (resource(life.success, deletionTimestamp=DELETED), SEEN, P.SUCCEEDED),
        "failure while being deleted": (resource(life.failure, deletionTimestamp=DELETED), SEEN, P.FAILED),
        "being deleted": (resource(life.running, deletionTimestamp=DELETED), SEEN, P.TERMINATING),
        "deleted after success": (None, ENDED, P.SUCCEEDED),
        "made anew after success": (resource(life.running, uid="u2"), ENDED, P.SUCCEEDED),
        "replaced": (resource(life.success, uid="u2"), SEEN, P.LOST),
        "lost": (None, SEEN, P.LOST),
        "generation that is seen": (resource({**newer, "observedGeneration": 2}, generation=2), SEEN, P.SUCCEEDED),
        "stale generation": (resource(newer, generation=2), SEEN, P.SUCCEEDED if life.phases else P.RUNNING),
    }
    if life.both is not None:
        found["both"] = (resource(life.both), SEEN, P.FAILED)
    return found


def cases() -> dict[str, tuple[Policy, Json, VerdictMemory, P]]:
    kinds = {name: (Policy(profile=FINITE[name]), life) for name, life in LIVES.items() if name in FINITE}
    return {
        f"{name}: {situation}": (policy, *case)
        for name, (policy, life) in {**kinds, **OTHERS}.items()
        for situation, case in situations(life, _suspend_path(policy.profile)).items()
    }


def _suspend_path(profile: KindProfile | None) -> Path:
    return profile.suspend_path if profile and profile.suspend_path else ("spec", "suspend")


CASES = cases()


def test_the_life_of_each_kind_that_ends_is_in_the_table() -> None:
    assert LIVES.keys() == FINITE.keys()


@pytest.mark.parametrize(("policy", "tree", "memory", "phase"), CASES.values(), ids=CASES)
def test_each_kind_in_each_situation(policy: Policy, tree: Json, memory: VerdictMemory, phase: P) -> None:
    assert judge(tree, policy, memory).phase is phase


ENDLESS = {f"{p.group}/{p.kind}": p for p in all_profiles() if not p.finite}
LOOKS_OVER: dict[str, JsonObject] = {
    "ready": conditions(condition("Ready"), condition("Available")),
    "complete": conditions(condition("Complete")),
    "failed": conditions(condition("Failed")),
    "a phase that is an end elsewhere": {"phase": "Succeeded"},
    "counters": {"replicas": 1, "readyReplicas": 1, "succeeded": 1, "active": 0},
}


@pytest.mark.parametrize("status", LOOKS_OVER.values(), ids=LOOKS_OVER)
@pytest.mark.parametrize("profile", ENDLESS.values(), ids=ENDLESS)
def test_a_kind_that_never_ends_only_runs_whatever_its_status_says(profile: KindProfile, status: JsonObject) -> None:
    assert judge(resource(status), Policy(profile=profile), SEEN).phase is P.RUNNING


@pytest.mark.parametrize("profile", ENDLESS.values(), ids=ENDLESS)
def test_a_kind_that_never_ends_is_pending_going_away_and_lost_as_any_other(profile: KindProfile) -> None:
    policy = Policy(profile=profile)
    assert judge(resource(), policy, NEW).phase is P.PENDING
    assert judge(resource({"replicas": 1}, deletionTimestamp=DELETED), policy, SEEN).phase is P.TERMINATING
    assert judge(None, policy, SEEN).phase is P.LOST


@pytest.mark.parametrize("profile", ENDLESS.values(), ids=ENDLESS)
def test_a_kind_that_never_ends_ends_by_the_conditions_of_its_user(profile: KindProfile) -> None:
    policy = Policy('status.conditions.#(type=="Fitted")#', "status.[@this].#(code!=0)#", profile)
    assert judge(resource(conditions(condition("Fitted"))), policy, SEEN).phase is P.SUCCEEDED
    assert judge(resource({"code": 1}), policy, SEEN).phase is P.FAILED


# Words that a kind has beside those of its life.
WORDS: dict[str, tuple[str, str, JsonObject, P]] = {
    "a Pod of a node that is gone": ("v1", "Pod", {"phase": "Unknown"}, P.RUNNING),
    "an Argo Workflow that failed": ("argoproj.io/v1alpha1", "Workflow", {"phase": "Failed"}, P.FAILED),
    "a RayJob that is tried again": ("ray.io/v1", "RayJob", {"jobDeploymentStatus": "Retrying"}, P.RUNNING),
    "a RayJob that waits": ("ray.io/v1", "RayJob", {"jobDeploymentStatus": "Waiting"}, P.RUNNING),
    "a RayJob that is refused": ("ray.io/v1", "RayJob", {"jobDeploymentStatus": "ValidationFailed"}, P.FAILED),
    "a Spark application that fails and is tried again": (
        "sparkoperator.k8s.io/v1beta2",
        "SparkApplication",
        {"applicationState": {"state": "FAILING"}},
        P.RUNNING,
    ),
    "a Spark application whose executors end": (
        "sparkoperator.k8s.io/v1beta2",
        "SparkApplication",
        {"applicationState": {"state": "SUCCEEDING"}},
        P.RUNNING,
    ),
    "a Spark application that failed": (
        "sparkoperator.k8s.io/v1beta2",
        "SparkApplication",
        {"applicationState": {"state": "FAILED"}},
        P.FAILED,
    ),
    "a Volcano Job that failed": ("batch.volcano.sh/v1alpha1", "Job", {"state": {"phase": "Failed"}}, P.FAILED),
    "a Volcano Job that was ended": ("batch.volcano.sh/v1alpha1", "Job", {"state": {"phase": "Terminated"}}, P.FAILED),
    "an AppWrapper that failed and is still deployed": (
        "workload.codeflare.dev/v1beta2",
        "AppWrapper",
        {"phase": "Failed", **conditions(condition("ResourcesDeployed"))},
        P.RUNNING,
    ),
    "a JobSet that is suspended by a condition": (
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
        conditions(condition("Suspended")),
        P.SUSPENDED,
    ),
}


@pytest.mark.parametrize(("api_version", "kind", "status", "phase"), WORDS.values(), ids=WORDS)
def test_a_word_of_a_kind_means(api_version: str, kind: str, status: JsonObject, phase: P) -> None:
    assert judge(resource(status), policy_for(api_version, kind), SEEN).phase is phase
