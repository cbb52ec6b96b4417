"""Experiments whose resources a function or command makes. Nothing is run here: its answers are made up."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem
from trialmill.api.tree import Json, JsonObject, get, get_object, is_object
from trialmill.check.documents import Checked, check_documents
from trialmill.check.terms import Terms
from trialmill.template.hydration import Hydrate, Hydration, HydrationError

TEXT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: made
  annotations:
    trialmill.dev/hydrate: module:function
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  maxTrialCount: 3
  parallelTrialCount: 1
  parameters:
    - name: workers
      parameterType: int
      feasibleSpace: {min: "1", max: "4"}
  trialTemplate:
    primaryContainerName: train
    trialSpec: {apiVersion: batch/v1, kind: Job}
"""
JOB: JsonObject = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "train", "image": "i"}]}}},
}


def check(
    hydrate: Hydrate | None, text: str = TEXT, seen: list[Hydration] | None = None
) -> tuple[Checked | None, list[Problem]]:
    def hydrators(hydration: Hydration) -> Hydrate:
        if seen is not None:
            seen.append(hydration)
        assert hydrate is not None
        return hydrate

    problems: list[Problem] = []
    documents = load_documents(text.encode(), "file.yaml", problems)
    return check_documents(documents, problems, Terms(hydrators=hydrators if hydrate else None)), problems


def making(change: Callable[[JsonObject, int], None]) -> Hydrate:
    """Makes the Job, changed for the number of workers."""

    def hydrate(asked: JsonObject) -> Json:
        workers = get_object(asked, "parameters")["workers"]
        assert isinstance(workers, int)
        job = deepcopy(JOB)
        change(job, workers)
        return job

    return hydrate


def as_it_is(job: JsonObject, workers: int) -> None:
    pass


def container(job: JsonObject) -> JsonObject:
    first = get(job, "spec", "template", "spec", "containers", 0)
    assert is_object(first)
    return first


def test_without_leave_nothing_is_called_and_the_problem_says_how_to_give_it() -> None:
    checked, (problem,) = check(None)
    assert checked is None
    assert (problem.code, problem.line) == ("hydrate-not-allowed", 6)
    assert "--allow-hydrate" in problem.remedy
    assert "TRIALMILL_ALLOW_HYDRATE" in problem.remedy


def test_a_template_of_a_kind_alone_is_enough_where_a_function_makes_the_rest() -> None:
    seen: list[Hydration] = []
    checked, problems = check(making(as_it_is), seen=seen)
    assert problems == []
    assert checked is not None
    assert checked.primary_container == "train"
    assert seen == [Hydration(function="module:function")]


def no_image(job: JsonObject, workers: int) -> None:
    container(job)["imge"] = container(job).pop("image")


def wrong_type(job: JsonObject, workers: int) -> None:
    get_object(job, "spec")["parallelism"] = "two" if workers > 1 else 1


def other_container(job: JsonObject, workers: int) -> None:
    container(job)["name"] = "trainer"


def other_kind(job: JsonObject, workers: int) -> None:
    job["kind"] = "Pod"


@pytest.mark.parametrize(
    ("change", "code", "line", "part"),
    [
        (no_image, "unknown-field", 6, "containers[0].imge of the manifest that is made: the field 'imge'"),
        (wrong_type, "wrong-type", 6, "spec.parallelism of the manifest that is made"),
        (wrong_type, "wrong-type", 6, "(for example with workers=4)"),
        (other_container, "unknown-container", 17, "no container of the template is named train"),
        (other_kind, "hydrate-failed", 6, "with kind Pod, but trials are of Job"),
    ],
)
def test_what_is_made_is_checked_as_a_template_is(
    change: Callable[[JsonObject, int], None], code: str, line: int, part: str
) -> None:
    checked, problems = check(making(change))
    assert checked is None
    assert [(p.code, p.line) for p in problems] == [(code, line)]
    assert part in problems[0].message


def test_a_function_that_fails_is_not_called_again() -> None:
    calls: list[JsonObject] = []

    def hydrate(asked: JsonObject) -> Json:
        calls.append(asked)
        raise HydrationError("module:function took longer than 10 s and was killed")

    checked, (problem,) = check(hydrate)
    assert checked is None
    assert (problem.code, problem.line) == ("hydrate-failed", 6)
    assert len(calls) == 1


def test_each_trials_manifest_is_checked_again_when_it_is_made() -> None:
    broken = False

    def change(job: JsonObject, workers: int) -> None:
        if broken:
            other_container(job, workers)

    checked, _ = check(making(change))
    assert checked is not None
    assert checked.hydrate is not None
    asked: JsonObject = {"parameters": {"workers": 2}}
    assert checked.hydrate(asked) == JOB
    broken = True
    with pytest.raises(HydrationError, match="no container of the template is named train"):
        checked.hydrate(asked)


@pytest.mark.parametrize("annotation", ["module", "python3 make.py", "'[]'", "''"])
def test_an_annotation_that_names_nothing_is_an_error_at_its_line(annotation: str) -> None:
    checked, problems = check(making(as_it_is), TEXT.replace("module:function", annotation))
    assert checked is None
    assert [(p.code, p.line) for p in problems] == [("invalid-hydrate", 6)]
