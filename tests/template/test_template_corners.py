import pytest

from trialmill.api.experiment import TrialParameter
from trialmill.api.space import Categorical, Dimension, Discrete, Distribution, Double, Integer, Space, Value
from trialmill.api.tree import Json
from trialmill.template.corners import Corner, corner, middle

LOG = Distribution.LOG_UNIFORM
CASES: dict[str, tuple[Dimension, Value, Value, Value]] = {
    "double": (Double("x", 0.0, 1.0), 0.0, 0.5, 1.0),
    "double with few digits in the middle": (Double("x", 0.0, 0.7), 0.0, 0.35, 0.7),
    "log double": (Double("x", 1e-5, 1e-1, distribution=LOG), 1e-5, 1e-3, 1e-1),
    "double on steps": (Double("x", 0.05, 0.95, 0.2), 0.05, 0.45, 0.85),
    "double on a step that ends at high": (Double("x", 0.1, 0.7, 0.1), 0.1, 0.4, 0.7),
    "step larger than the range": (Double("x", 1.0, 2.0, 5.0), 1.0, 1.0, 1.0),
    "huge range": (Double("x", -1.7e308, 1.7e308), -1.7e308, 0.0, 1.7e308),
    "narrow range": (Double("x", 1.00000001, 1.00000002), 1.00000001, 1.00000001, 1.00000002),
    "many steps": (Double("x", 0.0, 1e30, 1e-30), 0.0, 5e29, 1e30),
    "int": (Integer("x", 1, 5), 1, 3, 5),
    "int on steps": (Integer("x", 1, 10, 4), 1, 5, 9),
    "log int": (Integer("x", 1, 10000, distribution=LOG), 1, 100, 10000),
    "negative int": (Integer("x", -5, 4), -5, -1, 4),
    "discrete in any order": (Discrete("x", ("0.5", "0.10", "9"), (0.5, 0.1, 9.0)), "0.10", "0.10", "9"),
    "categorical": (Categorical("x", ("sgd", "adam", "ftrl")), "sgd", "adam", "ftrl"),
    "one word": (Categorical("x", ("sgd",)), "sgd", "sgd", "sgd"),
}


@pytest.mark.parametrize(("dimension", "low", "mid", "high"), CASES.values(), ids=CASES)
def test_corners_and_middle_are_values_that_trials_can_get(
    dimension: Dimension, low: Value, mid: Value, high: Value
) -> None:
    space = Space((dimension,))
    assert corner(space, Corner.MIN) == {"x": low}
    assert middle(space) == {"x": mid}
    assert corner(space, Corner.MAX) == {"x": high}


def test_defaults_come_before_the_middle_in_the_spelling_of_the_space() -> None:
    space = Space(
        (
            Double("lr", 0.0, 1.0),
            Integer("n", 1, 9),
            Discrete("d", ("0.10", "1"), (0.1, 1.0)),
            Categorical("c", ("true", "false")),
            Integer("other", 1, 9),
        )
    )
    defaults: dict[str, Json] = {"lr": 1, "n": "4", "d": 0.1, "c": False, "other": "many"}
    parameters = [TrialParameter(f"p-{name}", name, default=default) for name, default in defaults.items()]
    result = middle(space, parameters)
    assert result == {"lr": 1.0, "n": 4, "d": "0.10", "c": "false", "other": 5}
    assert isinstance(result["lr"], float)
