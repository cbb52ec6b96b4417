"""YAML documents that remember where each node stood."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trialmill.api.tree import Json, Path


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; line and column start at 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its tree, and the mark of each value and of each key."""

    file: str
    tree: Json
    values: Mapping[Path, Mark] = field(default_factory=dict)
    keys: Mapping[Path, Mark] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def mark(self, path: Path, *, at_key: bool = False) -> Mark:
        """Where the node at `path` stood, or its nearest ancestor that is in the file."""
        if at_key and path in self.keys:
            return self.keys[path]
        for end in range(len(path), -1, -1):
            if path[:end] in self.values:
                return self.values[path[:end]]
        return Mark(self.file, 1, 1)
