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
    """One YAML document: its tree, and the mark of each value and of each key.

    `texts` keeps the author's spelling of the plain scalars that are no strings: `1e-3` where the tree has 0.001.
    `origins` is for documents that were rewritten: the path that a node had in its file.
    """

    file: str
    tree: Json
    values: Mapping[Path, Mark] = field(default_factory=dict)
    keys: Mapping[Path, Mark] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    texts: Mapping[Path, str] = field(default_factory=dict)
    origins: Mapping[Path, Path] = field(default_factory=dict)

    def mark(self, path: Path, *, at_key: bool = False) -> Mark:
        """Where the node at `path` stood, or its nearest ancestor that is in the file.

        `at_key` asks for the place of the key instead, where the node has one.
        """
        for end in range(len(path), -1, -1):
            if at_key and path[:end] in self.keys:
                return self.keys[path[:end]]
            if path[:end] in self.values:
                return self.values[path[:end]]
        return Mark(self.file, 1, 1)

    def origin(self, path: Path) -> Path:
        """The path that the node at `path`, or what it was made from, had in its file."""
        if not self.origins:
            return path
        for end in range(len(path), -1, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return path
