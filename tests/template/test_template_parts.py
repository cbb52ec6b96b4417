"""Resources that are made beside a trial's own."""

import pytest
from template_fakes import NO_SCHEMA, context, job

from trialmill.api.experiment import TrialParameter, TrialTemplate
from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import JsonObject, get
from trialmill.template.compile import compile_template, needed_assignments
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.encode import compiled_from_json, compiled_to_json
from trialmill.template.render import RenderError, render_parts

LR = TrialParameter("lr", "lr")


def config(name: str = "${trial.name}-config", **more: JsonObject) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "theirs"}, **more}


def compiled_with(*parts: JsonObject) -> tuple[CompiledTemplate | None, Problems]:
    problems = Problems()
    template = TrialTemplate(job({}), (LR,), additional=parts)
    return compile_template(template, ("lr",), NO_SCHEMA, problems), problems


def test_a_part_is_filled_in_and_named_for_each_trial() -> None:
    template, _ = compiled_with(config(data={"lr": "${trialParameters.lr}"}))
    assert template is not None
    assert needed_assignments(template) == {"lr"}
    (part,) = render_parts(template, context({"lr": 0.5}, team="a"))
    assert part["metadata"] == {"name": "exp-7-abc-config", "namespace": "team", "labels": {"team": "a"}}
    assert get(part, "data", "lr") == "0.5"


def test_a_stored_template_keeps_its_parts() -> None:
    template, _ = compiled_with(config(data={"lr": "${trialParameters.lr}"}))
    other, _ = compiled_with(config(data={"rate": "${trialParameters.lr}"}))
    assert template is not None
    assert other is not None
    assert compiled_from_json(compiled_to_json(template)) == template
    assert template.digest != other.digest


@pytest.mark.parametrize(
    ("name", "code"), [("fixed", "shared-name"), ("${trialParameters.lr}", "shared-name"), ("", "required")]
)
def test_a_part_that_trials_would_share_is_an_error(name: str, code: str) -> None:
    template, problems = compiled_with(config(name, data={"lr": "${trialParameters.lr}"}))
    assert template is None
    assert [(p.code, p.path) for p in problems if p.severity is Severity.ERROR] == [
        (code, "spec.trialTemplate.additionalResources[0].metadata.name")
    ]


def test_a_value_that_does_not_fit_says_in_which_part() -> None:
    template, _ = compiled_with(config(data={"a": "1", "${trialParameters.lr}": "2"}))
    assert template is not None
    with pytest.raises(RenderError) as caught:
        render_parts(template, context({"lr": "a"}))
    assert caught.value.path == (0, "data")
