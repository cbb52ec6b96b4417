"""What a user's function or command is asked, and what is taken of its answer."""

from collections.abc import Callable

import pytest
from template_fakes import compiled, context, job

from trialmill.api.tree import Json, JsonObject, get_object
from trialmill.template.hydration import Hydration, HydrationError, hydrated, hydration_of

TEMPLATE = compiled(job({"lr": "${trialParameters.lr}"}), ("lr", "lr"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("module:function", Hydration(function="module:function")),
        (" a.b_c:Build.job ", Hydration(function="a.b_c:Build.job")),
        ('["python3", "hydrate.py"]', Hydration(command=("python3", "hydrate.py"))),
        ('["./make me"]', Hydration(command=("./make me",))),
    ],
)
def test_an_annotation_names_a_function_or_a_command(text: str, expected: Hydration) -> None:
    assert hydration_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "module",
        "module:",
        ":f",
        "python3 hydrate.py",
        "a:b c",
        "[",
        "[]",
        '["a", 1]',
        '[""]',
        '["a\\u0000"]',
        "[NaN]",
    ],
)
def test_anything_else_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"function|command"):
        hydration_of(text)


def made(hydrate: Callable[[JsonObject], Json]) -> JsonObject:
    return hydrated(TEMPLATE, context({"lr": 0.5}), hydrate)


def test_the_question_has_the_values_the_rendered_template_and_the_trial() -> None:
    asked: list[JsonObject] = []

    def hydrate(question: JsonObject) -> Json:
        asked.append(question)
        return question["template"]

    assert made(hydrate) == hydrated(TEMPLATE, context({"lr": 0.5}), None)
    (question,) = asked
    assert question["parameters"] == {"lr": 0.5}
    assert get_object(question, "template", "spec") == {"lr": "0.5"}
    assert question["trial"] == {
        "name": "exp-7-abc",
        "namespace": "team",
        "index": 7,
        "seed": 4242,
        "experiment": "exp",
    }


def test_the_name_the_namespace_and_the_labels_stay_those_of_the_trial() -> None:
    metadata: JsonObject = {"name": "mine", "namespace": "theirs", "labels": {"a": "b"}, "ownerReferences": []}
    resource = made(lambda _: {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata})
    assert resource["metadata"] == {"name": "exp-7-abc", "namespace": "team", "labels": {"a": "b"}}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "it gave nothing, not a manifest"),
        ([1], "it gave a list, not a manifest"),
        ("text", "it gave a string, not a manifest"),
        ({}, "with apiVersion none, but trials are of batch/v1"),
        ({"apiVersion": "v1", "kind": "Job"}, "with apiVersion v1, but trials are of batch/v1"),
        ({"apiVersion": "batch/v1", "kind": "Pod"}, "with kind Pod, but trials are of Job"),
    ],
)
def test_an_answer_that_can_be_no_trials_resource_is_refused(answer: Json, message: str) -> None:
    with pytest.raises(HydrationError) as caught:
        made(lambda _: answer)
    assert message in caught.value.message
