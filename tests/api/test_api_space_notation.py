"""Feasible spaces in one word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.experiment import FeasibleSpace, Parameter, ParameterType
from trialmill.api.space import Distribution
from trialmill.api.space_notation import read_space, write_space
from trialmill.api.spaces import space_of

INT, DOUBLE = ParameterType.INT, ParameterType.DOUBLE
LOG = Distribution.LOG_UNIFORM


@pytest.mark.parametrize(
    ("text", "kind", "space"),
    [
        ("1..8", INT, FeasibleSpace("1", "8")),
        ("-3..3", INT, FeasibleSpace("-3", "3")),
        ("0.1..0.9", DOUBLE, FeasibleSpace("0.1", "0.9")),
        ("0..0.5", DOUBLE, FeasibleSpace("0", "0.5")),
        ("log:1e-5..1e-1", DOUBLE, FeasibleSpace("1e-5", "1e-1", distribution=LOG)),
        ("log:1..100", DOUBLE, FeasibleSpace("1", "100", distribution=LOG)),
        ("int:1..8", INT, FeasibleSpace("1", "8")),
        ("int:log:16..1024", INT, FeasibleSpace("16", "1024", distribution=LOG)),
        ("log:int:16..1024", INT, FeasibleSpace("16", "1024", distribution=LOG)),
        ("double:1..8", DOUBLE, FeasibleSpace("1", "8")),
        ("normal:0..1", INT, FeasibleSpace("0", "1", distribution=Distribution.NORMAL)),
        ("0.1..0.9/0.1", DOUBLE, FeasibleSpace("0.1", "0.9", "0.1")),
        ("1..8/0.5", DOUBLE, FeasibleSpace("1", "8", "0.5")),
        ("int:16..256/16", INT, FeasibleSpace("16", "256", "16")),
        (" 1 .. 8 ", INT, FeasibleSpace("1", "8")),
        ("16,32,64", ParameterType.DISCRETE, FeasibleSpace(list=("16", "32", "64"))),
        ("sgd, adam", ParameterType.CATEGORICAL, FeasibleSpace(list=("sgd", "adam"))),
        ("1,auto", ParameterType.CATEGORICAL, FeasibleSpace(list=("1", "auto"))),
        ("a:1,b:2", ParameterType.CATEGORICAL, FeasibleSpace(list=("a:1", "b:2"))),
        ("true,false", ParameterType.CATEGORICAL, FeasibleSpace(list=("true", "false"))),
    ],
)
def test_a_word_is_a_space(text: str, kind: ParameterType, space: FeasibleSpace) -> None:
    assert read_space(text) == (kind, space)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is no space"),
        ("0.1", "is no space"),
        ("a,,b", "is no space"),
        ("sgd,sgd", "names a value twice"),
        ("8..1", "from the smaller to the larger"),
        ("1..1", "from the smaller to the larger"),
        ("int:0.1..3", "'0.1' is not a whole number"),
        ("low..high", "'low' is not a number"),
        ("1..", "'' is not a number"),
        ("lg:1..3", "begins with int:, double:, log: or normal:"),
        ("log:0..1", "begins above 0"),
        ("1..8/x", "'x' is not a number"),
    ],
)
def test_what_is_no_space_is_said_in_a_sentence(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        read_space(text)
    assert repr(text) in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_a_space_that_can_be_searched_or_none(text: str) -> None:
    try:
        kind, space = read_space(text)
    except ValueError:
        return
    assert space_of([Parameter("x", kind, space)]).names == ("x",)


def test_a_space_is_written_with_the_fields_that_say_something() -> None:
    assert write_space(read_space("log:1e-5..1e-1")[1]) == {"min": "1e-5", "max": "1e-1", "distribution": "logUniform"}
    assert write_space(read_space("1..8/2")[1]) == {"min": "1", "max": "8", "step": "2"}
    assert write_space(read_space("a,b")[1]) == {"list": ["a", "b"]}
