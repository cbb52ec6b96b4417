"""Manifests of operators' kinds against their tables: what is wrong with a field, and what a placeholder becomes."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from check_samples import GOOD, check, edited
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.experiment import TrialParameter, TrialTemplate
from trialmill.api.load import load_documents
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.space import Value
from trialmill.api.tree import Json, JsonObject, Path, format_path, get
from trialmill.check.manifest import PLACEHOLDERS, ManifestCheck
from trialmill.kinds.schema import BUILT_IN
from trialmill.template.compile import compile_template
from trialmill.template.compiled import TrialContext
from trialmill.template.render import render

TFJOB: Final = """\
apiVersion: kubeflow.org/v1
kind: TFJob
spec:
  runPolicy: {cleanPodPolicy: None, schedulingPolicy: {minAvailable: 2, minResources: {cpu: 4}}}
  tfReplicaSpecs:
    Worker:
      replicas: 2
      restartPolicy: OnFailure
      template:
        spec:
          containers:
            - name: tensorflow
              image: mnist
              resources: {limits: {cpu: 1, nvidia.com/gpu: 2, memory: 2Gi}}
"""
PIPELINE_RUN: Final = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
spec:
  params:
    - {name: text, value: one}
    - {name: list, value: [a, b]}
    - {name: map, value: {a: b}}
  timeouts: {pipeline: 1h0m0s}
  workspaces:
    - name: data
      volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
  pipelineSpec:
    tasks:
      - name: train
        taskRef: {resolver: git, params: [{name: url, value: example.org}]}
        when: [{input: $(params.text), operator: in, values: [one]}]
      - name: report
        runAfter: [train]
        taskSpec:
          steps: [{image: bash, script: "echo done"}]
"""
WORKFLOW: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec:
  entrypoint: train
  arguments: {parameters: [{name: lr, value: 0.1}, {name: fast, value: true}]}
  templates:
    - name: train
      steps: [[{name: one, template: one, withItems: [1, two, {three: 3}]}]]
    - name: one
      retryStrategy: {limit: 2, backoff: {duration: 5s, factor: "2"}}
      container: {image: bash, command: [bash]}
"""
PYTORCHJOB: Final = """\
apiVersion: kubeflow.org/v1
kind: PyTorchJob
spec:
  nprocPerNode: auto
  elasticPolicy: {minReplicas: 1, maxReplicas: 3, rdzvBackend: c10d}
  pytorchReplicaSpecs:
    Worker: {template: {spec: {containers: [{name: pytorch, image: mnist}]}}}
"""
JOBSET: Final = """\
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
spec:
  failurePolicy: {maxRestarts: 1, rules: [{action: FailJobSet, onJobFailureReasons: [PodFailurePolicy]}]}
  replicatedJobs:
    - name: workers
      replicas: 2
      template:
        spec:
          parallelism: 2
          template: {spec: {restartPolicy: Never, containers: [{name: main, image: mnist}]}}
"""
TRAINJOB: Final = """\
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
spec:
  runtimeRef: {name: torch-distributed}
  trainer: {numNodes: 2, numProcPerNode: auto, resourcesPerNode: {limits: {memory: 4Gi}}}
"""
RAYJOB: Final = """\
apiVersion: ray.io/v1
kind: RayJob
spec:
  entrypoint: python train.py
  entrypointNumCpus: 0.5
  rayClusterSpec:
    headGroupSpec: {rayStartParams: {num-cpus: "1"}, template: {spec: {containers: [{name: head, image: ray}]}}}
    workerGroupSpecs:
      - groupName: small
        replicas: 1
        template: {spec: {containers: [{name: worker, image: ray}]}}
"""
VALID: Final = {
    "TFJob": TFJOB,
    "PyTorchJob": PYTORCHJOB,
    "PipelineRun": PIPELINE_RUN,
    "Workflow": WORKFLOW,
    "JobSet": JOBSET,
    "TrainJob": TRAINJOB,
    "RayJob": RAYJOB,
}


_NAMES: Final = ("template", "spec", "tasks", "steps", "params", "name", "container", "tfReplicaSpecs", "limits", "x")


def tree(text: str) -> JsonObject:
    problems: list[Problem] = []
    (document,) = load_documents(text.encode(), "file.yaml", problems)
    assert not problems
    assert isinstance(document.tree, dict)
    return document.tree


def found(text: str, *edits: tuple[str, str]) -> list[Problem]:
    """What is wrong with a manifest that was edited."""
    problems = Problems()
    ManifestCheck(BUILT_IN, problems, ()).run(tree(edited(*edits, text=text)))
    return problems.found


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_a_good_manifest_of_an_operators_kind_has_nothing_wrong(text: str) -> None:
    assert found(text) == []


SLIPS: dict[str, tuple[str, tuple[str, str], str, str, str]] = {
    "a slip in a name": (
        *(TFJOB, ("replicas: 2", "replica: 2")),
        *("unknown-field", "spec.tfReplicaSpecs.Worker.replica", "did you mean 'replicas'?"),
    ),
    "a slip deep in a pod": (
        *(TFJOB, ("image:", "imgae:")),
        *("unknown-field", "spec.tfReplicaSpecs.Worker.template.spec.containers[0].imgae", "did you mean 'image'?"),
    ),
    "a slip in a word": (
        *(JOBSET, ("action: FailJobSet", "action: FailJobset")),
        *("unknown-value", "spec.failurePolicy.rules[0].action", "did you mean 'FailJobSet'?"),
    ),
    "a quoted number": (
        *(TFJOB, ("replicas: 2", 'replicas: "2"')),
        *("wrong-type", "spec.tfReplicaSpecs.Worker.replicas", "remove the quotes"),
    ),
    "a number for a text": (
        *(RAYJOB, ('num-cpus: "1"', "num-cpus: 1")),
        *("wrong-type", "spec.rayClusterSpec.headGroupSpec.rayStartParams.num-cpus", 'quote it: "1"'),
    ),
    "a mapping for a list": (
        *(WORKFLOW, ("parameters: [{name: lr, value: 0.1}, {name: fast, value: true}]", "parameters: {lr: 0.1}")),
        *("wrong-type", "spec.arguments.parameters", "begin its entry with '- '"),
    ),
    "what must be there": (
        *(TRAINJOB, ("runtimeRef: {name: torch-distributed}", "suspend: false")),
        *("required", "spec.runtimeRef", ""),
    ),
    "a replica that slipped out of its mapping": (
        *(TFJOB, ("  tfReplicaSpecs:\n", "  Chief: {replicas: 1}\n  tfReplicaSpecs:\n")),
        *("unknown-field", "spec.Chief", "it belongs into tfReplicaSpecs; check the indentation"),
    ),
    "a replica that slipped out and left its mapping empty": (
        *(TFJOB, ("    Worker:", "  Worker:")),
        *("unknown-field", "spec.Worker", "it belongs into tfReplicaSpecs; check the indentation"),
    ),
}


@pytest.mark.parametrize(("text", "edit", "code", "path", "remedy"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_an_error_in_its_place(text: str, edit: tuple[str, str], code: str, path: str, remedy: str) -> None:
    (problem,) = found(text, edit)

    assert (problem.severity, problem.code, problem.path, problem.remedy) == (Severity.ERROR, code, path, remedy)


def test_a_field_that_another_release_may_have_is_a_warning_that_names_the_release_known() -> None:
    (problem,) = found(TRAINJOB, ("  trainer:", "  scheduling: {}\n  trainer:"))

    assert (problem.severity, problem.code) == (Severity.WARNING, "unknown-field")
    assert problem.remedy.startswith("it is not in github.com/kubeflow/trainer/v2@v")


def test_a_field_that_has_its_place_elsewhere_may_be_from_another_release_too() -> None:
    (problem,) = found(TRAINJOB, ("  trainer:", "  numNodes: 3\n  trainer:"))

    assert (problem.severity, problem.path) == (Severity.WARNING, "spec.numNodes")
    assert problem.remedy == "it belongs into trainer; check the indentation"


def test_a_word_that_another_release_may_have_is_a_warning() -> None:
    (problem,) = found(JOBSET, ("action: FailJobSet", "action: Wait"))

    assert (problem.severity, problem.code) == (Severity.WARNING, "unknown-value")


@pytest.mark.parametrize(
    ("text", "edit", "severity"),
    [
        (PIPELINE_RUN, ("runAfter:", "runafter:"), Severity.WARNING),
        (TFJOB, ("replicas:", "Replicas:"), Severity.ERROR),
    ],
    ids=["read by Go", "held to a schema"],
)
def test_another_case_is_an_error_only_where_it_makes_a_difference(
    text: str, edit: tuple[str, str], severity: Severity
) -> None:
    assert [(p.severity, p.code) for p in found(text, edit)] == [(severity, "unknown-field")]


def test_what_a_pod_template_has_of_a_pods_manifest_is_no_error_of_an_operators_kind() -> None:
    (problem,) = found(TFJOB, ("template:\n", "template:\n        kind: Pod\n"))

    assert (problem.severity, problem.path) == (Severity.WARNING, "spec.tfReplicaSpecs.Worker.template.kind")


def test_an_experiment_of_a_kind_of_clusters_is_checked_by_its_lines() -> None:
    manifest = TFJOB.replace("replicas: 2", "replica: ${trialParameters.layers}").replace("\n", "\n      ")
    text = edited((GOOD[GOOD.index("apiVersion: batch/v1") :], manifest))

    _, problems = check(text)

    (slip,) = [p for p in problems if p.code == "unknown-field"]
    assert text.splitlines()[slip.line - 1].strip() == "replica: ${trialParameters.layers}"


def _named_fields(manifest: JsonObject) -> Iterator[Path]:
    """Each place in a manifest where only certain names are right."""
    pending: list[tuple[Path, Json]] = [((), manifest)]
    api_version, kind = str(manifest["apiVersion"]), str(manifest["kind"])
    while pending:
        path, node = pending.pop()
        field = BUILT_IN.field(api_version, kind, path)
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children:
            if field and field.fields and path:
                yield (*path, key)
            pending.append(((*path, key), child))


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_each_misspelt_name_is_reported_in_its_place(text: str) -> None:
    places = list(_named_fields(tree(text)))
    assert len(places) > 5
    for place in places:
        manifest = tree(text)
        *above, key = place
        parent = get(manifest, *above)
        assert isinstance(parent, dict)
        parent[f"{key}x"] = parent.pop(str(key))
        problems = Problems()
        ManifestCheck(BUILT_IN, problems, ()).run(manifest)
        assert [(p.code, p.path) for p in problems] == [("unknown-field", format_path((*above, f"{key}x")))]


@settings(max_examples=100)
@given(
    st.sampled_from(list(VALID.values())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), child, max_size=4),
        max_leaves=20,
    ),
)
def test_no_manifest_is_too_strange_to_be_checked(text: str, spec: Json) -> None:
    ManifestCheck(BUILT_IN, Problems(), (), openings=PLACEHOLDERS).run({**tree(text), "spec": spec})


def stamped(text: str, path: Path, assigned: Value, cast: str = "") -> tuple[Json, list[str]]:
    """What is at `path` of a trial's resource, of a manifest with one placeholder; and what was said of it."""
    template = TrialTemplate(tree(text), (TrialParameter("p", "p", cast=cast),))
    problems = Problems()
    compiled = compile_template(template, ("p",), BUILT_IN, problems)
    assert compiled is not None, problems.found
    resource = render(compiled, TrialContext({"p": assigned}, "trial-1", "team", 1, 1, "experiment"))
    ManifestCheck(BUILT_IN, problems, ()).run(resource)
    return get(resource, *path), [p.code for p in problems]


WORKER: Path = ("spec", "tfReplicaSpecs", "Worker")
TYPED: dict[str, tuple[str, tuple[str, str], Path, Value, Json]] = {
    "replicas": (TFJOB, ("replicas: 2", "replicas: ${}"), (*WORKER, "replicas"), 4, 4),
    "replicas that are listed": (TFJOB, ("replicas: 2", "replicas: ${}"), (*WORKER, "replicas"), "4", 4),
    "a quantity": (
        *(TFJOB, ("memory: 2Gi", "memory: '${}Gi'")),
        *((*WORKER, "template", "spec", "containers", 0, "resources", "limits", "memory"), 4, "4Gi"),
    ),
    "a whole quantity": (
        *(TFJOB, ("cpu: 1", "cpu: '${}'")),
        *((*WORKER, "template", "spec", "containers", 0, "resources", "limits", "cpu"), 4, "4"),
    ),
    "an argument": (
        *(TFJOB, ("image: mnist", "image: mnist\n              args: [--lr, '${}']")),
        *((*WORKER, "template", "spec", "containers", 0, "args", 1), 0.5, "0.5"),
    ),
    "an environment variable": (
        *(TFJOB, ("image: mnist", "image: mnist\n              env: [{name: LR, value: '${}'}]")),
        *((*WORKER, "template", "spec", "containers", 0, "env", 0, "value"), 3, "3"),
    ),
    "a port": (
        *(TFJOB, ("image: mnist", "image: mnist\n              ports: [{containerPort: '${}'}]")),
        *((*WORKER, "template", "spec", "containers", 0, "ports", 0, "containerPort"), 8080, 8080),
    ),
    "a boolean": (
        *(TFJOB, ("cleanPodPolicy: None", "suspend: '${}'")),
        *(("spec", "runPolicy", "suspend"), "false", False),
    ),
    "processes of a node as text": (
        *(PYTORCHJOB, ("nprocPerNode: auto", "nprocPerNode: ${}")),
        *(("spec", "nprocPerNode"), 4, "4"),
    ),
    "processes of a node as a number": (
        *(TRAINJOB, ("numProcPerNode: auto", "numProcPerNode: '${}'")),
        *(("spec", "trainer", "numProcPerNode"), 4, 4),
    ),
    "processes of a node as a word": (
        *(TRAINJOB, ("numProcPerNode: auto", "numProcPerNode: '${}'")),
        *(("spec", "trainer", "numProcPerNode"), "auto", "auto"),
    ),
    "a number": (
        *(RAYJOB, ("entrypointNumCpus: 0.5", "entrypointNumCpus: ${}")),
        *(("spec", "entrypointNumCpus"), 1.5, 1.5),
    ),
    "a parameter of Tekton": (
        *(PIPELINE_RUN, ("value: one", "value: '${}'")),
        *(("spec", "params", 0, "value"), 0.1, "0.1"),
    ),
    "tries of Argo": (
        *(WORKFLOW, ("limit: 2", "limit: '${}'")),
        *(("spec", "templates", 1, "retryStrategy", "limit"), 3, 3),
    ),
}


@pytest.mark.parametrize(("text", "edit", "path", "assigned", "expected"), TYPED.values(), ids=TYPED)
def test_a_placeholder_takes_the_type_of_its_field(
    text: str, edit: tuple[str, str], path: Path, assigned: Value, expected: Json
) -> None:
    old, new = edit
    value, said = stamped(edited((old, new.replace("${}", "${trialParameters.p}")), text=text), path, assigned)

    assert (value, type(value), said) == (expected, type(expected), [])


STRUCTURED: dict[str, tuple[str, tuple[str, str], Path, str, Any]] = {
    "a list": (
        *(WORKFLOW, ("command: [bash]", "command: '${trialParameters.p}'")),
        *(("spec", "templates", 1, "container", "command"), '["sh", "-c"]', ["sh", "-c"]),
    ),
    "a map": (
        *(TFJOB, ("limits: {cpu: 1, nvidia.com/gpu: 2, memory: 2Gi}", "limits: '${trialParameters.p}'")),
        (*WORKER, "template", "spec", "containers", 0, "resources", "limits"),
        *('{"nvidia.com/gpu": 1}', {"nvidia.com/gpu": 1}),
    ),
    "an object": (
        *(JOBSET, ("parallelism: 2", "podFailurePolicy: '${trialParameters.p}'")),
        ("spec", "replicatedJobs", 0, "template", "spec", "podFailurePolicy"),
        *('{"rules": []}', {"rules": []}),
    ),
    "what takes anything": (
        *(PIPELINE_RUN, ("value: [a, b]", "value: '${trialParameters.p}'")),
        *(("spec", "params", 1, "value"), '["x", "y"]', ["x", "y"]),
    ),
}


@pytest.mark.parametrize(("text", "edit", "path", "assigned", "expected"), STRUCTURED.values(), ids=STRUCTURED)
def test_a_whole_list_or_map_comes_from_json(
    text: str, edit: tuple[str, str], path: Path, assigned: str, expected: Json
) -> None:
    assert stamped(edited(edit, text=text), path, assigned, cast="json") == (expected, [])


def test_what_is_made_beside_a_trial_is_checked_with_its_values_too() -> None:
    spec = "metadata: {name: '${trial.name}-s'}, spec: {type: '${trialParameters.optimizer}'}"
    service = f"{{apiVersion: v1, kind: Service, {spec}}}"
    additional = f"    additionalResources:\n      - {service}\n    trialSpec:\n"
    _, problems = check(edited(("    trialSpec:\n", additional)))

    (problem,) = [p for p in problems if p.severity is Severity.ERROR]
    assert (problem.code, problem.path) == (
        "unknown-value",
        "spec.trialTemplate.additionalResources[0].spec.type",
    )


_LIMIT: Final = 128 * 1024
_ARGUMENT: Final = (
    ("- --layers=${trialParameters.layers}", "- --layers=${trialParameters.layers}${trialParameters.optimizer}"),
    ("value: ${trialParameters.optimizer}", "value: x"),
)


def _too_long(letters: int, *edits: tuple[str, str]) -> list[Problem]:
    _, problems = check(edited(("[sgd, adam]", f"[sgd, {'x' * letters}]"), *edits))
    return [p for p in problems if p.code == "argument-too-long"]


@pytest.mark.parametrize(
    ("edits", "path", "before"),
    [(_ARGUMENT, "args[1]", "--layers=8"), ((), "env[0].value", "OPTIMIZER=")],
    ids=["an argument", "a variable with its name"],
)
def test_a_text_that_no_command_can_be_started_with_is_an_error(
    edits: tuple[tuple[str, str], ...], path: str, before: str
) -> None:
    (problem,) = _too_long(_LIMIT - len(before), *edits)

    assert problem.severity is Severity.ERROR
    assert problem.path == f"spec.trialTemplate.trialSpec.spec.template.spec.containers[0].{path}"
    assert _too_long(_LIMIT - len(before) - 1, *edits) == []


@pytest.mark.parametrize("spelling", ["1.10", "010", "1e3", "0x1F", "on", "y", "No", "1_000", "true", "+5"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("value: ${trialParameters.optimizer}", "value: {}", id="an environment value"),
        pytest.param("- --layers=${trialParameters.layers}", "- {}", id="an argument"),
        pytest.param(
            "          metadata:\n", "          metadata:\n            annotations: {{a: {}}}\n", id="an annotation"
        ),
    ],
)
def test_a_value_that_has_to_be_quoted_is_quoted_as_its_author_wrote_it(spelling: str, old: str, new: str) -> None:
    _, problems = check(edited((old, new.format(spelling))))
    [problem] = [p for p in problems if p.code == "wrong-type"]
    assert problem.remedy == f'quote it: "{spelling}"'
    assert f"({spelling})" in problem.message
