"""Kinds, containers and conditions, beyond the Job of the good Experiment."""

import pytest
from check_samples import GOOD, check, edited

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import with_article
from trialmill.check.documents import check_documents
from trialmill.check.terms import Terms
from trialmill.kinds.profile import profile_of

_JOB = GOOD[GOOD.index("      apiVersion: batch/v1") :]
_POD = """\
      apiVersion: v1
      kind: Pod
      metadata:
        labels:
          role: training
      spec:
        restartPolicy: Never
        containers:
          - name: training
            image: mnist
            command: [python3, train.py, "--lr=${trialParameters.learningRate}"]
            args:
              - ${trialParameters.layers}
              - ${trialParameters.batch}
              - ${trialParameters.optimizer}
"""
_CONDITIONS = GOOD[GOOD.index("    successCondition") : GOOD.index("    trialParameters")]
_PRIMARY = GOOD[GOOD.index("    primaryContainerName") : GOOD.index("    successCondition")]


def _pod(*edits: tuple[str, str]) -> str:
    return edited((_JOB, _POD), (_CONDITIONS, ""), *edits)


def _found(problems: list[Problem]) -> list[tuple[str, Severity]]:
    return [(p.code, p.severity) for p in problems]


def test_a_pod_needs_no_conditions_but_katib_would_ask_for_them() -> None:
    checked, problems = check(_pod())

    pod = profile_of("v1", "Pod")
    assert pod is not None
    assert checked is not None
    assert (checked.policy.success, checked.policy.failure) == (pod.success, pod.failure)
    assert _found(problems) == [("no-condition", Severity.NOTE)]


def test_one_condition_is_made_up_by_that_of_the_profile() -> None:
    success = 'status.[@this].#(phase=="Succeeded")#'
    checked, problems = check(_pod((_PRIMARY, f"{_PRIMARY}    successCondition: {success}\n")))

    assert checked is not None
    assert "Failed" in str(checked.policy.failure)
    assert _found(problems) == [("no-condition", Severity.NOTE)]


def test_a_condition_in_other_words_is_played_through_like_any() -> None:
    fitting = "    successWhen: {jsonpath: '{.status.phase}', value: Succeeded}\n"
    _, problems = check(_pod((_PRIMARY, f"{_PRIMARY}{fitting}")))
    assert _found(problems) == [("no-condition", Severity.NOTE)]

    _, problems = check(_pod((_PRIMARY, f"{_PRIMARY}{fitting.replace('Succeeded', 'Done')}")))
    never = next(p for p in problems if p.code == "condition-never-met")
    assert (never.severity, never.path) == (Severity.ERROR, "spec.trialTemplate.successWhen")

    _, problems = check(_pod((_PRIMARY, f"{_PRIMARY}    failureWhen: {{jsonpath: '{{.status'}}\n")))
    wrong = next(p for p in problems if p.code == "invalid-condition")
    assert (wrong.severity, wrong.path) == (Severity.WARNING, "spec.trialTemplate.failureWhen.jsonpath")


@pytest.mark.parametrize("policy", ["        restartPolicy: Never\n", "Never"], ids=["left out", "Always"])
def test_a_pod_that_is_always_restarted_never_finishes(policy: str) -> None:
    _, problems = check(_pod((policy, "" if "\n" in policy else "Always")))

    assert ("never-finishes", Severity.ERROR) in _found(problems)


def test_the_only_container_need_not_be_named() -> None:
    checked, problems = check(_pod((_PRIMARY, "")))

    assert checked is not None
    assert checked.primary_container == "training"
    assert ("no-primary-container", Severity.NOTE) in _found(problems)


def test_several_containers_and_none_named_is_an_error_that_names_them() -> None:
    _, problems = check(edited(("    primaryContainerName: training\n", "")))

    assert [p.remedy for p in problems] == ["there are training, logger"]


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("kubeflow.org/v1", "TFJob"),
        ("kubeflow.org/v1", "PyTorchJob"),
        ("kubeflow.org/v1", "MPIJob"),
        ("argoproj.io/v1alpha1", "Workflow"),
        ("tekton.dev/v1", "PipelineRun"),
        ("example.org/v1", "Experimental"),
        ("batch.volcano.sh/v1alpha1", "Job"),
    ],
)
def test_a_kind_of_clusters_only_is_not_available_yet(api_version: str, kind: str) -> None:
    text = edited(("apiVersion: batch/v1\n      kind: Job", f"apiVersion: {api_version}\n      kind: {kind}"))

    _, problems = check(text)

    unavailable = [p for p in problems if p.severity is Severity.UNAVAILABLE]
    assert [p.path for p in unavailable] == ["spec.trialTemplate.trialSpec.kind"]
    assert f"{with_article(kind)} of {api_version} runs on a cluster only" in unavailable[0].message


@pytest.mark.parametrize(
    ("api_version", "kind"), [("apps/v1", "Deployment"), ("batch/v1", "CronJob"), ("v1", "Service")]
)
def test_a_kind_that_runs_for_ever_is_no_trial(api_version: str, kind: str) -> None:
    _, problems = check(edited(("batch/v1\n      kind: Job", f"{api_version}\n      kind: {kind}")))

    assert ("never-finishes", Severity.ERROR) in _found(problems)


def test_a_label_that_a_controller_adds_may_be_asked_for() -> None:
    label = "batch.kubernetes.io/job-completion-index: '0'"
    _, problems = check(edited(("      role: training", f"      {label}")))

    assert problems == []


def test_a_container_named_by_a_placeholder_may_be_the_primary_one() -> None:
    _, problems = check(edited(("- name: training", "- name: ${trialParameters.optimizer}")))

    assert "unknown-container" not in [p.code for p in problems]


def test_a_large_job_is_not_rehearsed() -> None:
    sizes = "backoffLimit: 0\n        completions: 100000\n        parallelism: 100000"
    _, problems = check(edited(("backoffLimit: 0", sizes), ("Complete", "Completed")))

    assert problems == []


def test_a_condition_may_be_another_way_to_see_the_same_end() -> None:
    other = 'successCondition: status.conditions.#(type=="SuccessCriteriaMet")#'
    _, problems = check(edited(('successCondition: status.conditions.#(type=="Complete")#|#(status=="True")#', other)))

    assert problems == []


def test_a_train_job_whose_pods_are_described_elsewhere_has_the_usual_primary_container() -> None:
    spec = "spec: {runtimeRef: {name: torch}, trainer: {args: ['--lr=${trialParameters.learningRate}']}}"
    text = GOOD[: GOOD.index("    trialParameters:")].replace(_PRIMARY, "") + (
        "    trialParameters: [{name: learningRate, reference: lr}]\n"
        f"    trialSpec: {{apiVersion: trainer.kubeflow.org/v1alpha1, kind: TrainJob, {spec}}}\n"
    )
    assert "primaryContainerName" not in text
    _, problems = check(text)
    assert not [p for p in problems if p.path.endswith("primaryContainerName")]


@pytest.mark.parametrize(("seconds", "warns"), [(60, True), (3600, False)])
def test_a_resource_that_is_deleted_soon_after_its_end_is_warned_of_where_a_cluster_does_that(
    seconds: int, warns: bool
) -> None:
    text = edited(("        template:\n", f"        ttlSecondsAfterFinished: {seconds}\n        template:\n"))
    for on_cluster in (True, False):
        problems: list[Problem] = []
        check_documents(load_documents(text.encode(), "e.yaml", problems), problems, Terms(on_cluster=on_cluster))
        found = [p for p in problems if p.code == "short-ttl"]
        assert [p.severity for p in found] == ([Severity.WARNING] if warns and on_cluster else [])


@pytest.mark.parametrize(
    ("api_version", "kind", "field"),
    [
        ("jobset.x-k8s.io/v1alpha2", "JobSet", "ttlSecondsAfterFinished: 60"),
        ("kubeflow.org/v1", "PyTorchJob", "runPolicy: {ttlSecondsAfterFinished: 60}"),
        ("argoproj.io/v1alpha1", "Workflow", "ttlStrategy: {secondsAfterCompletion: 60}"),
        ("argoproj.io/v1alpha1", "Workflow", "ttlStrategy: {secondsAfterSuccess: 60}"),
        ("argoproj.io/v1alpha1", "Workflow", "ttlStrategy: {secondsAfterFailure: 60, secondsAfterSuccess: 7200}"),
        ("sparkoperator.k8s.io/v1beta2", "SparkApplication", "timeToLiveSeconds: 60"),
    ],
)
def test_each_kind_has_its_own_word_for_when_it_is_deleted(api_version: str, kind: str, field: str) -> None:
    text = GOOD[: GOOD.index("    trialParameters:")] + (
        "    trialParameters: [{name: learningRate, reference: lr}]\n"
        f"    trialSpec: {{apiVersion: {api_version}, kind: {kind}, spec: {{{field}}}}}\n"
    )
    problems: list[Problem] = []
    check_documents(load_documents(text.encode(), "e.yaml", problems), problems, Terms(on_cluster=True))
    (found,) = [p for p in problems if p.code == "short-ttl"]
    assert found.path.endswith(field.partition(": ")[0] if "{" not in field else field.split("{")[1].partition(":")[0])
    assert "is deleted 60 s after its end" in found.message


def test_a_ray_job_that_deletes_its_cluster_is_not_deleted_itself() -> None:
    text = GOOD[: GOOD.index("    trialParameters:")] + (
        "    trialParameters: [{name: learningRate, reference: lr}]\n"
        "    trialSpec: {apiVersion: ray.io/v1, kind: RayJob, spec: {ttlSecondsAfterFinished: 60}}\n"
    )
    problems: list[Problem] = []
    check_documents(load_documents(text.encode(), "e.yaml", problems), problems, Terms(on_cluster=True))
    assert not [p for p in problems if p.code == "short-ttl"]
