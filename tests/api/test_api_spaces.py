import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.experiment import ActiveWhen, FeasibleSpace, Parameter, ParameterType
from trialmill.api.space import Assignments, Categorical, Condition, Discrete, Distribution, Double, Integer, Space
from trialmill.api.spaces import SpaceError, read_integer, read_number, space_of


def test_a_space_is_typed_in_the_order_of_the_file() -> None:
    parameters = [
        Parameter("lr", ParameterType.DOUBLE, FeasibleSpace("1e-4", "0.1", "", None, Distribution.LOG_UNIFORM)),
        Parameter("momentum", ParameterType.DOUBLE, FeasibleSpace(".5", "1.", "0.1")),
        Parameter("layers", ParameterType.INT, FeasibleSpace("2", "8", "2")),
        Parameter("units", ParameterType.INT, FeasibleSpace("+1", "3.0")),
        Parameter("batch", ParameterType.DISCRETE, FeasibleSpace(list=("32", "64.0", "1e2"))),
        Parameter("optimizer", ParameterType.CATEGORICAL, FeasibleSpace(list=("sgd", "adam"))),
    ]
    assert space_of(parameters) == Space(
        (
            Double("lr", 1e-4, 0.1, None, Distribution.LOG_UNIFORM),
            Double("momentum", 0.5, 1.0, 0.1),
            Integer("layers", 2, 8, 2),
            Integer("units", 1, 3, 1),
            Discrete("batch", ("32", "64.0", "1e2"), (32.0, 64.0, 100.0)),
            Categorical("optimizer", ("sgd", "adam")),
        )
    )


@pytest.mark.parametrize(
    ("type_", "space", "field"),
    [
        (ParameterType.DOUBLE, FeasibleSpace("", "1"), "min"),
        (ParameterType.DOUBLE, FeasibleSpace("0", "one"), "max"),
        (ParameterType.DOUBLE, FeasibleSpace("0", "1", "x"), "step"),
        (ParameterType.DOUBLE, FeasibleSpace("nan", "1"), "min"),
        (ParameterType.INT, FeasibleSpace("1.5", "2"), "min"),
        (ParameterType.INT, FeasibleSpace("1", "1e3"), "max"),
        (ParameterType.INT, FeasibleSpace("1", "2", "0.5"), "step"),
        (ParameterType.DISCRETE, FeasibleSpace(list=("1", "a")), "list"),
        (ParameterType.DISCRETE, FeasibleSpace(list=()), "list"),
        (ParameterType.CATEGORICAL, FeasibleSpace(), "list"),
        (ParameterType.UNKNOWN, FeasibleSpace("0", "1"), "parameterType"),
    ],
)
def test_a_text_that_is_not_what_its_type_needs_is_named(
    type_: ParameterType, space: FeasibleSpace, field: str
) -> None:
    with pytest.raises(SpaceError) as raised:
        space_of([Parameter("p", type_, space)])
    assert (raised.value.parameter, raised.value.field) == ("p", field)
    assert raised.value.message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.01", 0.01),
        ("1e-3", 0.001),
        ("+1", 1.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0", 0.0),
        ("inf", None),
        ("NaN", None),
        ("1e400", None),
        ("1_000", None),
        ("0x10", None),
        (" 1", None),
        ("1\n", None),
        ("", None),
        ("١", None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        ("-4", -4),
        ("+4", 4),
        ("007", 7),
        ("3.0", 3),
        ("3.", 3),
        ("3.5", None),
        ("3e2", None),
        ("0x10", None),
        ("9223372036854775808", None),
        ("9" * 5000, None),
        ("", None),
        ("four", None),
    ],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert read_integer(text) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_reads_back_from_its_shortest_text(number: float) -> None:
    assert read_number(repr(number)) == number


OPTIMIZER = Parameter("optimizer", ParameterType.CATEGORICAL, FeasibleSpace(list=("sgd", "adam")))


def conditional(*conditions: ActiveWhen) -> Parameter:
    return Parameter("momentum", ParameterType.DOUBLE, FeasibleSpace("0", "1"), conditions)


def test_conditions_have_the_values_of_the_other_parameter_as_assignments_have_them() -> None:
    layers = Parameter("layers", ParameterType.INT, FeasibleSpace("2", "8", "2"))
    batch = Parameter("batch", ParameterType.DISCRETE, FeasibleSpace(list=("32", "64.0")))
    share = Parameter("share", ParameterType.DOUBLE, FeasibleSpace("0.1", "0.5", "0.1"))
    conditions = [ActiveWhen("layers", ("4", "8")), ActiveWhen("batch", ("64",)), ActiveWhen("share", ("0.3",))]
    assert space_of([layers, batch, share, conditional(*conditions)]).conditions == (
        Condition("momentum", "layers", (4, 8)),
        Condition("momentum", "batch", ("64.0",)),
        Condition("momentum", "share", (0.3,)),
    )


@pytest.mark.parametrize(
    ("on", "text"), [("optimizer", "rmsprop"), ("optimizer", ""), ("optimiser", "sgd")], ids=["value", "empty", "name"]
)
def test_a_condition_that_names_nothing_possible_is_an_error(on: str, text: str) -> None:
    with pytest.raises(SpaceError, match="activeWhen names no possible values"):
        space_of([OPTIMIZER, conditional(ActiveWhen(on, (text,)))])


def test_a_parameter_whose_condition_is_on_an_inactive_one_is_inactive_too() -> None:
    nesterov = Parameter(
        "nesterov", ParameterType.CATEGORICAL, FeasibleSpace(list=("yes", "no")), (ActiveWhen("momentum", ("0.5",)),)
    )
    space = space_of([OPTIMIZER, conditional(ActiveWhen("optimizer", ("sgd",))), nesterov])
    whole: Assignments = {"optimizer": "adam", "momentum": 0.5, "nesterov": "yes"}
    assert space.active(whole) == {"optimizer": "adam"}
    assert space.active({**whole, "optimizer": "sgd"}) == {**whole, "optimizer": "sgd"}
    assert space.active({**whole, "optimizer": "sgd", "momentum": 0.4}) == {"optimizer": "sgd", "momentum": 0.4}
