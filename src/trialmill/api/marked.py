"""Trees whose nodes know where they were written: documents that can be taken apart and put together anew.

Forms of templates are rewritten on such trees. A node that is moved keeps its place, and a node that is made gets the
place of what it was made from, so that every later problem still points at a line of the user's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from trialmill.api.document import Document, Mark
from trialmill.api.tree import Json, JsonObject, Path

Content: TypeAlias = "dict[str, Node] | list[Node] | str | int | float | bool | None"


@dataclass(slots=True)
class Node:
    """A value with the place of its first character.

    `key` is the place of the key it stands behind, `text` the spelling of a plain scalar that is no string, `origin`
    the path it had in the file that its mark names. The content of a mapping or list may be changed in place.
    """

    content: Content
    mark: Mark
    key: Mark | None = None
    text: str = ""
    origin: Path = ()

    @property
    def fields(self) -> "dict[str, Node]":
        """The entries of a mapping, the node's own; empty, and nobody's, for anything else."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """The items of a list, the node's own; empty, and nobody's, for anything else."""
        return self.content if isinstance(self.content, list) else []

    @property
    def string(self) -> str:
        """The text of a string, empty for anything else."""
        return self.content if isinstance(self.content, str) else ""

    def get(self, *path: str | int) -> "Node | None":
        """The node at `path` below this one, None where the path leads nowhere or to a null."""
        node = self
        for step in path:
            found = node.fields.get(step) if isinstance(step, str) else _item(node.items, step)
            if found is None:
                return None
            node = found
        return node if node.content is not None else None

    def json(self) -> Json:
        """The value without its places."""
        match self.content:
            case dict():
                return {name: node.json() for name, node in self.content.items()}
            case list():
                return [node.json() for node in self.content]
            case scalar:
                return scalar

    def made(self, value: Json) -> "Node":
        """A new node, all of it in this one's place: something that is made from it."""
        match value:
            case dict():
                content: Content = {name: self.made(item) for name, item in value.items()}
            case list():
                content = [self.made(item) for item in value]
            case _:
                content = value
        return Node(content, self.mark, self.key or self.mark, "", self.origin)

    def copy(self) -> "Node":
        """A copy that shares no node with this one, in the same places."""
        match self.content:
            case dict():
                return replace(self, content={name: node.copy() for name, node in self.content.items()})
            case list():
                return replace(self, content=[node.copy() for node in self.content])
            case _:
                return replace(self)

    def walk(self, path: Path = ()) -> "Iterator[tuple[Path, Node]]":
        """This node and all below it, with their paths from here."""
        yield path, self
        for name, node in self.fields.items():
            yield from node.walk((*path, name))
        for position, node in enumerate(self.items):
            yield from node.walk((*path, position))


def _item(items: list[Node], position: int) -> Node | None:
    return items[position] if -len(items) <= position < len(items) else None


def marked(document: Document) -> Node:
    """The document as nodes."""
    return _node(document, document.tree, ())


def _node(document: Document, value: Json, path: Path) -> Node:
    match value:
        case dict():
            content: Content = {name: _node(document, item, (*path, name)) for name, item in value.items()}
        case list():
            content = [_node(document, item, (*path, position)) for position, item in enumerate(value)]
        case _:
            content = value
    key = document.keys.get(path)
    return Node(content, document.mark(path), key, document.texts.get(path, ""), document.origin(path))


@dataclass(slots=True)
class _Places:
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)


def unmarked(root: Node, source: Document) -> Document:
    """The nodes as a document, which takes the place of `source` and keeps its file and lines."""
    places = _Places()
    for path, node in root.walk():
        places.values[path] = node.mark
        places.origins[path] = node.origin
        if node.key is not None:
            places.keys[path] = node.key
        if node.text:
            places.texts[path] = node.text
    return Document(
        source.file, root.json(), places.values, places.keys, source.lines, places.texts, origins=places.origins
    )


def as_object(node: Node) -> JsonObject:
    """The value of a mapping's node; empty for any other."""
    value = node.json()
    return value if isinstance(value, dict) else {}
