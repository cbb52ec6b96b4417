"""Values of any text: unchanged in the resource, in what `render` prints, and in files; nothing around them changes."""

import json
import shlex
from typing import Final

import pytest
from check_samples import GOOD, check, edited
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trialmill.api.load import load_documents
from trialmill.api.space import Value
from trialmill.api.tree import Json, JsonObject, get, get_string
from trialmill.api.yaml_text import yaml_text
from trialmill.check.documents import Checked
from trialmill.root.manifests import as_applied
from trialmill.template.compiled import TrialContext
from trialmill.template.render import render, render_parts

AWKWARD: Final = (
    "",
    " ",
    "\n",
    "a\nb\n\n",
    "\r\n",
    "\t",
    "'\"`\\",
    "${trialParameters.optimizer}",
    "$${trial.name}",
    "{{.Trial}} {{end}}",
    "- a: [b, {c: d}]",
    '{"a": [1, "\\u0000"]}',
    "# no comment",
    "key: value",
    "---\n...\n",
    "yes",
    "null",
    "1e3",
    "0o17",
    "*alias &anchor !tag",
    "\u2028\u2029\x85\ufeff",
    "\U0001f600 ü ß",
    "%PERCENT @at",
    "$(echo x)",
    "x" * 100_000,
    "=" * 3 + "'" * 5,
)
TEXTS: Final = st.one_of(
    st.sampled_from(AWKWARD),
    # What no file, argument or variable can hold has no place in a manifest: U+0000.
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
_INJECTED: Final = edited(
    ("    trialParameters:\n", "    inject: {as: file, path: /inputs/values, format: FORMAT}\n    gone:\n"),
    ("      - name: learningRate\n        reference: lr\n", ""),
    ("      - name: layers\n        reference: layers\n", ""),
    ("      - name: batch\n        reference: batch\n", ""),
    ("      - name: optimizer\n        reference: optimizer\n", ""),
    ("    gone:\n", ""),
    (
        "                args:\n                  - --lr=${trialParameters.learningRate}\n"
        "                  - --layers=${trialParameters.layers}\n                  - --batch=${trialParameters.batch}\n"
        "                env:\n                  - name: OPTIMIZER\n"
        "                    value: ${trialParameters.optimizer}\n",
        "",
    ),
)


def _checked(text: str) -> Checked:
    checked, problems = check(text)
    assert checked is not None, [str(problem) for problem in problems]
    return checked


def _resources(checked: Checked, assignments: dict[str, Value]) -> list[JsonObject]:
    context = TrialContext(assignments, "mnist-1", "team", 1, 2, "mnist")
    return [render(checked.template, context), *render_parts(checked.template, context)]


def _assignments(text: str) -> dict[str, Value]:
    return {"lr": 0.05, "layers": 3, "batch": "16", "optimizer": text}


_TEMPLATE: Final = _checked(edited(("value: ${trialParameters.optimizer}", 'value: "<${trialParameters.optimizer}>"')))
_WHOLE: Final = _checked(GOOD)
_FILES: Final = {name: _checked(_INJECTED.replace("FORMAT", name)) for name in ("json", "yaml", "env")}


def _value_in(resource: Json) -> Json:
    return get(resource, "spec", "template", "spec", "containers", 0, "env", 0, "value")


@given(TEXTS)
@example("\ud7ff\ue000\ufffd\uffff\U0010ffff")
def test_any_text_is_unchanged_in_the_resource_and_changes_nothing_else(text: str) -> None:
    one, other = (_resources(_WHOLE, _assignments(t))[0] for t in (text, "plain"))

    assert _value_in(one) == text
    get(one, "spec", "template", "spec", "containers", 0, "env", 0)["value"] = "plain"  # type: ignore[index,call-overload]
    assert one == other
    assert _value_in(_resources(_TEMPLATE, _assignments(text))[0]) == f"<{text}>"


@given(TEXTS)
def test_any_text_is_unchanged_in_what_render_prints(text: str) -> None:
    resource = _resources(_WHOLE, _assignments(text))[0]
    problems: list[object] = []

    (document,) = load_documents(yaml_text(as_applied(resource, ())).encode(), "", problems)  # type: ignore[arg-type]

    assert problems == []
    assert document.tree == resource
    assert json.loads(json.dumps(resource)) == resource


@given(TEXTS)
@settings(max_examples=150)
@pytest.mark.parametrize("form", ["json", "yaml", "env"])
def test_any_text_is_unchanged_in_a_file_of_values(form: str, text: str) -> None:
    content = _content(form, text)

    match form:
        case "json":
            found = json.loads(content)
        case "yaml":
            (document,) = load_documents(content.encode(), "", [])
            found = document.tree
        case _:
            found = dict(word.partition("=")[::2] for word in shlex.split(content))
    assert isinstance(found, dict)
    assert {name: str(value) for name, value in found.items()} == {
        "lr": "0.05",
        "layers": "3",
        "batch": "16",
        "optimizer": text,
    }


def _content(form: str, text: str) -> str:
    """The text of the ConfigMap that is mounted."""
    (config_map,) = (r for r in _resources(_FILES[form], _assignments(text)) if get_string(r, "kind") == "ConfigMap")
    (content,) = (config_map["data"] or {}).values()  # type: ignore[union-attr]
    assert isinstance(content, str)
    return content


def test_a_megabyte_is_unchanged() -> None:
    text = "ü\n'\"${x}" * 150_000

    assert _value_in(_resources(_WHOLE, _assignments(text))[0]) == text
    assert json.loads(_content("json", text))["optimizer"] == text


@pytest.mark.parametrize(("size", "is_refused"), [(128 * 1024 - len("OPTIMIZER=") - 1, False), (128 * 1024, True)])
def test_a_listed_value_that_no_command_can_be_started_with_is_an_error(size: int, is_refused: bool) -> None:
    _, problems = check(edited(("[sgd, adam]", f"[sgd, {'x' * size}]")))

    assert ("argument-too-long" in [p.code for p in problems]) is is_refused
