"""The word that was probably meant: for "did you mean"."""

from collections.abc import Iterable
from typing import Final

_SHORTEST_STEM: Final = 6


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, or None where nothing is like it. The first of equals wins.

    A letter's case is no difference. A third of the letters may be wrong, missing, too many or swapped with their
    neighbour; in words of up to three letters none.
    """
    folded = word.casefold()
    best, best_distance = None, len(folded) // 3 + 1 if len(folded) > 3 else 1
    for candidate in candidates:
        limit = min(best_distance, max(len(folded), len(candidate)) // 3 + 1)
        distance = _distance(folded, candidate.casefold(), limit)
        if distance < limit:
            best, best_distance = candidate, distance
    return best


def begun_alike(word: str, candidates: Iterable[str]) -> str | None:
    """The first candidate that begins as `word` does, but for its last two letters at most: maxTrials, maxTrialCount.
    Short words are too easily alike.
    """
    stem = word.casefold()[:-2]
    if len(stem) < _SHORTEST_STEM:
        return None
    return next((candidate for candidate in candidates if candidate.casefold().startswith(stem)), None)


def _distance(left: str, right: str, limit: int) -> int:
    """Edits between two words, a swap of neighbours counting as one; `limit` where it is that or more."""
    if abs(len(left) - len(right)) >= limit:
        return limit
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        row = [i]
        for j, b in enumerate(right, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before, last = last, row
    return min(last[-1], limit)
