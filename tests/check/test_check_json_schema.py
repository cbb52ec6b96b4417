"""The JSON Schema takes every good file, refuses misspelt ones, and has every field that the readers know."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from check_samples import GOOD, edited
from explanation_samples import whole_file
from jsonschema import Draft7Validator

from trialmill.api.load import load_documents
from trialmill.api.marked import Node
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.read_experiment import read_experiment
from trialmill.api.reader import Fields
from trialmill.api.tree import Json, format_path
from trialmill.api.tree import Path as Place
from trialmill.check.documents import check_documents
from trialmill.check.explanations import explanations
from trialmill.check.json_schema.files import SCHEMAS, schema_of
from trialmill.check.json_schema.parts import Schema
from trialmill.forms.draft import Draft
from trialmill.forms.normalize import INJECTIONS, MANIFEST_FORMS, VALUE_FORMS

ROOT = Path(__file__).resolve().parents[2]
KATIB = sorted(Path(os.environ["KATIB_EXAMPLES"]).glob("*.yaml")) if os.environ.get("KATIB_EXAMPLES") else []
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
OLD = sorted((ROOT / "tests" / "forms" / "v1alpha3").glob("*.yaml"))
FILE = Draft7Validator(schema_of("file"))


def complaints(text: str) -> list[str]:
    documents = load_documents(text.encode(), "file.yaml", [])
    return [f"{list(error.absolute_path)}: {error.message}" for d in documents for error in FILE.iter_errors(d.tree)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft7Validator.check_schema(schema_of(name))


@pytest.mark.parametrize("file", [*EXAMPLES, *KATIB, *OLD], ids=lambda file: file.name)
def test_an_example_is_valid(file: Path) -> None:
    assert complaints(file.read_text(encoding="utf-8")) == []


RIGHT = [
    (explanation.code, example)
    for explanation in explanations().values()
    for example in explanation.examples
    if not example.is_wrong and not explanation.remark
]


@pytest.mark.parametrize("example", [pytest.param(example, id=code) for code, example in RIGHT])
def test_the_right_example_of_each_problem_is_valid(example: object) -> None:
    assert complaints(whole_file(example)) == []  # type: ignore[arg-type]


TUNABLE = """\
    hyperTunable:
      image: train
      metrics: [{name: accuracy, path: /outputs/accuracy}]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("parallelTrialCount", "paralelTrialCount"),
        ("objectiveMetricName", "objectiveMetric"),
        ("type: maximize", "type: maximise"),
        ("algorithmName: random", "algorithmName: rando"),
        ("name: random_state", "name: random_sate"),
        ("parameterType: int", "parameterType: integer"),
        ("feasibleSpace:\n        min", "feasibleSpac:\n        min"),
        ('min: "1"', 'minimum: "1"'),
        ('max: "8"', "max: [8]"),
        ("    primaryContainerName:", "    successWhen: {conditon: Done}\n    primaryContainerName:"),
        ("    primaryContainerName:", "    successWhen: {condition: Done, cel: 'true'}\n    primaryContainerName:"),
        ("    primaryContainerName:", "    failureWhen: {cel: 'false', value: 3}\n    primaryContainerName:"),
        ("kind: File", "kind: Fil"),
        ("format: TEXT", "format: text"),
        ("metricsFormat:", "metricFormat:"),
        ("primaryContainerName:", "primaryContainer:"),
        ("reference: lr", "refernce: lr"),
        ("trialSpec:\n", "trialSpecs:\n"),
        ("backoffLimit: 0", "backoffLimt: 0"),
        ("backoffLimit: 0", "backoffLimit: none"),
        ("restartPolicy: Never", "restartPolicy: 3"),
        ("- name: logger", "- nme: logger"),
        ('command: ["true"]', "command: true"),
        ("maxTrialCount: 12", 'maxTrialCount: "12"'),
        ("maxTrialCount: 12", "maxTrialCount: 0"),
        ("name: mnist", "name: My_Name"),
    ],
)
def test_a_misspelt_file_is_not_valid(old: str, new: str) -> None:
    assert complaints(GOOD) == []
    assert complaints(edited((old, new))) != []


@pytest.mark.parametrize(
    ("form", "old", "new"),
    [
        ("04-env", "as: env", "as: envs"),
        ("06-format", "format:", "formt:"),
        ("07-image-command", "kind: Job", "kind: Jobb"),
        ("07-image-command", "resources:", "resource:"),
        ("08-known-spec", "restartPolicy:", "restartPolic:"),
        ("09-job", "kind: Job", "kind: Job\nspce: {}"),
        ("09-reference", "file:", "fil:"),
        ("10-config-map", "templatePath:", "templatPath:"),
        ("12-trial-template", "type: number", "type: nmber"),
        ("12-trial-template", "  metrics:", "  metric:"),
        ("17-hyper-tunable", "parameterSpecs:", "parameterSpec:"),
        ("03-go-template", "rawTemplate:", "rawTemplat:"),
    ],
)
def test_a_misspelt_form_is_not_valid(form: str, old: str, new: str) -> None:
    text = (ROOT / "examples" / "templates" / f"{form}.yaml").read_text(encoding="utf-8")
    is_experiment = "kind: Experiment" in text
    validator = FILE if is_experiment else Draft7Validator({**schema_of("file"), "$ref": "#/definitions/Manifest"})
    trees = [document.tree for document in load_documents(edited((old, new), text=text).encode(), "file.yaml", [])]
    assert any(list(validator.iter_errors(tree)) for tree in trees)


def test_a_placeholder_may_stand_for_any_value_of_a_manifest() -> None:
    assert complaints(edited(("backoffLimit: 0", 'backoffLimit: "${trialParameters.layers}"'))) == []


def test_documents_of_other_kinds_are_no_concern_of_the_schema() -> None:
    assert complaints(f"{GOOD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n") == []


# --- No field is missing

FULL = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: full}
spec:
  objective: {type: maximize, objectiveMetricName: a, metricStrategies: [{name: a, value: max}]}
  algorithm: {algorithmName: random, algorithmSettings: [{name: random_state, value: "1"}]}
  earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: start_step, value: "1"}]}
  parameters: [{name: lr, parameterType: double, feasibleSpace: {min: "0", max: "1"}}]
  metricsCollectorSpec:
    collector: {kind: File}
    source: {fileSystemPath: {}, filter: {}, httpGet: {}, metricFiles: [&a {name: a, path: /a}], metricFields: [*a]}
  trialTemplate:
    trialParameters: [{name: lr, reference: lr}]
    retry: {limit: 1}
    successWhen: {jsonpath: "{.status.phase}", value: Done}
    failureWhen: {condition: Failed}
    trialSpec: {apiVersion: batch/v1, kind: Job}
"""


def fields_at(schema: Schema, place: Place) -> set[str]:
    """The fields that the schema knows in a mapping; a step of a list is any number."""
    found: set[str] = set()
    for node in nodes_at(schema, schema, place):
        properties = node.get("properties")
        found |= set(properties) if isinstance(properties, dict) else set()
    return found


def nodes_at(root: Schema, schema: Json, place: Place) -> Iterator[Schema]:
    """Every schema that speaks of a place, through references and alternatives."""
    if not isinstance(schema, dict):
        return
    if isinstance(name := schema.get("$ref"), str):
        definitions = root["definitions"]
        assert isinstance(definitions, dict)
        yield from nodes_at(root, definitions[name.removeprefix("#/definitions/")], place)
    for keyword in ("allOf", "anyOf"):
        branches = schema.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            yield from nodes_at(root, branch, place)
    for keyword in ("then", "else"):
        yield from nodes_at(root, schema.get(keyword), place)
    if not place:
        yield schema
    elif isinstance(place[0], int):
        yield from nodes_at(root, schema.get("items"), place[1:])
    elif isinstance(properties := schema.get("properties"), dict):
        yield from nodes_at(root, properties.get(place[0]), place[1:])


def test_no_field_that_the_reader_knows_is_missing_and_none_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[Place, set[str]] = {}
    monkeypatch.setattr(Fields, "close", lambda self: read.update({self.path: set(self._asked)}))
    read_experiment(load_documents(FULL.encode(), "full.yaml", [])[0], Problems())

    schema = schema_of("experiment")
    in_forms = {*MANIFEST_FORMS, *VALUE_FORMS, *INJECTIONS, "parametersFormat", "jobKind"}
    of_server = fields_at(schema, ("metadata",)) - read[("metadata",)]
    others: dict[Place, set[str]] = {
        (): {"status"},
        ("metadata",): of_server,
        ("spec", "trialTemplate"): in_forms,
        ("spec", "trialTemplate", "trialParameters", 0): {"path"},
    }
    assert len(read) == 24
    for place, names in read.items():
        assert fields_at(schema, place) == names | others.get(place, set()), place


TEMPLATE = ("spec", "trialTemplate")
SELDOM = (
    "template: {kind: args, rawTemplate: text}",
    "reference: {configMap: {configMapName: a, templatePath: b}}",
    "reference: {kind: TrialTemplate, name: a}",
    "params: [{name: lr}]\n    trialSpec: {apiVersion: batch/v1, kind: Job}",
)
"""Forms that no example is written in."""


def test_no_field_that_a_form_knows_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[tuple[Place, set[str]]] = []

    def check_fields(self: Draft, node: Node, names: Iterable[str]) -> None:
        known.append((node.origin, set(names)))

    monkeypatch.setattr(Draft, "check_fields", check_fields)
    texts = [file.read_text(encoding="utf-8") for file in EXAMPLES]
    head = GOOD.partition("  trialTemplate:")[0]
    texts += [f"{head}  trialTemplate:\n    {form}\n" for form in SELDOM]
    monkeypatch.chdir(ROOT / "examples" / "templates")  # where the files are that they refer to
    for text in texts:
        check_documents(load_documents(text.encode(), "file.yaml", []), [])

    experiment, own = schema_of("experiment"), schema_of("trialtemplate")
    seen = set()
    for place, names in known:
        if "as" in names:  # asked for by an image and a command, in its place
            place = (*TEMPLATE, "inject")
        of_template = place[:1] == ("spec",) and place[1:2] != ("trialTemplate",)
        assert names - fields_at(own if of_template else experiment, place) == set(), place
        seen.add(place)
    forms = (
        "configMap",
        "goTemplate",
        "template",
        "reference",
        "trialTemplateRef",
        "hyperTunable",
        "trialSpec",
        "inject",
    )
    assert seen >= {(*TEMPLATE, form) for form in forms}
    assert seen >= {("spec",), ("spec", "parameters", 0), (*TEMPLATE, "params", 0)}


WRONG = sorted(Path(__file__).with_name("wrong").glob("*.yaml"))


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_what_the_schema_refuses_is_refused_or_warned_of_by_validate(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    text = file.read_text(encoding="utf-8")
    if complaints(text):
        problems: list[Problem] = []
        check_documents(load_documents(text.encode(), file.name, problems), problems)
        assert any(problem.severity is not Severity.NOTE for problem in problems)


def test_any_renamed_field_is_refused_but_where_names_are_free() -> None:
    tree = load_documents(GOOD.encode(), "good.yaml", [])[0].tree
    missed = [format_path(place) for place, renamed in renamings(tree) if FILE.is_valid(renamed)]
    assert missed == [
        "apiVersion",  # of another version, or of another kind, it is no Experiment
        "kind",
        "spec.trialTemplate.primaryPodLabels.role",
        "spec.trialTemplate.trialSpec.spec.template.metadata.labels.role",
        "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].resources.limits.cpu",
    ]


def renamings(tree: Json, place: Place = ()) -> Iterator[tuple[Place, Json]]:
    """The tree with each key renamed, one at a time."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield (*place, name), {f"{key}x" if key == name else key: item for key, item in tree.items()}
            for below, renamed in renamings(value, (*place, name)):
                yield below, {**tree, name: renamed}
    elif isinstance(tree, list):
        for position, item in enumerate(tree):
            for below, renamed in renamings(item, (*place, position)):
                yield below, [*tree[:position], renamed, *tree[position + 1 :]]
