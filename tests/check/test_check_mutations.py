"""Single mistakes in good files of every form: nothing raises, and nine in ten are reported at their own line.

`python tests/check/mutation_table.py` prints the whole table; here a fixed choice is checked.
"""

from collections.abc import Iterator

import pytest
from mutation_samples import samples
from mutation_table import Measured, measure, some

COUNT = 3000


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    yield measure(some(COUNT))


def test_there_is_a_sample_of_every_form() -> None:
    names = {sample.name[:2] for sample in samples()}

    assert {f"{number:02}" for number in (*range(1, 14), *range(15, 21))} - {"14"} <= names


def test_nine_in_ten_mistakes_are_found_at_their_own_line(measured: Measured) -> None:
    assert measured.all.wrong > 0.8 * COUNT
    assert measured.all.share >= 0.93


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        # Where a value that nothing uses was used before, no one can know; it is reported where it is declared.
        ("delete", 0.8),
        ("cut", 0.85),
        # A name that is defined and used once each could be wrong in both places.
        ("misspell value", 0.65),
        ("flip", 0.9),
        ("indent", 0.93),
        ("misspell key", 0.95),
        ("rename", 0.95),
        ("retype", 0.97),
        ("swap", 0.95),
        ("tab", 1.0),
    ],
)
def test_mistakes_of_a_kind_are_found_at_their_own_line(measured: Measured, kind: str, least: float) -> None:
    assert measured.by_kind[kind].share >= least


def test_a_mistake_for_certain_is_never_passed_over(measured: Measured) -> None:
    # Names of containers that only a cluster knows.
    silent = [f"{s.name}: {m.what}" for s, m, new in measured.misses if not new and "primaryContainer" not in m.what]

    assert silent == []


def test_hardly_a_mistake_makes_noise(measured: Measured) -> None:
    assert measured.all.noisy / measured.all.wrong < 0.04
