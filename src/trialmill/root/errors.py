"""What a door tells its user in one plain sentence, and what would help."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialmill.root.creating import Difference


@dataclass(frozen=True, slots=True)
class NextStep:
    """A command that would help, and what it is good for: `NextStep("stop it first", "stop", "mnist")`."""

    purpose: str
    command: str
    name: str = ""

    def text(self, options: str = "") -> str:
        """`options` are those that a door adds so that the command finds the same store; they begin with a space."""
        return f"{self.purpose}: trialmill {f'{self.command} {self.name}'.rstrip()}{options}"


class RootError(Exception):
    """A request that cannot be met. `remedy` and `steps` say what would help, empty where nothing is known."""

    def __init__(self, message: str, remedy: str = "", steps: Sequence[NextStep] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.steps = tuple(steps)

    def advice(self, options: str = "") -> str:
        """What would help; each command with these options."""
        return "; ".join(filter(None, (self.remedy, *(step.text(options) for step in self.steps))))

    def text(self, options: str = "") -> str:
        """The message with the advice."""
        return "; ".join(filter(None, (self.message, self.advice(options))))

    def __str__(self) -> str:
        return self.text()


class InputError(RootError):
    """The user named something that is not there, or that means nothing."""


class RefusedError(RootError):
    """The request is clear, and its time is not: somebody else drives the experiment, or it is over."""


class EditedError(RefusedError):
    """The file says something else than the stored experiment of its name."""

    def __init__(self, name: str, found: "Sequence[Difference]") -> None:
        super().__init__(
            f"experiment {name} is in the store already, and this file, or an option, differs from it",
            "give this one another name with --name",
            [NextStep("or remove the old one", "delete", name)],
        )
        self.differences = tuple(found)
