import base64

import pytest
from lowering_simulation import container, job, lowered, pod, problems_of

from trialmill.api.tree import Json, JsonObject
from trialmill.kinds.lowering.environment import expand
from trialmill.kinds.lowering.quantities import NANO, parse_quantity
from trialmill.kinds.plan import Container, Mount, PodId, Volume, VolumeKind

FIRST = PodId(0, 0)
SETTINGS: JsonObject = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings"},
    "data": {"LR": "0.1", "app.yaml": "a: 1"},
    "binaryData": {"blob": base64.b64encode(b"\xff\x00").decode()},
}
TOKEN: JsonObject = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "token", "namespace": "default"},
    "data": {"key": base64.b64encode(b"s3cret").decode()},
    "stringData": {"user": "me"},
}


def resolved(resource: JsonObject, *companions: JsonObject, pod_id: PodId = FIRST) -> Container:
    return lowered(resource, *companions).pod(pod_id).containers[0]


def environment(resource: JsonObject, *companions: JsonObject, pod_id: PodId = FIRST) -> dict[str, str]:
    found = dict(resolved(resource, *companions, pod_id=pod_id).env)
    del found["HOSTNAME"]
    return found


def with_env(*entries: Json, **more: Json) -> JsonObject:
    return pod({"containers": [container("train", env=list(entries), **more)]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$(A)$(B)", "12"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(C)", "$(C)"),
        ("$A $ $(A", "$A $ $(A"),
        ("$()", "$()"),
        ("a$$b", "a$b"),
        ("$($(A))", "$($(A))"),
        ("$(A\n)", "$(A\n)"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_a_variable_sees_those_declared_before_it_and_commands_see_all() -> None:
    entries: list[Json] = [
        {"name": "LATE", "value": "$(LR)"},
        {"name": "LR", "value": "0.1"},
        {"name": "ARGS", "value": "--lr=$(LR)"},
    ]
    made = resolved(with_env(*entries, command=["run", "$(ARGS)"], args=["$(LATE)", "$(NOPE)"]))
    assert made.env[:3] == (("LATE", "$(LR)"), ("LR", "0.1"), ("ARGS", "--lr=0.1"))
    assert made.command == ("run", "--lr=0.1")
    assert made.args == ("$(LR)", "$(NOPE)")


def test_whole_sources_come_first_with_their_prefix_and_entries_override_them() -> None:
    resource = with_env(
        {"name": "C_LR", "value": "2$(C_LR)"},
        envFrom=[
            {"prefix": "C_", "configMapRef": {"name": "settings"}},
            {"secretRef": {"name": "token"}},
            {"configMapRef": {"name": "absent", "optional": True}},
        ],
    )
    assert environment(resource, SETTINGS, TOKEN) == {
        "C_LR": "20.1",
        "C_app.yaml": "a: 1",
        "key": "s3cret",
        "user": "me",
    }


def test_single_keys_are_taken_as_they_are() -> None:
    dollars: JsonObject = {"kind": "ConfigMap", "metadata": {"name": "raw"}, "data": {"k": "$(A) $$"}}
    source: JsonObject = {"configMapKeyRef": {"name": "raw", "key": "k"}}
    secret: JsonObject = {"secretKeyRef": {"name": "token", "key": "key"}}
    absent: JsonObject = {"secretKeyRef": {"name": "token", "key": "no", "optional": True}}
    resource = with_env(
        {"name": "A", "value": "1"},
        {"name": "RAW", "valueFrom": source},
        {"name": "KEY", "valueFrom": secret},
        {"name": "ABSENT", "valueFrom": absent},
    )
    assert environment(resource, dollars, TOKEN) == {"A": "1", "RAW": "$(A) $$", "KEY": "s3cret"}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("metadata.name", "trial-1"),
        ("metadata.namespace", "default"),
        ("metadata.labels['team']", "vision"),
        ("metadata.annotations['no']", ""),
        ("spec.nodeName", "localhost"),
        ("spec.serviceAccountName", "default"),
        ("status.podIP", "127.0.0.1"),
        ("status.hostIP", "127.0.0.1"),
    ],
)
def test_a_container_can_ask_about_its_pod(field: str, expected: str) -> None:
    resource = with_env({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": field}}})
    resource["metadata"] = {"name": "trial-1", "labels": {"team": "vision"}}
    assert environment(resource)["X"] == expected


@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "1m", "1500"),
        ("requests.cpu", "1m", "250"),
        ("limits.memory", "1Mi", "1024"),
        ("requests.memory", None, str(2**30)),
        ("requests.ephemeral-storage", None, "0"),
    ],
)
def test_a_container_can_ask_about_its_resources(resource: str, divisor: str | None, expected: str) -> None:
    reference: JsonObject = {"resource": resource}
    if divisor:
        reference["divisor"] = divisor
    amounts: JsonObject = {"limits": {"cpu": "1500m", "memory": "1Gi"}, "requests": {"cpu": "250m"}}
    made = with_env({"name": "X", "valueFrom": {"resourceFieldRef": reference}}, resources=amounts)
    assert environment(made)["X"] == expected


def test_pods_of_a_job_carry_the_controllers_labels() -> None:
    keys = ["job-name", "batch.kubernetes.io/job-name", "controller-uid"]
    entries: list[Json] = [
        {"name": key, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{key}']"}}} for key in keys
    ]
    resource = job(pod={"containers": [container("train", env=entries)]})
    resource["metadata"] = {"name": "trial-1", "uid": "u-1"}
    assert list(environment(resource).values()) == ["trial-1", "trial-1", "u-1"]


def test_pods_of_an_indexed_job_know_their_index() -> None:
    source: JsonObject = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-completion-index']"}}
    entries: list[Json] = [{"name": "LABEL", "valueFrom": source}]
    resource = job(
        {"completionMode": "Indexed", "completions": 4},
        {"containers": [container("train", env=entries, args=["--index=$(JOB_COMPLETION_INDEX)"])]},
    )
    made = resolved(resource, pod_id=PodId(3, 1))
    assert dict(made.env) == {"LABEL": "3", "JOB_COMPLETION_INDEX": "3", "HOSTNAME": "trial-1-3"}
    assert made.args == ("--index=3",)


def test_volumes_hold_what_their_sources_say() -> None:
    volumes: list[Json] = [
        {"name": "scratch", "emptyDir": {}},
        {"name": "data", "hostPath": {"path": "/data"}},
        {"name": "all", "configMap": {"name": "settings"}},
        {"name": "some", "secret": {"secretName": "token", "items": [{"key": "key", "path": "auth/key"}]}},
        {
            "name": "both",
            "projected": {"sources": [{"configMap": {"name": "settings"}}, {"secret": {"name": "token"}}]},
        },
        {"name": "me", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "none", "configMap": {"name": "absent", "optional": True}},
    ]
    resource = pod({"volumes": volumes})
    resource["metadata"] = {"name": "trial-1", "labels": {"b": 'say "x"', "a": "1"}}
    settings = {"LR": b"0.1", "app.yaml": b"a: 1", "blob": b"\xff\x00"}
    assert lowered(resource, SETTINGS, TOKEN).pod(PodId(0, 0)).volumes == (
        Volume("scratch", VolumeKind.EMPTY_DIR),
        Volume("data", VolumeKind.HOST_PATH, "/data"),
        Volume("all", VolumeKind.FILES, files=settings),
        Volume("some", VolumeKind.FILES, files={"auth/key": b"s3cret"}),
        Volume("both", VolumeKind.FILES, files={**settings, "key": b"s3cret", "user": b"me"}),
        Volume("me", VolumeKind.FILES, files={"labels": b'a="1"\nb="say \\"x\\""'}),
        Volume("none", VolumeKind.FILES),
    )


def test_mounts_name_volume_path_and_sub_path() -> None:
    mounts: list[Json] = [
        {"name": "scratch", "mountPath": "/tmp/a", "subPath": "x", "readOnly": True},
        {"name": "scratch", "mountPath": "/tmp/b", "subPathExpr": "$(RUN)/out"},
    ]
    made = container("train", env=[{"name": "RUN", "value": "r1"}], volumeMounts=mounts)
    resource = pod({"volumes": [{"name": "scratch", "emptyDir": {}}], "containers": [made]})
    assert resolved(resource).mounts == (
        Mount("scratch", "/tmp/a", "x", read_only=True),
        Mount("scratch", "/tmp/b", "r1/out"),
    )


def test_a_companion_of_another_namespace_is_not_seen() -> None:
    elsewhere: JsonObject = {**TOKEN, "metadata": {"name": "token", "namespace": "other"}}
    resource = with_env(envFrom=[{"secretRef": {"name": "token"}}])
    assert [p.code for p in problems_of(resource, elsewhere)] == ["secret-missing"]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("500m", NANO // 2),
        ("1.5", 3 * NANO // 2),
        (".5", NANO // 2),
        ("2.", 2 * NANO),
        (2, 2 * NANO),
        (0.25, NANO // 4),
        ("1e3", 1000 * NANO),
        ("1E3", 1000 * NANO),
        ("1E", 10**18 * NANO),
        ("1Gi", 2**30 * NANO),
        ("1.5Ki", 1536 * NANO),
        ("1k", 1000 * NANO),
        ("0.1n", 1),
        ("-1", -NANO),
        ("1 Gi", None),
        ("1GB", None),
        ("", None),
        (True, None),
        (None, None),
    ],
)
def test_quantities_are_read_exactly(text: Json, amount: int | None) -> None:
    assert parse_quantity(text) == amount
