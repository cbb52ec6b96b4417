"""From the text of a file to a trial's resource and its mounted files: values pass through unchanged.

That a value changes nothing around it holds for any text in any manifest, whatever YAML, JSON or a shell would make of
it.
"""

import tempfile
from pathlib import Path
from typing import Final

import pytest
import yaml
from check_samples import check
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject
from trialmill.check.documents import Checked
from trialmill.kinds.lowering import lower
from trialmill.kinds.plan import PodId
from trialmill.runtime.local.layout import volume_directory
from trialmill.runtime.local.mounts import make_volumes
from trialmill.template.compiled import TrialContext
from trialmill.template.placeholders import escape
from trialmill.template.render import render, render_parts

SLOT: Final = "${trialParameters.value}"
_MEGABYTE: Final = "é" * 500_000 + '"\n'
_WORDS: Final = (
    "${trialParameters.value} ${trial.name} $${ $(HOME) \" ' \\ {} [ ] # &a *a !!int | > % ... << null ~ 0x1 é 😀"
)
_SCRAPS: Final = st.sampled_from([*_WORDS.split(), "\n", "\t", ": ", "- ", "---\n", "\u2028"])
TEXTS: Final = st.lists(_SCRAPS | st.text(max_size=4), max_size=6).map("".join)
VALUES: Final = TEXTS.filter(lambda text: text != "other")
_LEAVES: Final = TEXTS.map(escape) | st.integers(-(2**53), 2**53) | st.booleans() | st.none() | st.just(SLOT)
TREES: Final[st.SearchStrategy[Json]] = st.recursive(
    _LEAVES,
    lambda child: st.lists(child, max_size=3) | st.dictionaries(TEXTS.map(escape), child, max_size=3),
    max_leaves=10,
)


class _Dumper(yaml.SafeDumper):
    """Writes an object again where it is met again, and every text in double quotes: what the other styles can hold,
    PyYAML guesses wrong.
    """

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Dumper.add_representer(str, _Dumper.represent_text)


def _experiment(value: str, manifest: JsonObject, *additional: JsonObject) -> str:
    """The file of an Experiment with one parameter, of which `value` is a choice."""
    template: JsonObject = {
        "primaryContainerName": "main",
        "successCondition": 'status.conditions.#(type=="Complete")#',
        "failureCondition": 'status.conditions.#(type=="Failed")#',
        "trialParameters": [{"name": "value", "reference": "choice"}],
        "trialSpec": manifest,
    }
    if additional:
        template["additionalResources"] = list(additional)
    choice: JsonObject = {"name": "choice", "parameterType": "categorical", "feasibleSpace": {"list": [value, "other"]}}
    tree: JsonObject = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "values"},
        "spec": {
            "objective": {"type": "maximize", "objectiveMetricName": "score"},
            "algorithm": {"algorithmName": "random"},
            "maxTrialCount": 2,
            "parallelTrialCount": 1,
            "maxFailedTrialCount": 1,
            "parameters": [choice],
            "trialTemplate": template,
        },
    }
    return yaml.dump(tree, Dumper=_Dumper, allow_unicode=True)


def _checked(text: str) -> Checked:
    checked, problems = check(text)
    assert checked is not None, [str(p)[:300] for p in problems]
    return checked


def _context(value: str) -> TrialContext:
    return TrialContext({"choice": value}, "values-1", "default", 1, 1, "values")


def _job(*mounts: Json, args: list[Json] | None = None, volumes: list[Json] | None = None) -> JsonObject:
    main: JsonObject = {"name": "main", "image": "bash", "args": args or [], "volumeMounts": list(mounts)}
    pod: JsonObject = {"restartPolicy": "Never", "containers": [main], "volumes": volumes or []}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}


def _expected(node: Json, value: str) -> Json:
    """What a manifest is to become: escapes taken away, and the value where the placeholder was."""
    match node:
        case str() if node == SLOT:
            return value
        case str():
            return node.replace("$${trial", "${trial")
        case list():
            return [_expected(item, value) for item in node]
        case dict():
            return {key.replace("$${trial", "${trial"): _expected(item, value) for key, item in node.items()}
    return node


@settings(max_examples=60)
@given(VALUES, TREES)
def test_any_value_in_any_manifest_comes_out_of_a_file_unchanged(value: str, tree: Json) -> None:
    spec: JsonObject = {"tree": tree, "slot": SLOT, "key": {SLOT: tree}, "text": f"before {SLOT} after"}
    manifest: JsonObject = {"apiVersion": "example.org/v1", "kind": "Thing", "spec": spec}

    checked = _checked(_experiment(value, manifest))

    expected = _expected(tree, value)
    assert render(checked.template, _context(value))["spec"] == {
        "tree": expected,
        "slot": value,
        "key": {value: expected},
        "text": f"before {value} after",
    }


CONFIG: Final[JsonObject] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "${trial.name}-values"},
    "data": {"value": SLOT, "inside": f'{{"value": "{SLOT}"}}'},
}
MOUNTED: Final = _job(
    {"name": "values", "mountPath": "/values"},
    volumes=[{"name": "values", "configMap": {"name": "${trial.name}-values"}}],
)


def _mounted_files(value: str, folder: str) -> dict[str, bytes]:
    """What a trial finds in the folder that its ConfigMap is mounted at."""
    checked = _checked(_experiment(value, MOUNTED, CONFIG))
    problems = Problems()
    context = _context(value)
    workload = lower(render(checked.template, context), render_parts(checked.template, context), problems)
    assert workload is not None, problems.found
    make_volumes(workload.pod(PodId(0, 0)), folder)
    return {file.name: file.read_bytes() for file in Path(volume_directory(folder, "values")).iterdir()}


@settings(max_examples=40)
@given(VALUES)
def test_any_value_comes_out_unchanged_in_a_mounted_file(value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = _mounted_files(value, folder)

    assert files == {"value": value.encode(), "inside": f'{{"value": "{value}"}}'.encode()}


def test_a_value_of_a_megabyte_comes_out_unchanged_in_a_mounted_file(tmp_path: Path) -> None:
    assert _mounted_files(_MEGABYTE, str(tmp_path))["value"] == _MEGABYTE.encode()


@pytest.mark.parametrize("value", ["1", "true", "null", "0.10", "[1]", "a: b", "- a", "#", "", " "])
def test_a_value_stays_text_in_an_argument(value: str) -> None:
    checked = _checked(_experiment(value, _job(args=[SLOT])))
    resource = render(checked.template, _context(value))

    assert _args(resource) == [value]


def _args(resource: JsonObject) -> Json:
    problems = Problems()
    workload = lower(resource, (), problems)
    assert workload is not None, problems.found
    (main,) = workload.pod(PodId(0, 0)).containers
    return list(main.args)


def test_a_value_of_a_megabyte_is_an_error_in_an_argument() -> None:
    _, problems = check(_experiment(_MEGABYTE, _job(args=[SLOT])))

    assert [(p.code, p.path.rpartition(".")[2]) for p in problems] == [("argument-too-long", "args[0]")]
    assert len(problems[0].message) < 500


def test_a_value_with_a_zero_byte_is_an_error_in_an_argument() -> None:
    _, problems = check(_experiment("a\0b", _job(args=[SLOT])))

    assert [(p.code, p.path.rpartition(".")[2]) for p in problems] == [("argument-with-zero", "args[0]")]


def test_a_value_of_a_megabyte_is_not_repeated_where_a_field_takes_few_words() -> None:
    manifest = _job()
    manifest["spec"] = {
        "template": {"spec": {"restartPolicy": SLOT, "containers": [{"name": "main", "image": "bash"}]}}
    }
    _, problems = check(_experiment(_MEGABYTE, manifest))

    assert "unknown-value" in [p.code for p in problems]
    assert max(len(str(p)) + len(p.found) for p in problems) < 1000
