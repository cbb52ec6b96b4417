"""Problems: everything that is wrong with a file, found in one go and each with its place.

Checks never raise for bad input; they report to a `Problems` and go on, so that the user sees all mistakes at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from trialmill.api.document import Document
from trialmill.api.tree import Path, format_path

_LONGEST: Final = 1000
"""Characters of a message that are shown in a text."""
MOST_ALIKE: Final = 100
"""Problems of one code and severity that are reported of a document."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    UNAVAILABLE = "unavailable"
    """Part of the format, but not available in this release: `validate` warns, `run` refuses."""
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is, what was found there, and what would be right. Lines and columns start at 1."""

    code: str
    severity: Severity
    message: str
    found: str = ""
    expected: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        at = f"{self.path}: " if self.path else ""
        remedy = f"; {_shortened(self.remedy)}" if self.remedy else ""
        return f"{place}{self.severity}: {at}{_shortened(self.message)}{remedy} [{self.code}]"


def _shortened(text: str) -> str:
    """What a person reads of a sentence that quotes a whole file, or lists a thousand names."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


@dataclass(slots=True)
class Problems:
    """Collects problems of one document; `document` may be None for experiments that were not read from a file."""

    document: Document | None = None
    found: list[Problem] = field(default_factory=list)
    counts: dict[tuple[str, Severity], int] = field(default_factory=dict)
    """How many of each sort were reported; past `MOST_ALIKE` of one, more would not help its author."""

    def add(
        self,
        code: str,
        message: str,
        path: Path = (),
        *,
        severity: Severity = Severity.ERROR,
        found: str = "",
        expected: str = "",
        remedy: str = "",
        at_key: bool = False,
    ) -> None:
        """Record a problem at `path`; `at_key` points at the key rather than at its value."""
        number = self.counts[code, severity] = self.counts.get((code, severity), 0) + 1
        if number > MOST_ALIKE:
            if number > MOST_ALIKE + 1:
                return
            message, found, expected, remedy = "there are more problems like this, which are not shown", "", "", ""
        mark = self.document.mark(path, at_key=at_key) if self.document else None
        self.found.append(
            Problem(
                code=code,
                severity=severity,
                message=message,
                found=found,
                expected=expected,
                file=mark.file if mark else "",
                line=mark.line if mark else 0,
                column=mark.column if mark else 0,
                path=format_path(path),
                remedy=remedy,
            )
        )

    def warn(self, code: str, message: str, path: Path = (), *, remedy: str = "", at_key: bool = False) -> None:
        self.add(code, message, path, severity=Severity.WARNING, remedy=remedy, at_key=at_key)

    def note(self, code: str, message: str, path: Path = (), *, remedy: str = "") -> None:
        self.add(code, message, path, severity=Severity.NOTE, remedy=remedy)

    def unavailable(self, code: str, message: str, path: Path = (), *, remedy: str = "") -> None:
        self.add(code, message, path, severity=Severity.UNAVAILABLE, remedy=remedy)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.found)

    def has_error_at(self, path: Path) -> bool:
        """Whether an error at this very path was reported already, so that a later check can keep silent."""
        place = format_path(path)
        return any(p.severity is Severity.ERROR and p.path == place for p in self.found)

    @property
    def has_errors(self) -> bool:
        return any(p.severity is Severity.ERROR for p in self.found)
