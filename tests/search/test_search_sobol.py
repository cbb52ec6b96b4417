"""The Sobol sequence: known points, and evenness before and after scrambling."""

from itertools import pairwise

import pytest

from trialmill.search.sobol import coordinate, scrambled_unit
from trialmill.search.sobol_directions import BITS, DIMENSIONS, directions

KNOWN = [
    (0.0, 0.0, 0.0, 0.0, 0.0),
    (0.5, 0.5, 0.5, 0.5, 0.5),
    (0.75, 0.25, 0.25, 0.25, 0.75),
    (0.25, 0.75, 0.75, 0.75, 0.25),
    (0.375, 0.375, 0.625, 0.875, 0.375),
    (0.875, 0.875, 0.125, 0.375, 0.875),
    (0.625, 0.125, 0.875, 0.625, 0.625),
    (0.125, 0.625, 0.375, 0.125, 0.125),
]
"""The first points in five dimensions, unscrambled, as SciPy's `qmc.Sobol` has them."""

POINT_100 = {0: 53, 1: 33, 2: 99, 10: 59, 20: 97, 30: 91, 40: 91, 63: 83, 100: 5, 150: 79, 159: 67}
"""Point 100 in some of 160 dimensions, in units of 1/128, from the same source."""


@pytest.mark.parametrize("number", range(len(KNOWN)))
def test_the_first_points_are_the_known_ones(number: int) -> None:
    assert tuple(coordinate(number, dimension) / 2**BITS for dimension in range(5)) == KNOWN[number]


def test_a_later_point_is_the_known_one_in_high_dimensions_too() -> None:
    assert {d: coordinate(100, d) * 128 // 2**BITS for d in POINT_100} == POINT_100


@pytest.mark.parametrize("dimension", range(0, DIMENSIONS, 13))
def test_scrambled_points_fall_once_into_each_elementary_interval(dimension: int) -> None:
    for block in (0, 3):
        units = [scrambled_unit(64 * block + i, dimension, seed=5) for i in range(64)]
        assert sorted(int(unit * 64) for unit in units) == list(range(64))


def test_scrambled_points_of_two_dimensions_fall_once_into_each_elementary_box() -> None:
    points = [(scrambled_unit(i, 0, seed=5), scrambled_unit(i, 1, seed=5)) for i in range(64)]
    for bits in range(7):
        boxes = {(int(x * 2**bits), int(y * 2 ** (6 - bits))) for x, y in points}
        assert len(boxes) == 64


def test_the_first_point_differs_from_seed_to_seed_and_is_no_corner() -> None:
    firsts = [scrambled_unit(0, 0, seed) for seed in range(20)]
    assert len(set(firsts)) == 20
    assert all(0 < unit < 1 for unit in firsts)
    assert max(firsts) > 0.5 > min(firsts)


def test_each_direction_number_has_its_own_leading_bit() -> None:
    for dimension in range(DIMENSIONS):
        sizes = [number & -number for number in directions(dimension)]
        assert all(one == 2 * other for one, other in pairwise(sizes))


def test_dimensions_beyond_the_table_are_refused() -> None:
    with pytest.raises(ValueError, match=f"{DIMENSIONS} dimensions at most"):
        coordinate(0, DIMENSIONS)
