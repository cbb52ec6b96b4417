"""Derived values: expressions over parameters."""

import subprocess
import sys
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.cel_faults import LONGEST_EXPRESSION
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Value
from trialmill.template.expressions import ExpressionError, derive, evaluate, names_in

DIMENSIONS: Final[dict[str, Dimension]] = {
    "batch": Integer("batch", 1, 64),
    "workers": Integer("workers", 1, 8),
    "lr": Double("lr", 0.0, 1.0),
    "optimizer": Categorical("optimizer", ("sgd", "adam")),
    "num-layers": Integer("num-layers", 1, 8),
    "gib": Discrete("gib", ("1", "2", "4"), (1.0, 2.0, 4.0)),
    "share": Discrete("share", ("0.5", "1"), (0.5, 1.0)),
    "in": Integer("in", 1, 2),
}
ASSIGNED: Final[dict[str, Value]] = {
    "batch": 3,
    "workers": 2,
    "lr": 0.5,
    "optimizer": "sgd",
    "num-layers": 4,
    "gib": "2",
    "share": "0.5",
    "in": 1,
}


def value_of(text: str) -> Value:
    return evaluate(derive("x", text, DIMENSIONS), ASSIGNED)


def fault_of(text: str) -> tuple[str, str]:
    with pytest.raises(ExpressionError) as caught:
        value_of(text)
    return caught.value.message, caught.value.remedy


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("batch * workers", 6),
        ("batch * 0.5", 1.5),
        ("0.5 + batch", 3.5),
        ("batch * lr", 1.5),
        ("1 - lr", 0.5),
        ("batch / workers", 1),
        ("batch / 2.0", 1.5),
        ("batch % 2", 1),
        ("-batch", -3),
        ("int(batch * 0.5) * workers + 1", 3),
        ('parameters["num-layers"] * 2', 8),
        ("parameters['num-layers'] * 0.5", 2.0),
        ("parameters.batch", 3),
        ('parameters["in"] + 1', 2),
        ("gib * 2", 4),
        ("share * 2", 1.0),
        ('optimizer + "-" + string(batch)', "sgd-3"),
        ('optimizer == "sgd" ? 0.9 : 0.0', 0.9),
        ("batch > 2.5", True),
        ("batch == 3.0", True),
        ("math.greatest(batch, 10)", 10),
        ("math.ceil(batch / 2.0)", 2.0),
        ('"${trialParameters.batch} batch"', "${trialParameters.batch} batch"),
    ],
)
def test_an_expression_has_this_value(text: str, value: Value) -> None:
    result = value_of(text)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("bacth * 2", "there is no parameter bacth", "did you mean batch?"),
        ('"abc', "a text in quotes does not end", "close it with the quote that it begins with"),
        ("batch + 'abc + workers", "a text in quotes does not end", "close it with the quote that it begins with"),
        ('parameters["nope"]', "there is no parameter nope", "there are batch, workers"),
        ("num-layers * 2", "num-layers cannot stand in an expression", 'write parameters["num-layers"]'),
        ("batch +", "the expression ends too early (column 8", ""),
        ("", "the expression ends too early", ""),
        ("batch & 1", "Syntax error", ""),
        ("optimizer * 2", "* cannot be applied to a text and an integer (column 11", ""),
        ("foo(1)", "undeclared reference to 'foo'", ""),
        ("[batch]", "it gives a list", ""),
        ("duration('1s')", "it gives a duration", ""),
        ("batch / (workers - 2)", "division by zero", ""),
        ("lr / 0", "it gives inf", ""),
        ("lr - lr / 0.0", "it gives -inf", ""),
        ("(lr - 0.5) / 0.0", "it gives nan", ""),
        ("9223372036854775807 * batch", "integer overflow", ""),
        ("[1, 2].map(x, x * 2)", "expressions have no loops such as map()", ""),
        ("[1, 2].all (x, x > 0)", "expressions have no loops such as all()", ""),
        ("parameters", "parameters needs the name of one", 'write parameters["NAME"]'),
        ("(" * 200 + "1" + ")" * 200, "recursion limit", ""),
        ("1 + " * LONGEST_EXPRESSION + "1", "longer than", ""),
        ('int("x" + optimizer)', "", ""),
    ],
)
def test_a_wrong_expression_is_told_in_plain_words(text: str, message: str, remedy: str) -> None:
    found, remedied = fault_of(text)
    assert message in found
    assert remedy in remedied
    assert "INVALID_ARGUMENT" not in found
    assert "\n" not in found


def test_the_names_in_texts_are_no_parameters() -> None:
    assert names_in("'lr' + optimizer + \"batch\"", DIMENSIONS) == ["optimizer"]
    assert names_in("x.batch + lr + lr", DIMENSIONS) == ["lr"]


def test_the_library_is_imported_for_an_expression_only() -> None:
    code = "import sys, trialmill.template.render, trialmill.check.documents; print('cel_expr_python' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_reading_of_an_expression(text: str) -> None:
    try:
        value_of(text)
    except ExpressionError as error:
        assert error.message


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.sampled_from("+-*"))
@settings(max_examples=60, deadline=None)
def test_integers_stay_integers_and_decimals_may_be_mixed_in(left: int, right: int, sign: str) -> None:
    dimensions = {"a": Integer("a", -1000, 1000), "b": Integer("b", -1000, 1000)}
    assigned = {"a": left, "b": right}
    exact = {"+": left + right, "-": left - right, "*": left * right}[sign]
    assert evaluate(derive("x", f"a {sign} b", dimensions), assigned) == exact
    assert evaluate(derive("x", f"a {sign} {float(right)!r}", {"a": dimensions["a"]}), assigned) == exact
