"""Grid search: every combination once, whatever the size."""

from itertools import product

import pytest

from trialmill.api.history import History, NewTrial, Settings, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Assignments, Categorical, Double, Integer, Space
from trialmill.search.grid import GridSearch, shuffle

SPACE = Space((Integer("a", 1, 3), Categorical("b", ("x", "y")), Double("c", 0.1, 0.3, step=0.1)))
ALL: list[Assignments] = [{"a": a, "b": b, "c": c} for a, b, c in product((1, 2, 3), ("x", "y"), (0.1, 0.2, 0.3))]
HUGE = Space(tuple(Integer(f"p{i}", 0, 999) for i in range(4)))


def ask(
    space: Space, count: int, *, first: int = 0, seed: int = 1, settings: Settings | None = None
) -> list[Assignments]:
    answer = GridSearch().ask(space, settings or {}, seed, History(), first, count)
    assert isinstance(answer, Suggestions)
    return [item.assignments for item in answer.items if isinstance(item, NewTrial)]


def test_combinations_come_in_the_order_of_the_file_with_the_last_parameter_fastest() -> None:
    assert ask(SPACE, 18) == ALL


def test_with_random_state_the_grid_is_shuffled_and_still_complete() -> None:
    shuffled = ask(SPACE, 18, settings={"random_state": "1"})
    assert shuffled != ALL
    assert sorted(shuffled, key=lambda assignment: ALL.index(assignment)) == ALL
    assert ask(SPACE, 18, seed=2, settings={"random_state": "2"}) != shuffled


def test_a_grid_of_a_million_million_cells_is_no_matter() -> None:
    (found,) = ask(HUGE, 1, first=123_456_789_012)
    assert found == {"p0": 123, "p1": 456, "p2": 789, "p3": 12}
    shuffled = ask(HUGE, 5, settings={"random_state": "1"})
    assert len({tuple(a.values()) for a in shuffled}) == 5


def test_combinations_left_out_before_come_last() -> None:
    trials = tuple(TrialView(i, ALL[i + 5], TrialStatus.SUCCEEDED) for i in range(5))
    answer = GridSearch().ask(SPACE, {}, 1, History(trials), 5, 13)
    assert isinstance(answer, Suggestions)
    found = [item.assignments for item in answer.items if isinstance(item, NewTrial)]
    assert found == [*ALL[10:], *ALL[:5]]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 100, 1000])
def test_a_shuffle_is_a_permutation(size: int) -> None:
    assert sorted(shuffle(place, size, seed=3) for place in range(size)) == list(range(size))
