"""What a template may be made of."""

import datetime
import decimal
import enum
import pathlib
from typing import Any

import numpy
import pydantic
import pytest
from kubernetes import client
from pydantic.alias_generators import to_camel
from sdk_samples import SPACE, container_of, errors_of, job, sample

from trialmill import Placeholder, param, trial
from trialmill.api.problem import Problems
from trialmill.sdk.trees import tree_of


class Colour(str, enum.Enum):  # noqa: UP042 - what older programs have
    RED = "red"


class Resources(pydantic.BaseModel):
    limits: dict[str, str] | None = None


class Container(pydantic.BaseModel):
    name: str
    image: str
    command: list[str]
    resources: Resources | None = None


class Spec(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)

    restart_policy: str = "Never"
    containers: list[Container]
    termination_grace_period_seconds: int | Placeholder | None = None


class Pod(pydantic.BaseModel):
    apiVersion: str = "v1"  # noqa: N815 - a field of Kubernetes
    kind: str = "Pod"
    spec: Spec


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ((1, [2.5, None]), [1, [2.5, None]]),
        (Colour.RED, "red"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (decimal.Decimal("0.10"), "0.10"),
        (pathlib.PurePosixPath("/data"), "/data"),
        (numpy.float64(0.1), 0.1),
        (numpy.int32(3), 3),
        (numpy.array([1, 2]), [1, 2]),
        (numpy.bool_(True), True),
        ({8080: "a", True: "b"}, {"8080": "a", "true": "b"}),
        (Resources(limits=None), {}),
    ],
    ids=str,
)
def test_python_values_become_json(value: object, tree: object) -> None:
    problems = Problems()
    assert tree_of(value, (), problems) == tree
    assert problems.found == []


class Broken:
    def to_dict(self) -> object:
        raise RuntimeError("no")


class Endless:
    def to_dict(self) -> object:
        return self


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (object(), "wrong-type"),
        (b"bytes", "wrong-type"),
        ({1, 2}, "wrong-type"),
        (float("nan"), "wrong-type"),
        ("\ud800", "wrong-type"),
        (CIRCLE, "wrong-type"),
        (Broken(), "wrong-type"),
        (Endless(), "wrong-type"),
        (Spec, "wrong-type"),
        ({None: 1}, "wrong-type"),
        ({1: "a", "1": "b"}, "duplicate-key"),
    ],
    ids=["object", "bytes", "set", "nan", "surrogate", "circle", "broken", "endless", "class", "no key", "same key"],
)
def test_what_is_no_json_is_a_problem_with_its_path(value: object, code: str) -> None:
    template = job()
    container_of(template)["x"] = value
    codes = [found for found, path in errors_of(sample(template)) if ".containers[0].x" in path]
    assert code in codes


def test_a_pydantic_model_is_a_template_with_placeholders_in_typed_fields() -> None:
    words = [f"--{name}={param(name)}" for name in SPACE]
    pod = Pod(
        spec=Spec(
            containers=[Container(name="t", image="i", command=words)], termination_grace_period_seconds=param("layers")
        )
    )
    manifest: Any = sample(pod).render({"layers": 2})
    assert manifest["spec"]["terminationGracePeriodSeconds"] == 2
    assert manifest["spec"]["restartPolicy"] == "Never"
    assert "resources" not in manifest["spec"]["containers"][0]


class Strict(pydantic.BaseModel):
    parallelism: int
    template: dict[str, Any]


def test_a_typed_field_of_a_foreign_model_takes_a_placeholder_unvalidated() -> None:
    spec = Strict(parallelism=1, template=job()["spec"]["template"])
    template = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": spec.model_copy(update={"parallelism": param("layers")}),
    }
    manifest: Any = sample(template).render({"layers": 4})
    assert manifest["spec"]["parallelism"] == 4


def kubernetes_job() -> client.V1Job:
    container = client.V1Container(
        name="train",
        image="train",
        image_pull_policy="Never",
        command=["train", *(f"--{name}={param(name)}" for name in SPACE)],
        env=[client.V1EnvVar(name="LAYERS", value=param("layers"))],
        resources=client.V1ResourceRequirements(limits={"nvidia.com/gpu": param("layers")}),
    )
    pod = client.V1PodSpec(restart_policy="Never", containers=[container], host_ipc=True)
    whole = client.V1PodTemplateSpec(spec=pod)
    spec = client.V1JobSpec.model_construct(backoff_limit=0, parallelism=param("layers"), template=whole)
    return client.V1Job(api_version="batch/v1", kind="Job", spec=spec)


def test_an_object_of_the_kubernetes_client_is_what_its_own_client_would_send() -> None:
    problems = Problems()
    made = kubernetes_job()
    made.metadata = client.V1ObjectMeta(
        creation_timestamp=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), labels={"a_b": "c"}
    )
    assert made.spec is not None
    made.spec = made.spec.model_copy(update={"parallelism": 2})
    sent = client.ApiClient().sanitize_for_serialization(made)  # type: ignore[no-untyped-call]
    assert tree_of(made, (), problems) == sent
    assert problems.found == []


def test_a_kubernetes_object_is_a_template() -> None:
    manifest: Any = sample(kubernetes_job()).render({"layers": 2, "lr": 0.05, "optimizer": "adam"})
    assert manifest["spec"]["parallelism"] == 2
    assert manifest["spec"]["backoffLimit"] == 0
    container = container_of(manifest)
    assert container["command"] == ["train", "--lr=0.05", "--layers=2", "--optimizer=adam"]
    assert container["env"] == [{"name": "LAYERS", "value": "2"}]


class ContainerOfOldClients:
    """How objects of Kubernetes clients were before they were pydantic's; those of training operators still are."""

    openapi_types = {"name": "str", "image": "str", "command": "list[str]", "image_pull_policy": "str"}  # noqa: RUF012
    attribute_map = {  # noqa: RUF012
        "name": "name",
        "image": "image",
        "command": "command",
        "image_pull_policy": "imagePullPolicy",
        "working_dir": "workingDir",
    }

    def __init__(self) -> None:
        self.name = "train"
        self.image = "train"
        self.command = [param(name) for name in SPACE]
        self.image_pull_policy = "Never"
        self.working_dir = None

    def to_dict(self) -> object:
        raise AssertionError("its names would be Python's")


def test_an_object_of_older_clients_gets_the_names_of_kubernetes() -> None:
    template = job()
    template["spec"]["template"]["spec"]["containers"] = [ContainerOfOldClients()]
    assert container_of(sample(template).to_dict()["spec"]["trialTemplate"]["trialSpec"]) == {  # type: ignore[index,call-overload]
        "name": "train",
        "image": "train",
        "command": ["${trialParameters.lr}", "${trialParameters.layers}", "${trialParameters.optimizer}"],
        "imagePullPolicy": "Never",
    }


def test_of_several_resources_one_is_the_trials_own() -> None:
    config = client.V1ConfigMap(
        api_version="v1",
        kind="ConfigMap",
        metadata=client.V1ObjectMeta(name=f"{trial.name}-c"),
        data={"lr": param("lr")},
    )
    manifest: Any = sample([config, job("true", *(param(name) for name in SPACE))]).render({"lr": 0.0625})
    assert [item["kind"] for item in manifest["items"]] == ["ConfigMap", "Job"]
    assert manifest["items"][0]["data"] == {"lr": "0.0625"}
