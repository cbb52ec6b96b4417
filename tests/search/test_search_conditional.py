"""Conditional parameters: what every algorithm does with them."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialmill.api.history import Exhausted, History, NewTrial, Suggestions, TrialStatus, TrialView
from trialmill.api.space import Assignments, Categorical, Condition, Dimension, Double, Integer, Space, Value
from trialmill.search.catalogue import ALGORITHMS, check_space
from trialmill.search.cells import cells_of, space_size

AVAILABLE = sorted(name for name, entry in ALGORITHMS.items() if entry.available)
OPTIMIZER = Categorical("optimizer", ("sgd", "adam", "ftrl"))
SPACE = Space(
    (OPTIMIZER, Integer("momentum", 0, 3), Categorical("nesterov", ("yes", "no"))),
    (Condition("momentum", "optimizer", ("sgd",)), Condition("nesterov", "momentum", (1, 2, 3))),
)
"""sgd with momentum 0, or 1 to 3 each with and without nesterov; adam; ftrl."""
ALL: list[dict[str, Value]] = [
    {"optimizer": "sgd", "momentum": 0},
    *(dict[str, Value](optimizer="sgd", momentum=m, nesterov=n) for m, n in product((1, 2, 3), ("yes", "no"))),
    {"optimizer": "adam"},
    {"optimizer": "ftrl"},
]
ENDLESS = Space(
    (OPTIMIZER, Double("lr", 0.0, 1.0), Double("momentum", 0.0, 1.0), Integer("warmup", 0, 1000)),
    (Condition("momentum", "optimizer", ("sgd",)), Condition("warmup", "optimizer", ("sgd", "ftrl"))),
)


def search(name: str, space: Space, count: int, seed: int = 1) -> list[Assignments]:
    """Trials one by one, each with a value by its assignment, as long as there are suggestions."""
    searcher = ALGORITHMS[name].load()
    trials: tuple[TrialView, ...] = ()
    for number in range(count):
        answer = searcher.ask(space, {}, seed, History(trials), number, 1)
        if isinstance(answer, Exhausted):
            break
        assert isinstance(answer, Suggestions)
        (suggestion,) = answer.items
        assert isinstance(suggestion, NewTrial)
        value = float(suggestion.assignments.get("warmup", 500))
        trials += (TrialView(number, suggestion.assignments, TrialStatus.SUCCEEDED, value, completion=number),)
    return [trial.assignments for trial in trials]


@pytest.mark.parametrize("name", AVAILABLE)
def test_each_active_combination_is_tried_once_and_then_the_space_is_used_up(name: str) -> None:
    tried = search(name, SPACE, 20)
    assert sorted(tried, key=lambda each: ALL.index(dict(each))) == ALL


@pytest.mark.parametrize("name", [name for name in AVAILABLE if name != "grid"])
def test_a_trial_has_values_of_active_parameters_only_and_a_seed_repeats_itself(name: str) -> None:
    tried = search(name, ENDLESS, 25)
    assert tried == [ENDLESS.active(each) for each in tried]
    assert {frozenset(each) for each in tried} == {
        frozenset({"optimizer", "lr", "momentum", "warmup"}),
        frozenset({"optimizer", "lr", "warmup"}),
        frozenset({"optimizer", "lr"}),
    }
    assert search(name, ENDLESS, 25) == tried
    assert search(name, ENDLESS, 25, seed=2) != tried


@pytest.mark.parametrize("name", ["tpe", "multivariate-tpe"])
def test_the_model_of_a_conditional_parameter_follows_the_trials_that_have_it(name: str) -> None:
    tried = [each for each in search(name, ENDLESS, 60) if "warmup" in each]
    late = [int(each["warmup"]) for each in tried[-10:]]
    assert sum(late) / len(late) < 200, "small values are better, so they must be preferred"


@pytest.mark.parametrize("name", ["random", "tpe", "multivariate-tpe"])
def test_a_branch_without_a_continuum_is_not_tried_again_and_again_in_an_endless_space(name: str) -> None:
    space = Space((OPTIMIZER, Double("lr", 0.0, 1.0)), (Condition("lr", "optimizer", ("sgd",)),))
    tried = search(name, space, 25)
    assert len({tuple(each.items()) for each in tried}) == 25


def test_a_grid_keeps_a_conditional_parameter_behind_what_it_depends_on_wherever_the_file_has_it() -> None:
    space = Space((Integer("momentum", 1, 2), OPTIMIZER), (Condition("momentum", "optimizer", ("adam",)),))
    assert search("grid", space, 10) == [
        {"optimizer": "sgd"},
        {"momentum": 1, "optimizer": "adam"},
        {"momentum": 2, "optimizer": "adam"},
        {"optimizer": "ftrl"},
    ]


def test_a_grid_of_a_million_million_conditional_cells_is_counted_at_once() -> None:
    space = Space(
        (Integer("a", 0, 10**6 - 1), Integer("b", 0, 10**6 - 1)), (Condition("b", "a", tuple(range(10, 20))),)
    )
    assert space_size(space) == 10 * 10**6 + 10**6 - 10
    cells = cells_of(space)
    assert cells is not None
    assert cells.at(10**7 + 9) == {"a": 19, "b": 999_999}
    assert cells.at(10**7 + 10) == {"a": 20}


def test_conditions_that_are_too_entangled_leave_a_space_uncounted_instead_of_hanging() -> None:
    flags = [Categorical(f"flag{i}", ("on", "off")) for i in range(30)]
    late = [Integer(f"late{i}", 0, 1) for i in range(30)]
    links = [Condition(one.name, flag.name, ("on",)) for i, one in enumerate(late) for flag in (flags[i], flags[-1])]
    space = Space((*flags, *late), tuple(links))
    assert space_size(space) is None
    assert [p.code for p in check_space("grid", space, [], 10)] == ["conditions-too-entangled"]
    assert len(search("random", space, 3)) == 3


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Finite spaces with random conditions, none of them in a circle."""
    count = draw(st.integers(1, 5))
    dimensions: list[Dimension] = [Integer(f"p{i}", 0, draw(st.integers(0, 3))) for i in range(count)]
    rank = draw(st.permutations(range(count)))
    pairs = [(a, b) for a in range(count) for b in range(count) if rank[a] > rank[b]]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=4)) if pairs else []
    values = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)
    conditions = [Condition(f"p{a}", f"p{b}", tuple(draw(values))) for a, b in chosen]
    return Space(tuple(dimensions), tuple(conditions))


@given(spaces())
@settings(max_examples=150, deadline=None)
def test_the_numbers_of_a_space_are_its_active_combinations_each_once(space: Space) -> None:
    grids = [range(d.high + 1) for d in space.dimensions if isinstance(d, Integer)]
    every: list[dict[str, Value]] = [dict(zip(space.names, values, strict=True)) for values in product(*grids)]
    expected = {tuple(sorted(space.active(each).items())) for each in every}
    cells = cells_of(space)
    assert cells is not None
    numbered = [cells.at(number) for number in range(cells.size)]
    assert len(numbered) == len(expected)
    assert {tuple(sorted(each.items())) for each in numbered} == expected
    assert [cells.number_of(each) for each in numbered] == list(range(cells.size))
    assert {cells.number_of(each) for each in every} == set(range(cells.size)), "inactive values make no difference"
