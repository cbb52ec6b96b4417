import pytest
from lowering_simulation import container, job, pod, problems_of

from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import Json, JsonObject
from trialmill.kinds.lowering import lower

INDEXED: JsonObject = {"completionMode": "Indexed", "completions": 3}


def with_container(**more: Json) -> JsonObject:
    return job(pod={"containers": [container("train", **more)]})


def with_volume(volume: JsonObject) -> JsonObject:
    return job(pod={"volumes": [{"name": "v", **volume}]})


def with_rule(rule: JsonObject, **spec: Json) -> JsonObject:
    return job({"podFailurePolicy": {"rules": [rule]}, **spec})


POD = "spec.template.spec"
TRAIN = f"{POD}.containers[0]"
ENV = f"{TRAIN}.env[0]"


@pytest.mark.parametrize(
    ("resource", "code", "path"),
    [
        pytest.param(job(pod={"containers": []}), "containers-missing", f"{POD}.containers", id="no containers"),
        pytest.param(job(pod={"containers": None}), "containers-missing", f"{POD}.containers", id="null containers"),
        pytest.param(
            job(pod={"containers": [container("a"), container("a")]}),
            "container-duplicate",
            f"{POD}.containers[1].name",
            id="two containers of one name",
        ),
        pytest.param(
            job(pod={"initContainers": [container("train")]}),
            "container-duplicate",
            f"{TRAIN}.name",
            id="an init container of the same name",
        ),
        pytest.param(job(pod={"containers": [{"image": "x"}]}), "container-name-missing", TRAIN, id="no name"),
        pytest.param(
            with_container(volumeMounts=[{"name": "no", "mountPath": "/x"}]),
            "volume-unknown",
            f"{TRAIN}.volumeMounts[0].name",
            id="unknown volume",
        ),
        pytest.param(with_container(command="python a.py"), "command-not-text", f"{TRAIN}.command", id="command text"),
        pytest.param(with_container(args=["--n", 3]), "command-not-text", f"{TRAIN}.args[1]", id="a number in args"),
        pytest.param(
            with_container(env=[{"name": "LR", "value": 0.1}]),
            "env-value-not-text",
            f"{ENV}.value",
            id="a number in env",
        ),
        pytest.param(with_container(env={"LR": "0.1"}), "list-expected", f"{TRAIN}.env", id="env as a mapping"),
        pytest.param(job(pod={"containers": {"a": {}}}), "list-expected", f"{POD}.containers", id="a mapping"),
        pytest.param(with_container(env=[{"value": "x"}]), "env-name-invalid", ENV, id="env without a name"),
        pytest.param(
            with_container(env=[{"name": "X", "valueFrom": {"fileRef": {}}}]),
            "env-source-unknown",
            f"{ENV}.valueFrom",
            id="unknown source of a variable",
        ),
        pytest.param(
            with_container(env=[{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]),
            "config-map-missing",
            f"{ENV}.valueFrom.configMapKeyRef",
            id="missing ConfigMap",
        ),
        pytest.param(
            with_container(env=[{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]),
            "field-ref-unknown",
            f"{ENV}.valueFrom.fieldRef.fieldPath",
            id="unknown field",
        ),
        pytest.param(
            with_container(resources={"limits": {"cpu": "two"}}),
            "quantity-invalid",
            f"{TRAIN}.resources.limits.cpu",
            id="no quantity",
        ),
        pytest.param(
            with_container(resources={"limits": {"cpu": 1}, "requests": {"cpu": "1001m"}}),
            "request-above-limit",
            f"{TRAIN}.resources.requests.cpu",
            id="request above limit",
        ),
        pytest.param(
            job(pod={"restartPolicy": "Always"}), "restart-policy-invalid", f"{POD}.restartPolicy", id="Job: Always"
        ),
        pytest.param(
            job(pod={"restartPolicy": None}), "restart-policy-invalid", f"{POD}.restartPolicy", id="Job: no policy"
        ),
        pytest.param(pod({"restartPolicy": "Always"}), "never-finishes", "spec.restartPolicy", id="Pod: Always"),
        pytest.param(pod({"restartPolicy": None}), "never-finishes", "spec.restartPolicy", id="Pod: no policy"),
        pytest.param(
            job({"completionMode": "Indexed"}), "completions-missing", "spec.completionMode", id="Indexed without count"
        ),
        pytest.param(job({"suspend": True}), "job-suspended", "spec.suspend", id="suspended"),
        pytest.param(job({"parallelism": 0}), "parallelism-zero", "spec.parallelism", id="parallelism 0"),
        pytest.param(job({"backoffLimit": -1}), "count-invalid", "spec.backoffLimit", id="negative count"),
        pytest.param(job({"completions": "3"}), "count-invalid", "spec.completions", id="count as text"),
        pytest.param(
            job({"backoffLimitPerIndex": 1}), "indexed-only", "spec.backoffLimitPerIndex", id="limit per index"
        ),
        pytest.param(
            with_rule({"action": "Explode"}), "policy-invalid", "spec.podFailurePolicy.rules[0].action", id="action"
        ),
        pytest.param(
            with_rule({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [0]}}),
            "policy-invalid",
            "spec.podFailurePolicy.rules[0].onExitCodes.values",
            id="exit code 0",
        ),
        pytest.param(
            job({**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "a"}]}}),
            "policy-invalid",
            "spec.successPolicy.rules[0].succeededIndexes",
            id="malformed indexes",
        ),
        pytest.param(
            with_volume({"configMap": {"name": "no"}}), "config-map-missing", f"{POD}.volumes[0].configMap", id="volume"
        ),
        pytest.param(
            with_volume({"emptyDir": {}, "hostPath": {"path": "/"}}),
            "volume-ambiguous",
            f"{POD}.volumes[0]",
            id="two types of one volume",
        ),
        pytest.param(with_volume({"hostPath": {}}), "host-path-missing", f"{POD}.volumes[0].hostPath.path", id="path"),
        pytest.param(
            with_volume({"downwardAPI": {"items": [{"path": "../x", "fieldRef": {"fieldPath": "metadata.name"}}]}}),
            "volume-path-invalid",
            f"{POD}.volumes[0].downwardAPI.items[0].path",
            id="a file outside of its volume",
        ),
    ],
)
def test_what_cannot_run_is_an_error_at_its_place(resource: JsonObject, code: str, path: str) -> None:
    assert [(p.code, p.path, p.severity) for p in problems_of(resource)] == [(code, path, Severity.ERROR)]


@pytest.mark.parametrize("kind", ["persistentVolumeClaim", "nfs", "csi", "ephemeral"])
def test_a_volume_that_one_machine_lacks_is_unavailable(kind: str) -> None:
    resource = with_volume({kind: {}})
    [problem] = problems_of(resource)
    assert problem.severity is Severity.UNAVAILABLE
    assert "'v'" in problem.message
    assert lower(resource, [], Problems()) is None


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (with_container(livenessProbe={"exec": {}}), f"{TRAIN}.livenessProbe"),
        (with_container(lifecycle={"preStop": {}}), f"{TRAIN}.lifecycle"),
        (job({"managedBy": "example.com/mine"}), "spec.managedBy"),
    ],
)
def test_what_has_no_effect_here_is_warned_of(resource: JsonObject, path: str) -> None:
    [problem] = problems_of(resource)
    assert (problem.severity, problem.code, problem.path) == (Severity.WARNING, "no-effect-here", path)


def test_what_does_not_change_a_run_is_accepted() -> None:
    resource = with_container(ports=[{"containerPort": 80}], securityContext={"runAsUser": 0}, readinessProbe={})
    assert problems_of(resource) == []


def test_a_missing_key_names_the_config_map_the_key_and_what_there_is() -> None:
    settings: JsonObject = {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "", "b": ""}}
    resource = with_container(env=[{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "lr"}}}])
    [problem] = problems_of(resource, settings)
    assert problem.message == "ConfigMap 'settings' has no key 'lr'."
    assert (problem.found, problem.expected) == ("lr", "a, b")


def test_problems_name_their_place_from_the_base() -> None:
    problems = Problems()
    lower(job({"suspend": True}), [], problems, ("spec", "trialTemplate", "trialSpec"))
    assert [p.path for p in problems] == ["spec.trialTemplate.trialSpec.spec.suspend"]


def test_all_problems_are_found_at_once() -> None:
    resource = job({"suspend": True, "backoffLimit": "x"}, {"restartPolicy": "Always", "containers": []})
    assert {p.code for p in problems_of(resource)} == {
        "job-suspended",
        "count-invalid",
        "restart-policy-invalid",
        "containers-missing",
    }


@pytest.mark.parametrize("kind", ["Deployment", "TFJob"])
def test_an_unknown_kind_is_unavailable(kind: str) -> None:
    [problem] = problems_of({"apiVersion": "apps/v1", "kind": kind})
    assert (problem.code, problem.severity, problem.path) == ("kind-not-local", Severity.UNAVAILABLE, "kind")
