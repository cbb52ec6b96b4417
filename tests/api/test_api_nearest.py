import pytest

from trialmill.api.nearest import nearest

FIELDS = ["parallelTrialCount", "maxTrialCount", "maxFailedTrialCount", "objective", "min", "max", "list", "goal"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("maxTrialCount", "maxTrialCount"),
        ("maxTrialcount", "maxTrialCount"),
        ("MAXTRIALCOUNT", "maxTrialCount"),
        ("maxTrailCount", "maxTrialCount"),
        ("maxTrials", None),
        ("objetive", "objective"),
        ("objectives", "objective"),
        ("goals", "goal"),
        ("lsit", "list"),
        ("MIN", "min"),
        ("mix", None),
        ("step", None),
        ("", None),
        ("somethingElseAltogether", None),
    ],
)
def test_only_what_is_alike_is_suggested(word: str, meant: str | None) -> None:
    assert nearest(word, FIELDS) == meant


def test_the_first_of_equals_wins() -> None:
    assert nearest("worda", ["wordb", "wordc"]) == "wordb"


def test_nothing_is_like_a_word_where_nothing_is() -> None:
    assert nearest("word", []) is None
