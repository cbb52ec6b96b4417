"""What servers say when they refuse, in their own words as Kubernetes 1.34 writes them, and where that is in a file."""

import pytest

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, format_path
from trialmill.kube.api import Cause, KubeError, UnknownKindError
from trialmill.runtime.kubernetes.refusals import placed_warning, problems_of, without_repetition
from trialmill.runtime.kubernetes.rehearsal import unknown_kind

PLACE = ("spec", "template")
POD: JsonObject = {
    "spec": {
        "initContainers": [
            {"name": "fetch"},
            {"name": "trialmill-metrics", "resources": {"requests": {"memory": "16Mi"}}},
        ],
        "containers": [
            {"name": "side", "resources": {"requests": {"cpu": "1"}}},
            {"name": "train", "resources": {"limits": {"cpu": "3", "memory": "1Gi"}}},
        ],
    }
}
TRAIN = "spec.template.spec.containers[1]"


def of_a_pod(said: str, *, status: int = 403) -> Problem:
    (problem,) = problems_of(KubeError(status, "Forbidden", said), "team", PLACE, Severity.ERROR, POD)
    return problem


@pytest.mark.parametrize(
    ("said", "path", "remedy"),
    [
        pytest.param(
            'error looking up service account team/nosuch: serviceaccount "nosuch" not found',
            "spec.template.spec.serviceAccountName",
            "create it: kubectl create serviceaccount nosuch -n team",
            id="no service account",
        ),
        pytest.param(
            "no PriorityClass with name high was found",
            "spec.template.spec.priorityClassName",
            "kubectl get priorityclasses lists those that there are",
            id="no priority class",
        ),
        pytest.param(
            'pod rejected: RuntimeClass "gvisor" not found',
            "spec.template.spec.runtimeClassName",
            "kubectl get runtimeclasses lists those that there are",
            id="no runtime class",
        ),
        pytest.param(
            "failed quota: q: must specify limits.cpu for: train; requests.memory for: train",
            TRAIN,
            "give it resources.limits.cpu and resources.requests.memory",
            id="a quota of what it does not ask for",
        ),
        pytest.param(
            "maximum cpu usage per Container is 500m, but limit is 3",
            f"{TRAIN}.resources.limits.cpu",
            "kubectl describe limitrange shows what is allowed",
            id="more than one container may have",
        ),
        pytest.param(
            "minimum memory usage per Container is 20Mi, but request is 16Mi",
            "spec.template",
            "it is the container that prints the file of metrics which asks for that: have the limit changed, or print "
            "metrics to standard output and use the collector StdOut",
            id="less than one container may have, which is ours",
        ),
        pytest.param(
            "minimum memory usage per Container is 2Gi, but limit is 1Gi",
            f"{TRAIN}.resources.limits.memory",
            "kubectl describe limitrange shows what is allowed",
            id="less than one container may have, which is theirs",
        ),
        pytest.param(
            'violates PodSecurity "restricted:latest": unrestricted capabilities (container "train" must set x)',
            TRAIN,
            "set what it names in securityContext, or use a namespace of another level",
            id="Pod Security of a container",
        ),
        pytest.param(
            'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
            "spec.template",
            "set what it names in securityContext, or use a namespace of another level",
            id="Pod Security of the pod",
        ),
        pytest.param("no reason that is known here", "spec.template", "", id="anything else"),
    ],
)
def test_what_admission_says_of_a_pod_is_at_its_field_with_a_remedy(said: str, path: str, remedy: str) -> None:
    problem = of_a_pod(f'pods "e-00000000" is forbidden: {said}')
    assert (problem.code, problem.path, problem.remedy) == ("forbidden", path, remedy)
    assert problem.message == f"the cluster refuses such pods: {said}"


def test_the_name_of_a_sample_is_left_out() -> None:
    error = KubeError(422, "Invalid", 'jobs.batch "e-00000000" is forbidden: denied request: each Job names its owner')
    (problem,) = problems_of(error, "team", (), Severity.ERROR)
    assert problem.message == "the cluster refuses this: denied request: each Job names its owner"


def exceeded(requested: str, limited: str) -> Problem:
    said = f"exceeded quota: q, requested: {requested}, used: {requested}, limited: {limited}"
    return of_a_pod(f'pods "e-00000000" is forbidden: {said}')


@pytest.mark.parametrize(
    ("requested", "limited", "code", "path"),
    [
        ("limits.cpu=3", "limits.cpu=2", "quota-too-small", f"{TRAIN}.resources.limits.cpu"),
        (
            "requests.cpu=4",
            "requests.cpu=2",
            "quota-too-small",
            f"{TRAIN}.resources.limits.cpu",
        ),
        ("memory=1Gi", "memory=1Mi", "quota-too-small", f"{TRAIN}.resources.limits.memory"),
        ("pods=1,limits.cpu=3", "pods=9,limits.cpu=2", "quota-too-small", f"{TRAIN}.resources.limits.cpu"),
        ("limits.cpu=3", "limits.cpu=4", "quota-used-up", f"{TRAIN}.resources.limits.cpu"),
        ("pods=1", "pods=3", "quota-used-up", "spec.template"),
    ],
    ids=[
        "a limit",
        "the larger of two, which is only limited and so requested as well",
        "memory, in the old words",
        "one of two",
        "used up",
        "a number of objects",
    ],
)
def test_a_quota_is_at_what_asks_for_most_of_it(requested: str, limited: str, code: str, path: str) -> None:
    problem = exceeded(requested, limited)
    assert (problem.code, problem.path) == (code, path)
    assert "e-00000000" not in problem.message


def test_a_quota_of_the_resources_themselves_is_at_their_kind() -> None:
    said = "exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=0, limited: count/jobs.batch=0"
    (problem,) = problems_of(KubeError(403, "Forbidden", said), "team", (), Severity.ERROR)
    assert (problem.code, problem.path) == ("quota-too-small", "kind")


def test_a_namespace_that_is_not_there_is_at_the_experiment_s_own() -> None:
    error = KubeError(404, "NotFound", 'namespaces "team" not found')
    (problem,) = problems_of(error, "team", (), Severity.ERROR)
    assert (problem.code, problem.path) == ("no-namespace", "metadata.namespace")


def test_a_whole_object_is_not_quoted_and_what_follows_from_another_cause_is_left_out() -> None:
    causes = [
        Cause("spec.selector", "x", 'Invalid value: {"matchLabels":{"a":"b"}}: `selector` not auto-generated'),
        Cause(
            "spec.template.metadata.labels",
            "x",
            'Invalid value: {"c":"d"}: `selector` does not match template `labels`',
        ),
        Cause("spec.backoffLimit", "x", "Invalid value: -1: must be greater than or equal to 0"),
    ]
    error = KubeError(422, "Invalid", "no", causes=causes)
    selector, limit = problems_of(error, "team", (), Severity.ERROR)
    assert (selector.path, selector.message) == (
        "spec.selector",
        "the cluster refuses this: `selector` not auto-generated",
    )
    assert "Invalid value: -1" in limit.message


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        pytest.param("Required value", "", id="Kubernetes' words"),
        pytest.param("Required value: name or image", ": name or image", id="words of its kind"),
        pytest.param("", "", id="no words"),
    ],
)
def test_what_is_missing_is_named(said: str, detail: str) -> None:
    causes = [Cause("spec.tasks[1].image", "FieldValueRequired", said)]
    (problem,) = problems_of(KubeError(422, "Invalid", "no", causes=causes), "team", PLACE, Severity.ERROR)
    assert (problem.code, problem.path) == ("required", f"{format_path(PLACE)}.spec.tasks[1].image")
    assert problem.message == f"the cluster requires image, which is missing or empty{detail}"


def test_an_item_of_a_list_that_is_not_whole_is_named_with_its_list() -> None:
    causes = [Cause("spec.volumes[0]", "FieldValueRequired", "Required value: must specify a volume type")]
    (problem,) = problems_of(KubeError(422, "Invalid", "no", causes=causes), "team", PLACE, Severity.ERROR)
    assert problem.message == "the cluster requires more of volumes[0]: must specify a volume type"


WOULD = Problem("cluster-warning", Severity.WARNING, 'would violate PodSecurity "x": y (container "train" must set z)')


def test_pods_that_are_refused_are_not_warned_of_as_well() -> None:
    refused = of_a_pod('violates PodSecurity "x": y (container "train" must set z)')
    other = Problem("cluster-warning", Severity.WARNING, "something else")
    assert without_repetition([WOULD, other, refused]) == [other, refused]
    assert without_repetition([WOULD, other]) == [WOULD, other]


def test_a_warning_of_pods_is_at_the_container_that_it_names() -> None:
    other = Problem("cluster-warning", Severity.WARNING, "something else")
    assert placed_warning(WOULD, [(PLACE, POD)]).path == TRAIN
    assert placed_warning(WOULD, []) == WOULD
    assert placed_warning(other, [(PLACE, POD)]) == other


@pytest.mark.parametrize(
    ("near", "similar", "remedy"),
    [
        ((), "Job", "did you mean Job?"),
        (("g/v1",), "", "write `apiVersion: g/v1`"),
        (("g/v1", "h/v1"), "Job", "write `apiVersion: g/v1`; it is in h/v1 as well"),
        ((), "", "install what defines it, or correct its name"),
    ],
)
def test_a_kind_that_is_not_there_comes_with_the_one_that_was_meant(
    near: tuple[str, ...], similar: str, remedy: str
) -> None:
    assert unknown_kind(UnknownKindError("batch/v1", "Jobb", near, similar)).remedy == remedy
