"""Several documents in one template."""

import pytest
from forms_samples import line_of, normalized, template_of, with_template

from trialmill.api.tree import get

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: '${trial.name}-config'}}"
JOB = "{apiVersion: batch/v1, kind: Job}"


def listed(*items: str) -> str:
    lines = "".join(f"    - {item}\n" for item in items)
    return with_template(f"trialSpec:\n  apiVersion: v1\n  kind: List\n  items:\n{lines or '    []'}\n")


def test_the_one_that_runs_is_the_trials_own() -> None:
    template = template_of(normalized(listed(CONFIG, JOB)))
    assert get(template, "trialSpec", "kind") == "Job"
    assert get(template, "additionalResources", 0, "kind") == "ConfigMap"


def test_of_several_that_run_the_annotated_one_is_the_trials_own() -> None:
    chosen = "{apiVersion: v1, kind: Pod, metadata: {annotations: {trialmill.dev/primary: 'true'}}}"
    template = template_of(normalized(listed(JOB, CONFIG, chosen)))
    assert get(template, "trialSpec", "kind") == "Pod"
    assert [get(template, "additionalResources", i, "kind") for i in range(2)] == ["Job", "ConfigMap"]


@pytest.mark.parametrize(
    ("items", "code", "at"),
    [
        ((JOB, "{apiVersion: v1, kind: Pod}"), "several-primary-resources", "{apiVersion: v1, kind: Pod}"),
        ((CONFIG,), "no-primary-resource", "- {apiVersion: v1"),
        ((JOB, "text"), "wrong-type", "text"),
    ],
    ids=["two that run", "none that runs", "no manifest"],
)
def test_a_list_without_one_that_is_the_trials_own_is_an_error(items: tuple[str, ...], code: str, at: str) -> None:
    text = listed(*items)
    (problem,) = normalized(text).problems
    assert (problem.code, problem.line) == (code, line_of(text, at))
