from pathlib import PurePath

import pytest
from template_fakes import FakeSchema, compiled, found, job, template

from trialmill.api.document import Document, Mark
from trialmill.api.experiment import TrialParameter
from trialmill.api.fields import FieldType
from trialmill.api.problem import Problems, Severity
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Space
from trialmill.api.tree import Json, JsonObject
from trialmill.template.compile import compile_template, needed_assignments
from trialmill.template.compiled import TRIAL_LABEL, Ref, RefKind, Slot

LR = ("lr", "learning-rate")
LR_REF = Ref(RefKind.PARAMETER, "learning-rate")
USES_LR: Json = {"args": ["--lr=${trialParameters.lr}"]}
SPEC = "spec.trialTemplate.trialSpec"
DECLARED = "spec.trialTemplate.trialParameters"


def test_placeholders_become_slots_and_the_rest_stays() -> None:
    spec: Json = {"args": ["--lr=${trialParameters.lr}", "$(POD) ${HOME} $$"], "n": 3, "none": None}
    result = compiled(job(spec), LR)
    assert (result.api_version, result.kind) == ("batch/v1", "Job")
    assert result.slots == (Slot(("spec", "args", 0), ("--lr=", LR_REF)),)
    assert result.tree == job(spec)
    assert needed_assignments(result) == {"learning-rate"}


def test_an_escape_is_resolved_once_and_makes_no_slot() -> None:
    result = compiled(job({"script": "echo $${trialParameters.lr}"}))
    assert result.slots == ()
    assert result.tree["spec"] == {"script": "echo ${trialParameters.lr}"}


def test_a_template_without_trial_parameters_may_use_metadata_directly() -> None:
    result = compiled(job({"dir": "/out/${trial.name}/${trial.index}"}))
    assert result.slots[0].parts == ("/out/", Ref(RefKind.NAME), "/", Ref(RefKind.INDEX))
    assert needed_assignments(result) == frozenset()


REFERENCES = {
    "name": ("${trialSpec.Name}", Ref(RefKind.NAME)),
    "namespace": ("${trialSpec.Namespace}", Ref(RefKind.NAMESPACE)),
    "kind": ("${trialSpec.Kind}", Ref(RefKind.KIND)),
    "apiVersion": ("${trialSpec.APIVersion}", Ref(RefKind.API_VERSION)),
    "label": ("${trialSpec.Labels[team.io/who]}", Ref(RefKind.LABEL, "team.io/who")),
    "annotation": ("${trialSpec.Annotations[note]}", Ref(RefKind.ANNOTATION, "note")),
}


@pytest.mark.parametrize(("reference", "ref"), REFERENCES.values(), ids=REFERENCES)
def test_a_trial_parameter_may_refer_to_trial_metadata(reference: str, ref: Ref) -> None:
    manifest = job(USES_LR, {"labels": {"team.io/who": "us"}, "annotations": {"note": "n"}})
    assert compiled(manifest, ("lr", reference)).slots[0].parts == ("--lr=", ref)


META: JsonObject = {"labels": {"who": "us", "lr": "${trialParameters.lr}", "number": 3}}
WRONG_REFERENCES = {
    "text around it": "a-${trialSpec.Name}",
    "two at once": "${trialSpec.Name}${trialSpec.Kind}",
    "not closed": "${trialSpec.Name",
    "unknown": "${trialSpec.Nmae}",
    "labels without a key": "${trialSpec.Labels}",
    "a label that is missing": "${trialSpec.Labels[whom]}",
    "a label that holds a placeholder": "${trialSpec.Labels[lr]}",
    "a label that is a number": "${trialSpec.Labels[number]}",
    "an annotation where there is none": "${trialSpec.Annotations[who]}",
}


@pytest.mark.parametrize("reference", WRONG_REFERENCES.values(), ids=WRONG_REFERENCES)
def test_a_metadata_reference_that_would_fail_in_a_trial_is_an_error(reference: str) -> None:
    assert found(job(USES_LR, META), ("lr", reference)) == [("invalid-metadata-reference", f"{DECLARED}[0].reference")]


PROBLEMS = {
    "undeclared": (
        job({"a": ["x", "${trialParameters.l}"]}),
        [],
        [],
        [("undeclared-placeholder", f"{SPEC}.spec.a[1]")],
    ),
    "undeclared in a key": (
        job({"${trialParameters.l}": 1}),
        [],
        [],
        [("undeclared-placeholder", f"{SPEC}.spec['${{trialParameters.l}}']")],
    ),
    "malformed": (job({"a": "${trial.nmae}"}), [], [], [("unknown-metadata", f"{SPEC}.spec.a")]),
    "Katib's metadata directly": (job({"a": "${trialSpec.Name}"}), [], [], [("direct-trial-spec", f"{SPEC}.spec.a")]),
    "unused": (job({}), [LR], [], [("unused-trial-parameter", f"{DECLARED}[0].name")]),
    "name twice": (job(USES_LR), [LR, ("lr", "other")], [], [("duplicate-name", f"{DECLARED}[1].name")]),
    "reference twice": (
        job({"a": "${trialParameters.lr}${trialParameters.b}"}),
        [LR, ("b", "learning-rate")],
        [],
        [("duplicate-reference", f"{DECLARED}[1].reference")],
    ),
    "braces in a name": (job({}), [("l{r}", "x")], [], [("invalid-name", f"{DECLARED}[0].name")]),
    "no name": (job({}), [("", "x")], [], [("required", f"{DECLARED}[0].name")]),
    "no reference": (job(USES_LR), [("lr", "")], [], [("required", f"{DECLARED}[0].reference")]),
    "unknown reference": (
        job(USES_LR),
        [("lr", "lr")],
        ["learning-rate"],
        [("unknown-reference", f"{DECLARED}[0].reference"), ("unused-parameter", "spec.parameters")],
    ),
    "parameter not passed on": (job({}), [], ["x"], [("unused-parameter", "spec.parameters")]),
    "unknown as": (
        job(USES_LR),
        [TrialParameter("lr", "x", cast="int")],
        [],
        [("invalid-as", f"{DECLARED}[0].as")],
    ),
    "json inside text": (
        job(USES_LR),
        [TrialParameter("lr", "x", cast="json")],
        [],
        [("not-isolated", f"{SPEC}.spec.args[0]")],
    ),
    "json as a key": (
        job({"${trialParameters.lr}": 1}),
        [TrialParameter("lr", "x", cast="json")],
        [],
        [("not-isolated", f"{SPEC}.spec['${{trialParameters.lr}}']")],
    ),
    "no object": ("text", [], [], [("wrong-type", SPEC)]),
    "no kind": ({"apiVersion": "v1"}, [], [], [("required", SPEC)]),
    "empty apiVersion": ({"apiVersion": "", "kind": "Pod"}, [], [], [("required", f"{SPEC}.apiVersion")]),
    "placeholder in kind": (
        {"apiVersion": "v1", "kind": "${trial.name}"},
        [],
        [],
        [("placeholder-in-kind", f"{SPEC}.kind")],
    ),
    "metadata is no mapping": ({**job({}), "metadata": []}, [], [], [("wrong-type", f"{SPEC}.metadata")]),
    "labels are no mapping": (job({}, {"labels": "x"}), [], [], [("wrong-type", f"{SPEC}.metadata.labels")]),
    "infinity": (job({"a": float("inf")}), [], [], [("not-json", f"{SPEC}.spec.a")]),
    "everything at once": (
        {"kind": "", "spec": ["${trialParameters.}", "${trialParameters.q}"]},
        [LR],
        ["w"],
        [
            ("unknown-reference", f"{DECLARED}[0].reference"),
            ("unused-parameter", "spec.parameters"),
            ("required", SPEC),
            ("required", f"{SPEC}.kind"),
            ("empty-placeholder", f"{SPEC}.spec[0]"),
            ("undeclared-placeholder", f"{SPEC}.spec[1]"),
            ("unused-trial-parameter", f"{DECLARED}[0].name"),
        ],
    ),
}


@pytest.mark.parametrize(("manifest", "parameters", "names", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_mistake_is_reported_at_its_place(
    manifest: Json,
    parameters: list[TrialParameter | tuple[str, str]],
    names: list[str],
    expected: list[tuple[str, str]],
) -> None:
    assert found(manifest, *parameters, names=names) == expected


def test_any_reference_will_do_where_the_search_parameters_are_unknown() -> None:
    assert found(job(USES_LR), ("lr", "architecture"), names=()) == []


def test_misspelt_names_get_a_did_you_mean() -> None:
    problems = Problems()
    manifest = job({"args": ["${trialParameters.learningrate}", "${trialParameters.learningRate}"]})
    compile_template(template(manifest, ("learningRate", "learning_rate")), ["learning-rate"], FakeSchema(), problems)
    remedies = [p.remedy for p in problems if p.code in ("undeclared-placeholder", "unknown-reference")]
    assert remedies == ["did you mean learning-rate?", "did you mean learningRate?"]


def test_a_direct_placeholder_as_a_reference_is_told_where_it_belongs() -> None:
    problems = Problems()
    compile_template(template(job(USES_LR), ("lr", "${trial.index}")), ["x"], FakeSchema(), problems)
    assert "write ${trial.index} in the template itself" in problems.found[0].remedy


def test_problems_carry_the_line_of_the_key_or_of_the_value() -> None:
    base = ("spec", "trialTemplate", "trialSpec", "spec")
    tree: Json = {"spec": {"parameters": [{"name": "a"}, {"name": "b"}]}}
    path = (*base, "${trial.x}")
    file = str(PurePath("e.yaml"))
    values = {path: Mark(file, 9, 20), ("spec", "parameters", 1, "name"): Mark(file, 3, 4)}
    problems = Problems(Document(file, tree, values, {path: Mark(file, 9, 5)}))
    manifest = job({"${trial.x}": "${trial.y}"})
    compile_template(template(manifest), ["b"], FakeSchema(), problems)
    assert [(p.line, p.column) for p in problems] == [(3, 4), (9, 5), (9, 20)]


def test_metadata_that_trialmill_owns_is_taken_over_and_counts_as_use_of_the_trials_metadata() -> None:
    problems = Problems()
    metadata: dict[str, Json] = {
        "name": "job-${trialParameters.run}",
        "namespace": "team",
        "generateName": "x-",
        "ownerReferences": [{"name": "${trial.name}"}],
        "labels": {"a": "b", "katib.kubeflow.org/trial": "mine"},
    }
    run = ("run", "${trialSpec.Name}")
    result = compile_template(template(job({}, metadata), run), (), FakeSchema(), problems)
    assert result is not None
    assert result.tree["metadata"] == {"labels": {"a": "b"}}
    assert result.slots == ()
    assert [(p.code, p.severity) for p in problems] == [("owned-metadata", Severity.NOTE)] * 5


@pytest.mark.parametrize(
    "metadata", [{"name": "${trialParameters.lr}"}, {"labels": {TRIAL_LABEL: "${trialParameters.lr}"}}]
)
def test_a_value_that_stands_only_in_metadata_that_trialmill_owns_reaches_no_trial(metadata: JsonObject) -> None:
    assert found(job({}, metadata), LR) == [("unused-trial-parameter", f"{DECLARED}[0].name")]
    assert found(job(USES_LR, metadata), LR) == []


def test_a_value_in_owned_metadata_may_reach_a_trial_by_what_is_computed_from_it() -> None:
    derived = TrialParameter("twice", "", value="2 * rate")
    manifest = job({"a": "${trialParameters.twice}"}, {"name": "${trialParameters.lr}"})
    assert found(manifest, ("lr", "rate"), derived) == []


def test_mistakes_in_metadata_that_is_taken_over_are_still_found() -> None:
    assert found(job({}, {"name": "${trialParameters.x}"})) == [("undeclared-placeholder", f"{SPEC}.metadata.name")]


# --- Types

FIELD = ("spec", "n")
INTEGER_FIELD = FakeSchema({FIELD: FieldType.INTEGER})
ISOLATED: Json = {"n": "${trialParameters.lr}"}

TYPES: dict[str, tuple[FieldType | None, str, FieldType, list[str]]] = {
    "the schema": (FieldType.INTEGER, "", FieldType.INTEGER, []),
    "as, where the schema has no such field": (None, "boolean", FieldType.BOOLEAN, []),
    "as, where the schema allows anything": (FieldType.ANY, "number", FieldType.NUMBER, []),
    "string, where the schema allows anything": (FieldType.ANY, "", FieldType.STRING, []),
    "schema and as agree": (FieldType.NUMBER, "number", FieldType.NUMBER, []),
    "the schema over as": (FieldType.STRING, "integer", FieldType.STRING, ["contradicting-as"]),
    "the schema over json": (FieldType.INTEGER, "json", FieldType.INTEGER, ["contradicting-as"]),
    "as chooses between integer and string": (FieldType.INT_OR_STRING, "string", FieldType.STRING, []),
    "as narrows a number": (FieldType.NUMBER, "integer", FieldType.INTEGER, []),
    "a quantity stays text": (FieldType.QUANTITY, "integer", FieldType.QUANTITY, []),
    "json for a list": (FieldType.LIST, "json", FieldType.LIST, []),
    "json for a map": (FieldType.MAP, "json", FieldType.MAP, []),
    "json for anything": (None, "json", FieldType.ANY, []),
}


@pytest.mark.parametrize(("field", "cast", "target", "codes"), TYPES.values(), ids=TYPES)
def test_a_whole_scalar_takes_the_type_of(
    field: FieldType | None, cast: str, target: FieldType, codes: list[str]
) -> None:
    schema = FakeSchema({FIELD: field} if field else {})
    parameter = TrialParameter("lr", "x", cast=cast)
    assert compiled(job(ISOLATED), parameter, schema=schema).slots[0].target is target
    assert [code for code, _ in found(job(ISOLATED), parameter, schema=schema)] == codes


def test_text_and_keys_are_strings_whatever_the_schema_says() -> None:
    result = compiled(job({"n": "${trialParameters.lr}0"}), LR, schema=INTEGER_FIELD)
    assert result.slots[0].target is FieldType.STRING


@pytest.mark.parametrize(("kind", "cast", "notes"), [("My", "", 1), ("My", "integer", 0), ("Job", "", 0)])
def test_a_guessed_type_is_noted_for_unknown_kinds_only(kind: str, cast: str, notes: int) -> None:
    problems = Problems()
    manifest = job(ISOLATED, kind=kind)
    compile_template(template(manifest, TrialParameter("lr", "x", cast=cast)), (), FakeSchema(), problems)
    assert [p.code for p in problems] == ["untyped-field"] * notes


MISFITS: dict[str, tuple[Dimension, FieldType, str, bool]] = {
    "double, integer": (Double("x", 0.01, 0.1), FieldType.INTEGER, "", False),
    "double between whole bounds, integer": (Double("x", 1, 9), FieldType.INTEGER, "", False),
    "double in half steps, integer": (Double("x", 1, 9, 0.5), FieldType.INTEGER, "", False),
    "double in whole steps, integer": (Double("x", 1, 9, 2.0), FieldType.INTEGER, "", True),
    "double of one whole value, integer": (Double("x", 2, 2), FieldType.INTEGER, "", True),
    "int, integer": (Integer("x", 1, 9), FieldType.INTEGER, "", True),
    "discrete whole, integer": (Discrete("x", ("1", "2.0"), (1, 2)), FieldType.INTEGER, "", True),
    "discrete fraction, integer": (Discrete("x", ("1", "2.5"), (1, 2.5)), FieldType.INTEGER, "", False),
    "words, number": (Categorical("x", ("1e-3", "many")), FieldType.NUMBER, "", False),
    "numbers as words, number": (Categorical("x", ("1e-3", "5")), FieldType.NUMBER, "", True),
    "words, boolean": (Categorical("x", ("true", "False")), FieldType.BOOLEAN, "", True),
    "int, boolean": (Integer("x", 0, 1), FieldType.BOOLEAN, "", False),
    "double, string": (Double("x", 0, 1), FieldType.STRING, "", True),
    "JSON lists, list": (Categorical("x", ("[1]", "[]")), FieldType.LIST, "json", True),
    "JSON of another type, list": (Categorical("x", ("[1]", "{}")), FieldType.LIST, "json", False),
    "no JSON": (Categorical("x", ("[1",)), FieldType.ANY, "json", False),
    "double, list": (Double("x", 0, 1), FieldType.LIST, "json", False),
    "text, list": (Categorical("x", ("[1]",)), FieldType.LIST, "", False),
}


@pytest.mark.parametrize(("dimension", "field", "cast", "fits"), MISFITS.values(), ids=MISFITS)
def test_values_that_can_never_fit_their_field_are_found(
    dimension: Dimension, field: FieldType, cast: str, fits: bool
) -> None:
    parameter = TrialParameter("lr", "x", cast=cast)
    schema = FakeSchema({FIELD: field})
    expected = [] if fits else [("value-does-not-fit", f"{SPEC}.spec.n")]
    assert found(job(ISOLATED), parameter, names=["x"], schema=schema, space=Space((dimension,))) == expected


def test_a_misfit_says_what_the_parameter_is_and_what_the_field_takes() -> None:
    problems = Problems()
    space = Space((Double("lr", 0.01, 0.1),))
    compile_template(template(job(ISOLATED), ("lr", "lr")), ["lr"], INTEGER_FIELD, problems, space=space)
    expected = "parameter lr is a double from 0.01 to 0.1, but spec.n takes an integer"
    assert [p.message for p in problems] == [expected]


@pytest.mark.parametrize(("placeholder", "fits"), [("trial.index", True), ("trial.name", False)])
def test_metadata_too_must_fit_its_field(placeholder: str, fits: bool) -> None:
    problems = found(job({"n": f"${{{placeholder}}}"}), schema=INTEGER_FIELD)
    assert problems == ([] if fits else [("value-does-not-fit", f"{SPEC}.spec.n")])


DEFAULTS: dict[str, tuple[Dimension, Json, bool]] = {
    "double": (Double("x", 0, 1), 0.5, True),
    "whole number for a double": (Double("x", 0, 1), 1, True),
    "word for a double": (Double("x", 0, 1), "fast", False),
    "fraction for an int": (Integer("x", 0, 9), 2.5, False),
    "whole float for an int": (Integer("x", 0, 9), 2.0, True),
    "another spelling of a listed number": (Discrete("x", ("0.10",), (0.1,)), 0.1, True),
    "number that is not listed": (Discrete("x", ("0.10",), (0.1,)), 0.2, False),
    "word that is not listed": (Categorical("x", ("a", "true")), "b", False),
    "boolean for a listed word": (Categorical("x", ("a", "true")), True, True),
    "list": (Categorical("x", ("a",)), ["a"], False),
}


@pytest.mark.parametrize(("dimension", "default", "fits"), DEFAULTS.values(), ids=DEFAULTS)
def test_a_default_must_be_a_value_of_its_parameter(dimension: Dimension, default: Json, fits: bool) -> None:
    parameter = TrialParameter("lr", "x", default=default)
    problems = found(job(USES_LR), parameter, names=["x"], space=Space((dimension,)))
    assert problems == ([] if fits else [("default-does-not-fit", f"{DECLARED}[0].default")])
