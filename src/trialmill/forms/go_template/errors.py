"""What can be wrong with a template."""

from enum import StrEnum


class ErrorKind(StrEnum):
    """The kinds of mistakes; their values are the codes of the problems that they become."""

    SYNTAX = "go-template-syntax"
    EVALUATION = "go-template"
    """Go itself would fail on it."""
    PRINTF = "go-template-printf"
    """Go would write its complaint into the text."""
    OPAQUE = "opaque-value"
    """It needs to know a value that is not known before the trial."""
    UNSUPPORTED = "go-template-unsupported"
    """Go can do it, this cannot."""
    LIMIT = "go-template-limit"


class GoTemplateError(Exception):
    """One plain sentence about what is wrong at `offset`, in characters from the start of the template."""

    def __init__(self, kind: ErrorKind, message: str, offset: int, remedy: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.offset = offset
        self.remedy = remedy
