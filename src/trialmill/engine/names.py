"""Names and identities of trials and their resources. All derive from the experiment and the index, so creating is
idempotent.
"""

import hashlib
from typing import Final

_HASH_LENGTH: Final = 8
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own choice for generated names: no vowels, so no words."""


def trial_name(experiment: str, experiment_uid: str, index: int) -> str:
    """`<experiment>-<8 characters>`, as Katib names trials; here the same after every restart."""
    number = int.from_bytes(_digest("name", experiment_uid, index)[:16])
    letters = ""
    for _ in range(_HASH_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[digit]
    return f"{experiment}-{letters}"


def trial_uid(experiment_uid: str, index: int) -> str:
    """A stable identity in the form of a UUID."""
    text = _digest("uid", experiment_uid, index)[:16].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def resource_name(trial: str, attempt: int) -> str:
    """The trial's name for the first attempt, then `-2`, `-3`, ..."""
    return trial if attempt == 1 else f"{trial}-{attempt}"


def trial_seed(seed: int, index: int) -> int:
    """What `${trial.seed}` stands for: from 0 to 2**31 - 1, which every framework accepts."""
    return int.from_bytes(_digest("seed", str(seed), index)[:4]) >> 1


def _digest(what: str, root: str, index: int) -> bytes:
    return hashlib.sha256(f"{what}:{root}:{index}".encode()).digest()
