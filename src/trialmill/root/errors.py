"""What a door tells its user in one plain sentence, and what would help."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialmill.root.creating import Difference


class RootError(Exception):
    """A request that cannot be met. `remedy` says what would help, empty where nothing is known."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class InputError(RootError):
    """The user named something that is not there, or that means nothing."""


class RefusedError(RootError):
    """The request is clear, and its time is not: somebody else drives the experiment, or it is over."""


class EditedError(RefusedError):
    """The file says something else than the stored experiment of its name."""

    def __init__(self, name: str, found: "Sequence[Difference]") -> None:
        super().__init__(
            f"experiment {name} is in the store already, and this file differs from it",
            f"give this one another name with --name, or remove the old one: trialmill delete {name}",
        )
        self.differences = tuple(found)
