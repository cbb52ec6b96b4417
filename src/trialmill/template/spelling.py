"""Which known word a misspelt one was probably meant to be."""

from collections.abc import Collection


def closest(word: str, known: Collection[str]) -> str:
    """The most similar known word, case aside; empty when none is close."""
    from difflib import get_close_matches  # only mistakes pay for the import

    folded = {k.lower(): k for k in known}
    matches = get_close_matches(word.lower(), folded, n=1)
    return folded[matches[0]] if matches else ""


def did_you_mean(word: str, known: Collection[str]) -> str:
    """A remedy for a misspelt word: the closest known one, or else the list of them; empty when none is known."""
    if match := closest(word, known):
        return f"did you mean {match}?"
    return f"known are {', '.join(sorted(known))}" if known else ""
