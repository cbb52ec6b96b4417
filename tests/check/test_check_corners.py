"""Rendered trials: what only a value brings to light."""

from check_samples import check, edited
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.space import Categorical, Condition, Dimension, Discrete, Double, Integer, Space
from trialmill.check.corners import corners


@st.composite
def _spaces(draw: st.DrawFn) -> Space:
    dimensions: list[Dimension] = []
    for number in range(draw(st.integers(1, 4))):
        words = tuple(str(n) for n in range(draw(st.integers(1, 6))))
        name = f"p{number}"
        kinds: tuple[Dimension, ...] = (
            Double(name, 0.0, 1.0),
            Integer(name, 1, 5),
            Discrete(name, words, tuple(float(w) for w in words)),
            Categorical(name, words),
        )
        dimensions.append(draw(st.sampled_from(kinds)))
    return Space(tuple(dimensions))


@given(_spaces())
def test_corners_hold_both_ends_and_each_listed_value(space: Space) -> None:
    rows = list(corners(space))

    for dimension in space.dimensions:
        seen = {row[dimension.name] for row in rows}
        match dimension:
            case Double(low=low, high=high) | Integer(low=low, high=high):
                assert {low, high} <= seen
            case Discrete(values=values) | Categorical(choices=values):
                assert seen == set(values)


def test_corners_of_a_long_list_stay_few() -> None:
    words = tuple(f"word-{n}" for n in range(1000))

    assert len(list(corners(Space((Categorical("a", words), Categorical("b", words)))))) < 50


def test_a_problem_of_some_values_is_reported_once_with_values_that_show_it() -> None:
    text = edited(('min: "1"', 'min: "-1"'), ("backoffLimit: 0", "backoffLimit: ${trialParameters.layers}"))
    _, problems = check(text)

    assert [(p.code, p.path) for p in problems] == [("count-invalid", "spec.trialTemplate.trialSpec.spec.backoffLimit")]
    assert "for example with lr=0.01, layers=-1" in problems[0].message


def test_a_problem_of_all_values_is_reported_once_and_without_any() -> None:
    _, problems = check(edited(("backoffLimit: 0", "backoffLimit: 0\n        parallelism: 0")))

    assert [p.code for p in problems] == ["parallelism-zero"]
    assert "for example" not in problems[0].message


def test_a_word_that_a_field_does_not_take_is_found() -> None:
    _, problems = check(edited(("restartPolicy: Never", "restartPolicy: ${trialParameters.optimizer}")))

    assert {p.code for p in problems} == {"unknown-value"}
    assert {p.path.rpartition(".")[2] for p in problems} == {"restartPolicy"}


def test_a_key_that_two_placeholders_make_the_same_is_found() -> None:
    labels = "role: training\n              ${trialParameters.optimizer}: a\n              adam: b"
    _, problems = check(edited(("labels:\n              role: training", f"labels:\n              {labels}")))

    assert [p.code for p in problems] == ["cannot-render"]


def test_an_amount_beyond_all_bounds_is_no_reason_to_break_down() -> None:
    checked, problems = check(edited(("cpu: 500m", "cpu: 1e300")))

    assert checked is not None
    assert problems == []


CONDITIONAL = Space(
    (
        Categorical("optimizer", ("sgd", "adam", "ftrl")),
        Integer("layers", 1, 3),
        Double("momentum", 0.0, 1.0),
        Integer("units", 1, 9),
    ),
    (
        Condition("momentum", "optimizer", ("adam",)),
        Condition("units", "momentum", (0.25,)),
        Condition("units", "layers", (2, 3)),
    ),
)


def test_every_conditional_parameter_is_there_in_one_row_and_missing_in_another() -> None:
    rows = list(corners(CONDITIONAL))
    assert all(row == CONDITIONAL.active(row) for row in rows)
    for name in CONDITIONAL.conditional:
        assert {name in row for row in rows} == {True, False}
    assert {"optimizer": "adam", "layers": 2, "momentum": 0.25, "units": 9} in rows or {
        "optimizer": "adam",
        "layers": 3,
        "momentum": 0.25,
        "units": 9,
    } in rows
    assert len(rows) == len({tuple(row.items()) for row in rows})
