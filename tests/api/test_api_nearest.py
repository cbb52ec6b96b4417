import pytest

from trialmill.api.nearest import begun_alike, nearest

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


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("maxTrials", "maxTrialCount"),
        ("paralleltrials", "parallelTrialCount"),
        ("objectives", "objective"),
        ("maximum", None),
        ("goals", None),
        ("minTrials", None),
    ],
)
def test_a_long_word_that_begins_as_a_field_does_is_alike(word: str, meant: str | None) -> None:
    assert begun_alike(word, FIELDS) == meant
