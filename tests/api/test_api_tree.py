"""JSON trees, and the words for what is in them."""

import pytest

from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import with_article


@pytest.mark.parametrize(
    "noun", ["a Job", "an MPIJob", "an XGBoostJob", "a TFJob", "an AppWrapper", "a RayJob", "a Mop"]
)
def test_a_kind_has_the_article_that_it_is_read_with(noun: str) -> None:
    assert with_article(noun.partition(" ")[2]) == noun


def test_a_message_that_quotes_a_whole_file_is_cut_where_a_person_reads_it() -> None:
    problem = Problem("wrong-type", Severity.ERROR, "x" * 100_000, remedy="y" * 100_000)
    assert len(str(problem)) < 2100
    assert str(problem).endswith("... [wrong-type]")
    assert len(problem.message) == 100_000
