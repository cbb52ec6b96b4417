"""Placeholders as objects."""

import copy
import json
import pickle
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sdk_samples import SPACE, container_of, errors_of, job, sample

from trialmill import Placeholder, experiment, literal, param, trial


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (param("lr"), "${trialParameters.lr}"),
        (f"--lr={param('lr')}", "--lr=${trialParameters.lr}"),
        ("--lr=" + param("lr"), "--lr=${trialParameters.lr}"),
        (param("lr") + ",0.9", "${trialParameters.lr},0.9"),
        (",".join([param("lr"), trial.name]), "${trialParameters.lr},${trial.name}"),
        ("{}/{}".format(experiment.name, trial.index), "${experiment.name}/${trial.index}"),  # noqa: UP032
        ("%s-%s" % (trial.namespace, trial.seed), "${trial.namespace}-${trial.seed}"),  # noqa: UP031
        (json.dumps({"lr": param("lr")}), '{"lr": "${trialParameters.lr}"}'),
    ],
    ids=["alone", "f-string", "behind", "before", "join", "format", "percent", "json"],
)
def test_a_placeholder_is_text_wherever_text_goes(made: str, text: str) -> None:
    assert made == text


def test_a_copied_placeholder_is_one() -> None:
    for copied in (copy.deepcopy(param("lr")), pickle.loads(pickle.dumps(param("lr")))):  # noqa: S301
        assert isinstance(copied, Placeholder)
        assert copied == param("lr")


def test_what_cannot_be_meant_of_a_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be formatted"):
        f"{param('lr'):.3f}"
    with pytest.raises(TypeError, match="cannot be multiplied"):
        param("layers") * 2
    with pytest.raises(TypeError, match="cannot be multiplied"):
        2 * param("layers")
    with pytest.raises(ValueError, match="would escape it"):
        "cost: $" + param("lr")
    with pytest.raises(ValueError, match="braces"):
        param("a}b")
    with pytest.raises(ValueError, match="choose one"):
        param("lr", cast="number", encode="json")


@pytest.mark.parametrize(
    "use",
    [
        lambda p: p + 1,
        lambda p: 1 + p,
        lambda p: p - 1,
        lambda p: 2**p,
        lambda p: p / 2,
        lambda p: p % 10,
        lambda p: -p,
        lambda p: int(p),
        lambda p: float(p),
        lambda p: p > 1,
        lambda p: p <= 1,
        lambda p: p.upper(),
        lambda p: p.zfill(3),
        lambda p: p.replace("l", "x"),
        lambda p: p[1:3],
        lambda p: [*p],
        lambda p: p.split("."),
    ],
)
def test_what_would_break_the_text_or_needs_the_value_is_refused_with_a_sentence(use: Callable[[Any], object]) -> None:
    with pytest.raises(
        TypeError, match=r"^\$\{trialParameters\.lr\} cannot be .*: its value is known in the trial only$"
    ):
        use(param("lr"))


def test_a_placeholder_can_be_quoted() -> None:
    assert shlex.quote(param("lr")) == "'${trialParameters.lr}'"


def test_placeholders_can_be_put_in_order_as_keys_are() -> None:
    assert sorted([param("lr"), "a", param("layers")]) == ["${trialParameters.layers}", "${trialParameters.lr}", "a"]


def test_a_placeholder_alone_takes_the_type_of_its_field() -> None:
    made = sample(job("true", *(param(name) for name in SPACE), parallelism=param("layers")))
    manifest = made.render({"layers": 3, "lr": 0.01})
    assert manifest["spec"]["parallelism"] == 3  # type: ignore[index,call-overload]
    assert container_of(manifest)["command"][1:3] == ["0.01", "3"]


def test_a_cast_and_an_encoding_are_declared_with_the_placeholder() -> None:
    template = {
        "apiVersion": "example.com/v1",
        "kind": "Anything",
        "spec": {
            "steps": param("layers", cast="integer"),
            "json": f"[{param('optimizer', encode='json')}]",
            "lr": param("lr"),
        },
    }
    made = sample(template, parameters=SPACE)
    declared = made.to_dict()["spec"]["trialTemplate"]["trialParameters"]  # type: ignore[index,call-overload]
    assert declared == [
        {"name": "layers:integer", "reference": "layers", "as": "integer"},
        {"name": "optimizer:json-text", "reference": "optimizer", "encode": "json"},
        {"name": "lr", "reference": "lr"},
    ]


def test_a_key_may_hold_a_placeholder() -> None:
    template = job()
    template["spec"]["template"]["metadata"] = {"labels": {f"lr-{trial.index}": experiment.name}}
    labels = sample(template).render()["spec"]["template"]["metadata"]["labels"]  # type: ignore[index,call-overload]
    assert labels == {"lr-0": "sample"}


def test_a_parameter_that_is_not_there_is_named_where_it_is_used() -> None:
    template = job("true", *(param(name) for name in SPACE), param("optimiser"))
    ((code, path),) = errors_of(sample(template))
    assert code == "undeclared-placeholder"
    assert path.endswith("containers[0].command[4]")


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"))
    | st.sampled_from(["${trial.name}", "$${trial.name}", "$$"])
)
def test_literal_text_comes_out_as_it_went_in(text: str) -> None:
    template = job(*(f"--{name}={param(name)}" for name in SPACE), literal(text))
    assert container_of(sample(template).render())["command"][-1] == text
