"""An image and a command, and one of several known specs."""

import pytest
from forms_samples import documents, line_of, normalized, template_of, with_template

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import get, get_list
from trialmill.check.documents import check_documents

LR, LAYERS = "${trialParameters.lr}", "${trialParameters.num-layers}"


def short(**fields: str) -> str:
    lines = "".join(f"  {name}: {value}\n" for name, value in {"kind": "Job", "image": "example", **fields}.items())
    return with_template(f"trialSpec:\n{lines}")


def errors(text: str) -> list[Problem]:
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    return [p for p in problems if p.severity is Severity.ERROR]


KINDS = ["Job", "Pod", "TFJob", "PyTorchJob", "XGBoostJob", "PaddleJob", "JAXJob", "MPIJob", "TrainJob"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_becomes_a_manifest_without_a_fault_that_gets_the_values(kind: str) -> None:
    text = short(kind=kind, command="python train.py --name 'a b'", resources="{limits: {cpu: 1}}")
    assert errors(text) == []
    manifest = get(template_of(normalized(text)), "trialSpec")
    assert f"--lr={LR}" in str(manifest)
    assert "['python', 'train.py', '--name', 'a b']" in str(manifest)


def test_a_cluster_spec_says_how_many_of_each_role() -> None:
    text = short(kind="TFJob", clusterSpec=f"{{worker: '{LAYERS}', ps: 2}}", command=f"[run, '{LR}']")
    declared = "    trialParameters: [{name: lr, reference: lr}, {name: num-layers, reference: num-layers}]\n"
    text += declared
    assert errors(text) == []
    replicas = get(template_of(normalized(text)), "trialSpec", "spec", "tfReplicaSpecs")
    assert get(replicas, "Worker", "replicas") == LAYERS
    assert get(replicas, "PS", "replicas") == 2
    (container,) = get_list(replicas, "PS", "template", "spec", "containers")
    assert get(container, "name") == "tensorflow"
    assert get(container, "args") is None


def test_the_workers_of_an_mpi_job_run_what_their_image_runs() -> None:
    text = short(kind="MPIJob", command="[mpirun, python, train.py]", clusterSpec="{launcher: 1, worker: 2}")
    specs = get(template_of(normalized(text)), "trialSpec", "spec", "mpiReplicaSpecs")
    assert get(specs, "Launcher", "template", "spec", "containers", 0, "command", 0) == "mpirun"
    assert get(specs, "Worker", "template", "spec", "containers", 0, "command") is None


@pytest.mark.parametrize(
    ("fields", "code", "at"),
    [
        ({"kind": "TFjob"}, "unknown-kind", "kind: TFjob"),
        ({"kind": "Deployment"}, "unknown-kind", "kind: Deployment"),
        ({"kind": "TFJob", "clusterSpec": "{wroker: 2}"}, "unknown-role", "wroker"),
        ({"kind": "TFJob", "clusterSpec": "[2]"}, "wrong-type", "clusterSpec"),
        ({"kind": "[a]"}, "wrong-type", "kind: [a]"),
    ],
)
def test_what_is_wrong_with_the_short_form_is_said_at_its_line(fields: dict[str, str], code: str, at: str) -> None:
    text = short(**fields)
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == (code, line_of(text, at))


POD = "template: {spec: {restartPolicy: Never, containers: [{name: main, image: i, command: [run]}]}}"
TORCH_POD, TENSORFLOW_POD = (POD.replace("main", name) for name in ("pytorch", "tensorflow"))


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        (f"job: {{{POD}}}", "Job"),
        (f"jobSpec: {{{POD}}}", "Job"),
        (f"jobKind: Job\njobSpec: {{{POD}}}", "Job"),
        (f"jobKind: PyTorchJob\njobSpec: {{pytorchReplicaSpecs: {{Master: {{{TORCH_POD}}}}}}}", "PyTorchJob"),
        (f"tfJobSpec: {{tfReplicaSpecs: {{Worker: {{{TENSORFLOW_POD}}}}}}}", "TFJob"),
        (f"mpiJob: {{mpiReplicaSpecs: {{Launcher: {{{POD}}}}}}}", "MPIJob"),
        (f"job: {{metadata: {{labels: {{a: b}}}}, spec: {{{POD}}}}}", "Job"),
    ],
)
def test_one_known_spec_is_wrapped_into_its_resource(template: str, kind: str) -> None:
    text = with_template(f"{template}\ninject: {{as: env}}\n")
    manifest = get(template_of(normalized(text)), "trialSpec")
    assert get(manifest, "kind") == kind
    assert [p for p in errors(text) if p.code != "unknown-container"] == []


@pytest.mark.parametrize(
    ("template", "code", "at"),
    [
        ("job: {}\ntfJob: {}", "mixed-forms", "tfJob"),
        ("job: {}\ntrialSpec: {}", "mixed-forms", "job"),
        ("jobKind: Jbo\njobSpec: {}", "unknown-kind", "jobKind"),
        ("jobKind: Job\ntfJobSpec: {}", "mixed-forms", "jobKind"),
        ("job: run", "wrong-type", "job: run"),
    ],
)
def test_exactly_one_spec_may_be_there(template: str, code: str, at: str) -> None:
    text = with_template(template)
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == (code, line_of(text, at))
