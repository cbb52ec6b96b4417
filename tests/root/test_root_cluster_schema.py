"""Placeholders in kinds that only a cluster knows: typed and checked by its own schema, or as before without one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from trialmill.api.fields import FieldType
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, JsonObject, get, get_string
from trialmill.check.documents import Checked
from trialmill.engine.records import ExperimentPhase, ExperimentRef
from trialmill.kube.api import KubeApi, KubeError, ResourceType
from trialmill.root import clusters
from trialmill.root.clusters import check_there, cluster_schema
from trialmill.root.creating import ClusterChoice, Options
from trialmill.root.errors import InputError
from trialmill.root.prepare import Prepared, prepare
from trialmill.root.session import Session, as_before, resume, run
from trialmill.store.sql.open import open_store
from trialmill.template.encode import compiled_to_json
from trialmill.testing.kube_cluster import JOB, FakeCluster
from trialmill.testing.kube_fake import UNREACHABLE, Call, FakeKubeApi
from trialmill.testing.kube_openapi import published

CHOICE: Final = ClusterChoice(context="test")
OPTIONS: Final = Options(".", seed=1, cluster=CHOICE)
WIDGET: Final = ResourceType(
    "example.dev", "v1", "Widget", "widgets", True, frozenset({"status"}), frozenset({"create", "get"})
)
EXPERIMENT: Final = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: tuned}
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  parallelTrialCount: 2
  maxTrialCount: 4
  parameters:
  - {name: size, parameterType: int, feasibleSpace: {min: "1", max: "8"}}
  - {name: x, parameterType: double, feasibleSpace: {min: "0", max: "1"}}
  - {name: quick, parameterType: categorical, feasibleSpace: {list: ["true", "false"]}}
  trialTemplate:
    primaryContainerName: main
    successWhen: {jsonpath: "{.status.phase}", value: Fine}
    failureWhen: {jsonpath: "{.status.phase}", value: Broken}
    trialParameters:
    - {name: size, reference: size}
    - {name: x, reference: x}
    - {name: quick, reference: quick}
    trialSpec:
      apiVersion: example.dev/v1
      kind: Widget
      spec:
        workers: ${trialParameters.size}
        rate: ${trialParameters.x}
        fast: ${trialParameters.quick}
        port: ${trialParameters.size}
        name: ${trialParameters.size}
        steps: ["${trialParameters.size}"]
        inner: {depth: "${trialParameters.size}"}
        limits: {a: "${trialParameters.size}"}
        free: ${trialParameters.x}
"""
SPEC: Final[JsonObject] = {
    "workers": {"type": "integer"},
    "rate": {"type": "number"},
    "fast": {"type": "boolean"},
    "port": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
    "name": {"type": "string"},
    "steps": {"type": "array", "items": {"type": "integer"}},
    "inner": {"type": "object", "properties": {"depth": {"type": "integer"}}},
    "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
    "free": {"x-kubernetes-preserve-unknown-fields": True},
    "mode": {"type": "string", "enum": ["fast", "slow"]},
}
TYPED: Final[JsonObject] = {
    "workers": 1,
    "rate": 0.0,
    "fast": True,
    "port": 1,
    "name": "1",
    "steps": [1],
    "inner": {"depth": 1},
    "limits": {"a": 1},
    "free": "0",
}


def widgets(spec: JsonObject = SPEC) -> JsonObject:
    """The document with the definition of a Widget."""
    properties: JsonObject = {"spec": {"type": "object", "properties": spec}, "metadata": {"type": "object"}}
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    return published(WIDGET, {"type": "object", "properties": properties})


class Cluster:
    """Serves Widgets, and remembers the specs of those that were made for good."""

    def __init__(self) -> None:
        self.cluster = FakeCluster([WIDGET])
        self.cluster.openapi[WIDGET.api_version] = widgets()
        self.api = FakeKubeApi(self.cluster)

    @asynccontextmanager
    async def connected(self, choice: ClusterChoice) -> AsyncIterator[KubeApi]:
        assert choice.context == "test"
        yield self.api

    def asked_for(self) -> list[str]:
        """The groups and versions whose schemas were asked for."""
        return [call.name for call in self.api.calls if call.plural == "openapi"]

    def specs(self) -> list[Json]:
        return [get(widget, "spec") for widget in self.cluster.objects(WIDGET)]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(clusters, "connected", cluster.connected)
    return cluster


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Prepared]:
    """Reads the experiment, with texts in it replaced, for the cluster."""

    def read(*changes: tuple[str, str], text: str = EXPERIMENT) -> Prepared:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        file = tmp_path / "experiment.yaml"
        file.write_text(text, encoding="utf-8")
        return prepare([str(file)], cluster_namespace="default", schema=cluster_schema(CHOICE))

    return read


def told(prepared: Prepared, *codes: str) -> list[Problem]:
    return [problem for problem in prepared.problems if problem.code in codes]


def types_in(prepared: Prepared) -> dict[str, FieldType]:
    assert prepared.checked is not None, prepared.problems
    return {".".join(map(str, slot.path[1:])): slot.target for slot in prepared.checked.template.slots}


def line_of(prepared: Prepared, text: str) -> int:
    (lines,) = prepared.lines.values()
    (number,) = (number for number, line in enumerate(lines, 1) if text in line)
    return number


def test_placeholders_take_the_types_of_the_clusters_own_definition(
    cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    prepared = read()
    assert prepared.problems == ()
    assert types_in(prepared) == {
        "workers": FieldType.INTEGER,
        "rate": FieldType.NUMBER,
        "fast": FieldType.BOOLEAN,
        "port": FieldType.INT_OR_STRING,
        "name": FieldType.STRING,
        "steps.0": FieldType.INTEGER,
        "inner.depth": FieldType.INTEGER,
        "limits.a": FieldType.INTEGER,
        "free": FieldType.STRING,
    }
    assert prepared.checked is not None
    assert asyncio.run(check_there(prepared.checked, CHOICE)).problems == ()
    assert cluster.asked_for() == ["example.dev/v1"]


def test_a_built_in_kind_is_asked_for_nowhere(cluster: Cluster, read: Callable[..., Prepared]) -> None:
    pod = "template: {spec: {restartPolicy: Never, containers: [{name: main, image: i, args: [a]}]}}"
    head, _, _ = EXPERIMENT.partition("      apiVersion: example.dev/v1")
    spec = f"parallelism: ${{trialParameters.size}}\n        {pod}"
    job = f"      apiVersion: batch/v1\n      kind: Job\n      spec:\n        {spec}\n"
    prepared = read(text=head + job)
    assert told(prepared, "fields-unknown") == []
    assert cluster.api.calls == []


def test_kinds_of_one_version_cost_one_request_together(cluster: Cluster, read: Callable[..., Prepared]) -> None:
    part = "    additionalResources: [{apiVersion: example.dev/v1, kind: Gadget, metadata: {name: g}}]\n"
    prepared = read(("    trialSpec:\n", f"{part}    trialSpec:\n"))
    (note,) = told(prepared, "fields-unknown")
    assert "the fields of Gadget are not known: the cluster's schemas of example.dev/v1 have none of it" in note.message
    assert note.line == line_of(prepared, "Gadget")
    assert cluster.asked_for() == ["example.dev/v1"]


WRONG: Final[dict[str, tuple[tuple[str, str], str, str]]] = {
    "a slip in a field": (("workers:", "wokers:"), "unknown-field", "did you mean 'workers'?"),
    "a slip in its case": (("workers:", "Workers:"), "unknown-field", "did you mean 'workers'?"),
    "a field that it does not have": (("rate:", "unheard:"), "unknown-field", "definition of Widget does not have it"),
    "a field of a nested object": (("depth:", "dept:"), "unknown-field", "did you mean 'depth'?"),
    "a value of another type": (("rate: ${trialParameters.x}", "rate: [1]"), "wrong-type", "expected a number"),
    "a word that it does not know": (("free: ${", "mode: fasst\n        free: ${"), "unknown-value", "mean 'fast'?"),
    "a space that never fits": (
        ("workers: ${trialParameters.size}", "workers: ${trialParameters.x}"),
        "value-does-not-fit",
        "takes an integer",
    ),
    "a list that is to come from a number": (
        ('steps: ["${trialParameters.size}"]', "steps: ${trialParameters.size}"),
        "value-does-not-fit",
        "`as: json`",
    ),
}


@pytest.mark.parametrize(("change", "code", "words"), WRONG.values(), ids=WRONG)
def test_it_is_an_error_at_its_line(
    cluster: Cluster, read: Callable[..., Prepared], change: tuple[str, str], code: str, words: str
) -> None:
    prepared = read(change)
    (problem,) = told(prepared, code)
    assert (problem.severity, problem.line) == (Severity.ERROR, line_of(prepared, change[1].partition("\n")[0]))
    assert words in str(problem)
    assert cluster.asked_for() == ["example.dev/v1"]


def test_a_value_that_only_some_trials_get_is_found_at_the_corners(
    cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    """In the middle of JSON nothing is known before the values are."""
    prepared = read(
        ('list: ["true", "false"]', "list: ['[1]', '[\"a\"]']"),
        ("reference: quick}", "reference: quick, as: json}"),
        ("        fast: ${trialParameters.quick}\n", ""),
        ('steps: ["${trialParameters.size}"]', "steps: ${trialParameters.quick}"),
    )
    (problem,) = told(prepared, "wrong-type")
    assert problem.path == "spec.trialTemplate.trialSpec.spec.steps[0]"
    assert 'found a string ("a"), expected an integer' in problem.message
    assert 'quick=["a"]' in problem.message
    assert cluster.asked_for() == ["example.dev/v1"]


def test_the_schema_comes_before_as_which_counts_where_it_says_nothing(
    cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    prepared = read(
        ("reference: x}", "reference: x, as: number}"), ("reference: size}", "reference: size, as: string}")
    )
    types = types_in(prepared)
    assert (types["workers"], types["free"], types["port"]) == (
        FieldType.INTEGER,
        FieldType.NUMBER,
        FieldType.STRING,
    )
    found = told(prepared, "contradicting-as")
    assert {problem.severity for problem in found} == {Severity.WARNING}
    assert line_of(prepared, "workers:") in {problem.line for problem in found}
    assert cluster.asked_for() == ["example.dev/v1"]


def test_a_path_may_lead_to_a_field_that_only_the_cluster_knows(
    cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    changes = (
        ("reference: size}", "reference: size, path: spec.workers}"),
        ("        workers: ${trialParameters.size}\n", ""),
    )
    assert types_in(read(*changes))["workers"] is FieldType.INTEGER
    cluster.cluster.openapi.clear()
    assert [problem.code for problem in told(read(*changes), "no-such-field")] == ["no-such-field"]


SILENT: Final[dict[str, tuple[Callable[[Cluster], None], str]]] = {
    "publishes nothing": (lambda c: c.cluster.openapi.clear(), "publishes no schemas of example.dev/v1"),
    "does not have the kind there": (
        lambda c: c.cluster.openapi.update({"example.dev/v1": published(JOB, {})}),
        "schemas of example.dev/v1 have none of it",
    ),
    "publishes something else": (
        lambda c: c.cluster.openapi.update({"example.dev/v1": {"components": [1]}}),
        "schemas of example.dev/v1 have none of it",
    ),
    "forbids it": (lambda c: c.api.denied.add(("get", "openapi")), "you may not read the cluster's schemas"),
    "does not answer": (lambda c: c.api.fail("get", UNREACHABLE), "connection reset by peer"),
    "is broken": (lambda c: c.api.fail("get", KubeError(500, "InternalError", "oh no")), "oh no"),
}


@pytest.mark.parametrize(("make", "why"), SILENT.values(), ids=SILENT)
def test_all_is_as_without_a_schema_and_said_once_where_the_cluster(
    cluster: Cluster, read: Callable[..., Prepared], make: Callable[[Cluster], None], why: str
) -> None:
    make(cluster)
    prepared = read(("reference: x}", "reference: x, as: number}"))
    (note,) = told(prepared, "fields-unknown")
    assert (note.severity, note.line) == (Severity.NOTE, line_of(prepared, "kind: Widget"))
    assert why in note.message
    assert not prepared.has_errors
    types = types_in(prepared)
    assert (types.pop("rate"), types.pop("free")) == (FieldType.NUMBER, FieldType.NUMBER)
    assert set(types.values()) == {FieldType.STRING}
    assert cluster.asked_for() == ["example.dev/v1"]


def test_a_cluster_without_a_way_to_it_is_silent_too(
    monkeypatch: pytest.MonkeyPatch, read: Callable[..., Prepared]
) -> None:
    @asynccontextmanager
    async def no_way(choice: ClusterChoice) -> AsyncIterator[KubeApi]:
        raise InputError(f"no login for {choice.context}")
        yield

    monkeypatch.setattr(clusters, "connected", no_way)
    (note,) = told(read(), "fields-unknown")
    assert "no login for test" in note.message


def test_a_kind_that_is_not_there_is_found_in_a_notebook_too(cluster: Cluster, read: Callable[..., Prepared]) -> None:
    """An event loop runs there already."""

    async def cell() -> Prepared:
        return read(("kind: Widget", "kind: Wodget"))

    (problem,) = told(asyncio.run(cell()), "unknown-kind")
    assert "Widget" in problem.remedy
    assert cluster.asked_for() == ["example.dev/v1"]


def test_a_cluster_that_forbids_it_is_not_asked_for_each_version(
    cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    cluster.api.denied.add(("get", "openapi"))
    part = "    additionalResources: [{apiVersion: other.dev/v1, kind: Gadget, metadata: {name: g}}]\n"
    assert len(told(read(("    trialSpec:\n", f"{part}    trialSpec:\n")), "fields-unknown")) == 1
    assert cluster.asked_for() == ["example.dev/v1"]


@pytest.mark.parametrize("tells", [True, False], ids=["by the schema", "by the dry run"])
def test_a_field_that_would_be_pruned_is_found_before_the_first_trial(
    cluster: Cluster, read: Callable[..., Prepared], tells: bool
) -> None:
    cluster.cluster.unknown_fields = lambda type, object: [
        f"spec.{name}" for name in ("lost",) if type == WIDGET and get(object, "spec", name)
    ]
    if not tells:
        cluster.cluster.openapi.clear()
    prepared = read(("        free:", "        lost: away\n        free:"))
    found = told(prepared, "unknown-field")
    if prepared.checked is not None:
        found += asyncio.run(check_there(prepared.checked, CHOICE)).problems
    assert {(problem.code, problem.severity, problem.line) for problem in found} == {
        ("unknown-field", Severity.ERROR, line_of(prepared, "lost: away"))
    }
    assert (prepared.checked is None) is tells
    assert (Call("create", "widgets", "default", "tuned-00000000") in cluster.api.calls) is not tells
    assert cluster.cluster.objects(WIDGET) == []


# --- Frozen


class StopsAtTwo(Session):
    """Ends the run once both trials are on the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.specs: list[Json] = []

    def driven(self, stop: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def look() -> None:
            if len(self._cluster.specs()) == 2:
                self.specs = self._cluster.specs()
                stop()
            else:
                loop.call_later(0.02, look)

        look()


def begun(tmp_path: Path, cluster: Cluster, read: Callable[..., Prepared]) -> tuple[str, Checked]:
    """A store in which the experiment was stopped after two trials, and what it was started with."""
    store, checked = str(tmp_path / "store.db"), read().checked
    assert checked is not None
    asyncio.run(run(store, checked, OPTIONS, StopsAtTwo(cluster)))
    return store, checked


def is_typed(spec: Json) -> bool:
    shape = {name: type(value) for name, value in TYPED.items()}
    return isinstance(spec, dict) and {name: type(value) for name, value in spec.items()} == shape


def test_what_is_resumed_renders_with_the_types_it_was_started_with(
    tmp_path: Path, cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    store = str(tmp_path / "store.db")
    checked = read().checked
    assert checked is not None
    first = StopsAtTwo(cluster)
    stopped = asyncio.run(run(store, checked, OPTIONS, first))
    assert stopped.record.phase is ExperimentPhase.STOPPED
    assert all(is_typed(spec) for spec in first.specs)

    cluster.cluster.openapi[WIDGET.api_version] = widgets({**SPEC, "workers": {"type": "string"}})
    cluster.api.denied.add(("get", "openapi"))
    asked, second = cluster.asked_for(), StopsAtTwo(cluster)
    asyncio.run(resume(store, ExperimentRef("default", "tuned"), second))
    assert len(second.specs) == 2
    assert all(is_typed(spec) for spec in second.specs)
    assert cluster.asked_for() == asked


def test_the_same_file_goes_on_with_its_types_when_the_definition_has_changed(
    tmp_path: Path, cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    store, checked = begun(tmp_path, cluster, read)

    cluster.cluster.openapi[WIDGET.api_version] = widgets({**SPEC, "workers": {"type": "string"}})
    prepared = read()
    assert types_in(prepared)["workers"] is FieldType.STRING
    assert prepared.checked is not None
    same, _, _ = asyncio.run(as_before(store, prepared.checked, OPTIONS))
    assert same.template == checked.template
    again = StopsAtTwo(cluster)
    asyncio.run(run(store, prepared.checked, OPTIONS, again))
    assert all(is_typed(spec) for spec in again.specs)


def test_an_edited_file_is_checked_with_its_own_types(
    tmp_path: Path, cluster: Cluster, read: Callable[..., Prepared]
) -> None:
    store, _ = begun(tmp_path, cluster, read)
    edited = read(("        free: ${trialParameters.x}\n", "")).checked
    assert edited is not None
    same, _, _ = asyncio.run(as_before(store, edited, OPTIONS))
    assert same == replace(edited, template=same.template)
    assert same.template == edited.template


def test_the_types_are_in_the_store(tmp_path: Path, cluster: Cluster, read: Callable[..., Prepared]) -> None:
    store, checked = begun(tmp_path, cluster, read)

    async def stored() -> JsonObject:
        async with open_store(store) as stores:
            return (await stores.trials.experiment(ExperimentRef("default", "tuned"))).compiled

    kept = asyncio.run(stored())
    assert json.dumps(kept, sort_keys=True) == json.dumps(compiled_to_json(checked.template), sort_keys=True)
    assert get_string(kept, "digest") == checked.template.digest
