"""What a search stands on: a JSON value, or nothing."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from trialmill.api.tree import Json


class Absence(Enum):
    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT
Node: TypeAlias = Json | Literal[Absence.ABSENT]


@dataclass(frozen=True, slots=True)
class Result:
    """What a path led to. A JSON null exists; a path that leads nowhere does not, and its `value` is None."""

    exists: bool
    value: Json = None
