"""Random streams that depend on nothing but the experiment's seed and the number of the suggestion.

Each suggestion has its own stream, so it does not matter how many were asked for at once, on which machine, or after
which restart.
"""

import hashlib
import random

_SEED_BYTES = 16


def derive(seed: int, *parts: int | str) -> int:
    """A seed of 128 bits for one purpose: the same on every machine and in every Python version."""
    text = ":".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:_SEED_BYTES], "big")


def stream(seed: int, number: int) -> random.Random:
    """The random numbers of suggestion `number`."""
    return random.Random(derive(seed, number))
