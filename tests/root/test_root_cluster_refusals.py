"""What a cluster refuses of a file's trials, before there are any: each once, at its place in the file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, get
from trialmill.kube.api import Cause, KubeApi, KubeError, ResourceType
from trialmill.root import clusters
from trialmill.root.clusters import check_there, cluster_schema
from trialmill.root.creating import ClusterChoice
from trialmill.root.prepare import Prepared, prepare
from trialmill.testing.kube_cluster import JOB, FakeCluster
from trialmill.testing.kube_fake import FakeKubeApi

CHOICE: Final = ClusterChoice(context="test")
EXPERIMENT: Final = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: e
  namespace: team
spec:
  objective: {type: maximize, objectiveMetricName: accuracy}
  algorithm: {algorithmName: random}
  maxTrialCount: 4
  parameters:
  - {name: size, parameterType: int, feasibleSpace: {min: "1", max: "8"}}
  trialTemplate:
    trialParameters:
    - {name: size, reference: size}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        parallelism: ${trialParameters.size}
        template:
          spec:
            restartPolicy: Never
            containers:
            - {name: main, image: i, command: [train]}
"""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeKubeApi:
    api = FakeKubeApi(FakeCluster(namespaces=("team",)))

    @asynccontextmanager
    async def connected(choice: ClusterChoice) -> AsyncIterator[KubeApi]:
        assert choice.context == "test"
        yield api

    monkeypatch.setattr(clusters, "connected", connected)
    return api


class Found:
    """What was found of a file: its problems, and its lines."""

    def __init__(self, prepared: Prepared, later: tuple[Problem, ...]) -> None:
        self.problems = [p for p in (*prepared.problems, *later) if p.severity is not Severity.NOTE]
        self._lines = next(iter(prepared.lines.values()))

    def line_of(self, text: str) -> int:
        (number,) = (number for number, line in enumerate(self._lines, 1) if text in line)
        return number


@pytest.fixture
def find(tmp_path: Path, api: FakeKubeApi) -> Callable[..., Found]:
    """Check the experiment, with texts in it replaced, for the cluster of `api`."""
    assert api.cluster.objects(JOB) == []

    def find(*changes: tuple[str, str], namespace: str | None = None, allow_hydrate: bool = False) -> Found:
        text = EXPERIMENT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        file = tmp_path / "e.yaml"
        file.write_text(text)
        prepared = prepare(
            [str(file)],
            namespace=namespace,
            cluster_namespace="default",
            schema=cluster_schema(CHOICE),
            allow_hydrate=allow_hydrate,
        )
        later = asyncio.run(check_there(prepared.checked, CHOICE)).problems if prepared.checked else ()
        return Found(prepared, later)

    return find


def admitting(refuses: Callable[[ResourceType, JsonObject], str]) -> Callable[[str, ResourceType, JsonObject], None]:
    """An admission that refuses with these words; empty ones let a resource in."""

    def admit(verb: str, type: ResourceType, object: JsonObject) -> None:
        if verb == "CREATE" and (said := refuses(type, object)):
            raise KubeError(403, "Forbidden", said)

    return admit


def test_a_misspelt_kind_is_told_before_what_follows_from_it(find: Callable[..., Found]) -> None:
    found = find(("kind: Job", "kind: Jobb"))
    (problem,) = found.problems
    assert (problem.code, problem.line) == ("unknown-kind", found.line_of("kind: Jobb"))
    assert problem.remedy == "did you mean Job?"


def test_a_kind_in_another_version_comes_with_its_own(find: Callable[..., Found]) -> None:
    found = find(("apiVersion: batch/v1", "apiVersion: example.dev/v1"))
    (problem,) = found.problems
    assert (problem.code, problem.remedy) == ("unknown-kind", "write `apiVersion: batch/v1`")


@pytest.mark.parametrize(
    ("field", "line", "column"),
    [
        pytest.param("other", 15, 5, id="beside the spec"),
        pytest.param("spec.other", 18, 7, id="at the root of the spec"),
        pytest.param("spec.template.spec.other", 21, 11, id="deep"),
        pytest.param("spec.template.spec.other.deeper", 21, 11, id="in something that is missing itself"),
        pytest.param("spec.template.spec.containers[0].other", 24, 15, id="in an item of a list"),
        pytest.param("spec.template.spec.restartPolicy", 22, 13, id="there, and empty"),
    ],
)
def test_what_the_cluster_requires_stands_at_the_key_of_what_should_have_it(
    api: FakeKubeApi, find: Callable[..., Found], field: str, line: int, column: int
) -> None:
    def admit(verb: str, type: ResourceType, object: JsonObject) -> None:
        raise KubeError(422, "Invalid", "no", causes=[Cause(field, "FieldValueRequired", "Required value")])

    api.cluster.admit = admit
    (problem,) = find().problems
    assert (problem.code, problem.line, problem.column) == ("required", line, column)
    assert f"requires {field.rpartition('.')[2]}, which" in problem.message


def test_a_namespace_that_is_not_there_is_at_the_line_that_names_it(find: Callable[..., Found]) -> None:
    found = find(("namespace: team", "namespace: ghost"))
    (problem,) = found.problems
    assert (problem.code, problem.path, problem.line) == (
        "no-namespace",
        "metadata.namespace",
        found.line_of("namespace: ghost"),
    )


@pytest.mark.parametrize("changes", [(), (("  namespace: team\n", ""),)], ids=["in place of the file's", "alone"])
def test_one_that_was_named_elsewhere_has_no_line(find: Callable[..., Found], changes: tuple[tuple[str, str]]) -> None:
    (problem,) = find(*changes, namespace="ghost").problems
    assert (problem.code, problem.file, problem.line) == ("no-namespace", "", 0)
    assert "name another with -n" in problem.remedy


def test_what_only_some_trials_have_wrong_is_told_once_with_values_that_show_it(
    find: Callable[..., Found], api: FakeKubeApi
) -> None:
    def refuses(type: ResourceType, object: JsonObject) -> str:
        n = get(object, "spec", "parallelism")
        return f"{n} are too many, {id(object)} says" if type == JOB and n != 1 else ""

    api.cluster.admit = admitting(refuses)
    (problem,) = find().problems
    assert "8 are too many" in problem.message
    assert problem.message.endswith("(for example with size=8)")


def test_pods_that_pod_security_refuses_are_told_once_at_their_container(
    find: Callable[..., Found], api: FakeKubeApi
) -> None:
    words = 'PodSecurity "restricted:latest": unrestricted capabilities (container "main" must set x)'
    api.warnings["jobs"] = (f"would violate {words}",)
    warned = find()
    api.cluster.admit = admitting(lambda type, _: f"violates {words}" if type.kind == "Pod" else "")
    refused = find()
    assert [(p.severity, p.line) for p in warned.problems] == [(Severity.WARNING, warned.line_of("name: main"))]
    assert [(p.severity, p.line) for p in refused.problems] == [(Severity.ERROR, refused.line_of("name: main"))]


HYDRATED: Final = (
    ("metadata:\n", "metadata:\n  annotations: {trialmill.dev/hydrate: 'made:build'}\n"),
    ("            - {name: main, image: i, command: [train]}\n", "            - {name: main, image: i}\n"),
)


def test_what_a_function_makes_is_what_the_cluster_is_asked_about(
    find: Callable[..., Found], api: FakeKubeApi, tmp_path: Path
) -> None:
    """The template alone would pass: it is the answer that has what the cluster refuses."""
    (tmp_path / "made.py").write_text(
        "def build(parameters, template, trial):\n"
        "    template['spec']['template']['spec']['serviceAccountName'] = 'nosuch'\n"
        "    return template\n"
    )

    def refuses(type: ResourceType, object: JsonObject) -> str:
        account = get(object, "spec", "serviceAccountName") if type.kind == "Pod" else None
        said = 'error looking up service account team/nosuch: serviceaccount "nosuch" not found'
        return said if account == "nosuch" else ""

    api.cluster.admit = admitting(refuses)
    found = find(*HYDRATED, allow_hydrate=True)
    (problem,) = found.problems
    assert problem.line == found.line_of("trialmill.dev/hydrate")
    assert problem.message.startswith("spec.template.spec.serviceAccountName of the manifest that is made: ")
    assert problem.remedy == "create it: kubectl create serviceaccount nosuch -n team"
