"""From units to values: bounds, steps, weights."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.space import Categorical, Dimension, Discrete, Distribution, Double, Integer, Value
from trialmill.search.sampling import Continuum, Lattice, Options, axis_of

UNIFORM, LOG = Distribution.UNIFORM, Distribution.LOG_UNIFORM
NORMAL, LOG_NORMAL = Distribution.NORMAL, Distribution.LOG_NORMAL

UNITS = st.floats(0, 1)


@st.composite
def dimensions(draw: st.DrawFn) -> Double | Integer:
    """Any range that the checks of a space let through."""
    distribution = draw(st.sampled_from(Distribution))
    smallest = 1e-12 if distribution.is_logarithmic else -1e12
    if draw(st.booleans()):
        low, high = sorted((draw(st.floats(smallest, 1e12)), draw(st.floats(smallest, 1e12))))
        step = draw(st.none() | st.floats(1e-6, 1e6))
        return Double("x", low, high, step, distribution)
    bottom = 1 if distribution.is_logarithmic else -(2**62)
    first, last = sorted((draw(st.integers(bottom, 2**62)), draw(st.integers(bottom, 2**62))))
    return Integer("x", first, last, draw(st.integers(1, 2**40)), distribution)


def counts(dimension: Dimension, samples: int) -> Counter[Value]:
    """How often each value comes when the unit interval is swept evenly."""
    axis = axis_of(dimension)
    return Counter(axis.at((i + 0.5) / samples) for i in range(samples))


@given(dimensions(), UNITS)
@settings(max_examples=300)
def test_no_value_lies_outside_its_range(dimension: Double | Integer, unit: float) -> None:
    value = axis_of(dimension).at(unit)
    assert not isinstance(value, str)
    assert dimension.low <= value <= dimension.high
    assert type(value) is (int if isinstance(dimension, Integer) else float)


@given(dimensions(), UNITS)
@settings(max_examples=300)
def test_a_value_of_a_stepped_range_has_an_index_that_leads_back_to_it(
    dimension: Double | Integer, unit: float
) -> None:
    axis = axis_of(dimension)
    value = axis.at(unit)
    if not isinstance(axis, Continuum):
        index = axis.index_of(value)
        assert index is not None
        assert axis.option(index) == value


@given(dimensions(), UNITS, UNITS)
@settings(max_examples=300)
def test_a_larger_unit_never_gives_a_smaller_value(dimension: Double | Integer, one: float, other: float) -> None:
    axis = axis_of(dimension)
    low, high = axis.at(min(one, other)), axis.at(max(one, other))
    assert not isinstance(low, str)
    assert not isinstance(high, str)
    # The last bits of exp and log may differ by rounding.
    assert low <= high or math.isclose(low, high, rel_tol=1e-12)


@pytest.mark.parametrize("distribution", Distribution, ids=str)
def test_a_continuum_ends_exactly_at_its_bounds(distribution: Distribution) -> None:
    axis = axis_of(Double("x", 1e-5, 0.1, None, distribution))
    assert (axis.at(0.0), axis.at(1.0)) == (1e-5, 0.1)


@pytest.mark.parametrize("distribution", Distribution, ids=str)
def test_a_unit_is_found_again_from_the_value_of_a_continuum(distribution: Distribution) -> None:
    axis = axis_of(Double("x", 0.5, 8.0, None, distribution))
    assert isinstance(axis, Continuum)
    for unit in (0.0, 0.01, 0.3, 0.5, 0.99, 1.0):
        assert axis.unit_of(axis.at(unit)) == pytest.approx(unit, abs=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "step", "expected"),
    [
        pytest.param(0.05, 0.95, 0.2, [0.05, 0.25, 0.45, 0.65, 0.85], id="the maximum is not reached"),
        pytest.param(0.1, 0.5, 0.1, [0.1, 0.2, 0.3, 0.4, 0.5], id="the maximum is reached, in decimals"),
        pytest.param(1e-5, 5e-5, 1e-5, [1e-5, 2e-5, 3e-5, 4e-5, 5e-5], id="exponents"),
        pytest.param(-0.3, 0.3, 0.3, [-0.3, 0.0, 0.3], id="through zero"),
        pytest.param(2.0, 2.0, None, [2.0], id="one value"),
        pytest.param(0.0, 1.0, 5.0, [0.0], id="a step beyond the range"),
    ],
)
def test_steps_of_doubles_are_counted_exactly_from_min(
    low: float, high: float, step: float | None, expected: list[float]
) -> None:
    axis = axis_of(Double("x", low, high, step))
    assert isinstance(axis, Lattice)
    assert [axis.option(i) for i in range(axis.count)] == expected
    assert (axis.at(0.0), axis.at(1.0)) == (expected[0], expected[-1])


@pytest.mark.parametrize(
    "dimension",
    [
        pytest.param(Integer("x", 1, 4), id="integers"),
        pytest.param(Integer("x", -7, 8, 5), id="integers in steps"),
        pytest.param(Double("x", 0.05, 0.95, 0.3), id="doubles in steps"),
        pytest.param(Discrete("x", ("3", "1", "2", "9"), (3.0, 1.0, 2.0, 9.0)), id="listed numbers"),
        pytest.param(Categorical("x", ("a", "b", "c", "d")), id="words"),
    ],
)
def test_every_value_of_a_uniform_parameter_is_as_likely_as_any_other(dimension: Dimension) -> None:
    assert set(counts(dimension, 4000).values()) == {1000}


def test_a_log_uniform_integer_has_the_logarithmic_measure_of_its_cell() -> None:
    found = counts(Integer("x", 1, 4, 1, LOG), 100_000)
    whole = math.log(4.5 / 0.5)
    expected = {k: math.log((k + 0.5) / (k - 0.5)) / whole for k in (1, 2, 3, 4)}
    assert {k: found[k] / 100_000 for k in expected} == pytest.approx(expected, abs=1e-4)


def test_a_normal_integer_has_the_normal_measure_of_its_cell() -> None:
    found = counts(Integer("x", 0, 6, 1, NORMAL), 100_000)
    assert found[3] == max(found.values())
    assert found[0] == found[6] > 0
    assert found[2] / found[3] == pytest.approx(0.24173 / 0.38292, rel=1e-3)


def test_a_normal_double_has_its_mean_in_the_middle_and_six_deviations_across() -> None:
    axis = axis_of(Double("x", 0.0, 6.0, None, NORMAL))
    assert axis.at(0.5) == pytest.approx(3.0)
    assert axis.at(0.8413) == pytest.approx(4.0, abs=0.01)


def test_a_log_normal_double_is_normal_in_its_logarithm() -> None:
    axis = axis_of(Double("x", 1e-4, 1e-2, None, LOG_NORMAL))
    assert axis.at(0.5) == pytest.approx(1e-3)


@pytest.mark.parametrize("distribution", Distribution, ids=str)
@pytest.mark.parametrize(("low", "step"), [(1, 1), (1, 10), (3, 7)])
def test_both_ends_of_a_stepped_range_are_reached_under_each_distribution(
    low: int, step: int, distribution: Distribution
) -> None:
    high = low + 4 * step
    assert set(counts(Integer("x", low, high, step, distribution), 20_000)) == set(range(low, high + 1, step))


@pytest.mark.parametrize("distribution", Distribution, ids=str)
def test_neighbouring_integers_of_huge_size_are_told_apart(distribution: Distribution) -> None:
    low = 2**62 - 3
    assert set(counts(Integer("x", low, 2**62, 1, distribution), 50_000)) == set(range(low, 2**62 + 1))


def test_the_widest_range_of_doubles_does_not_overflow() -> None:
    axis = axis_of(Double("x", -1.7e308, 1.7e308))
    assert isinstance(axis, Continuum)
    assert axis.at(0.5) == pytest.approx(0.0, abs=1e300)
    assert axis.unit_of(8.5e307) == pytest.approx(0.75)


def test_repeated_choices_count_once() -> None:
    axis = axis_of(Categorical("x", ("a", "b", "a")))
    assert isinstance(axis, Options)
    assert axis.values == ("a", "b")


def test_two_spellings_of_one_number_are_one_option() -> None:
    axis = axis_of(Discrete("x", ("10", "1", "1.0"), (10.0, 1.0, 1.0)))
    assert isinstance(axis, Options)
    assert (axis.values, axis.ranks) == (("10", "1"), (1, 0))
    assert axis.index_of("1.0") == axis.index_of("1") == 1


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        pytest.param(Integer("x", 1, 9, 2), 2, id="between steps"),
        pytest.param(Integer("x", 1, 9), 10, id="above the range"),
        pytest.param(Integer("x", 1, 9), "1", id="text"),
        pytest.param(Double("x", 0.0, 1.0, 0.5), math.nan, id="not a number"),
        pytest.param(Double("x", 0.0, 1.0, 0.5), math.inf, id="infinite"),
        pytest.param(Categorical("x", ("1",)), 1, id="a number among words"),
    ],
)
def test_foreign_values_have_no_index(dimension: Dimension, value: Value) -> None:
    axis = axis_of(dimension)
    assert not isinstance(axis, Continuum)
    assert axis.index_of(value) is None
