"""What a door tells its user in one plain sentence, and what would help."""


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
