"""Nodes to documents: the JSON tree of each, and where its values and keys stand."""

import math
from collections.abc import Mapping
from typing import Final, TypeVar

from trialmill.api.document import Document, Mark
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, JsonObject, Path, format_path
from trialmill.api.yaml_errors import LINE_BREAK
from trialmill.api.yaml_nodes import (
    MAX_DEPTH,
    MAX_NODES,
    AliasNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    UnreadableYamlError,
    nodes,
)
from trialmill.api.yaml_scalars import CORE_TAGS, key_text, resolve_plain, resolve_tagged

_MAX_PROBLEMS: Final = 50
"""Past this many in one document, more of the same would not help its author."""
_LISTS: Final = ("List", "ExperimentList")
_Place = TypeVar("_Place", Mark, str)


def documents_of(text: str, file: str, problems: list[Problem]) -> list[Document]:
    """The documents of a YAML text that hold anything; see `load.load_documents`."""
    lines = tuple(LINE_BREAK.split(text))
    documents: list[Document] = []
    try:
        for node in nodes(text):
            document = _Builder(file, problems).document(node, lines)
            if document.tree is not None:
                documents += _items(document)
    except UnreadableYamlError as error:
        problems.append(
            Problem(
                error.code,
                Severity.ERROR,
                error.message,
                file=file,
                line=error.line,
                column=error.column,
                remedy=error.remedy,
            )
        )
    return documents


def _items(document: Document) -> list[Document]:
    """The items of a list object as documents of their own, any other document as it is."""
    tree = document.tree
    if not isinstance(tree, dict) or tree.get("kind") not in _LISTS:
        return [document]
    items = tree.get("items")
    if not isinstance(items, list):
        return [document]
    values, keys = _by_item(document.values, len(items)), _by_item(document.keys, len(items))
    texts = _by_item(document.texts, len(items))
    parts = zip(items, values, keys, texts, strict=True)
    return [Document(document.file, item, v, k, document.lines, t) for item, v, k, t in parts]


def _by_item(places: Mapping[Path, _Place], count: int) -> list[dict[Path, _Place]]:
    """What is below each entry of `items`, by paths that begin there."""
    groups: list[dict[Path, _Place]] = [{} for _ in range(count)]
    for path, place in places.items():
        if len(path) > 1 and path[0] == "items" and isinstance(path[1], int):
            groups[path[1]][path[2:]] = place
    return groups


class _TooLargeError(Exception):
    """Aliases make the document larger, or deeper, than a document may be."""


class _Builder:
    """Builds one document. Mistakes in values are reported, and reading goes on behind them."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.reported: set[tuple[str, int, int]] = set()
        self.count = 0
        self.values: dict[Path, Mark] = {}
        self.keys: dict[Path, Mark] = {}
        self.texts: dict[Path, str] = {}

    def document(self, root: Node, lines: tuple[str, ...]) -> Document:
        try:
            tree = self._value(root, ())
        except _TooLargeError:
            self._report("yaml-alias", "the aliases of this document make it too large or too deep", root, ())
            tree = None
        return Document(self.file, tree, self.values, self.keys, lines, self.texts)

    def _value(self, node: Node, path: Path) -> Json:
        self._count(path)
        self.values[path] = Mark(self.file, node.line, node.column)
        target = node.target if isinstance(node, AliasNode) else node
        match target:
            case ScalarNode():
                return self._scalar(target, path)
            case MappingNode():
                self._check_tag(target, "!!map", path)
                return self._mapping(target, path)
            case SequenceNode():
                self._check_tag(target, "!!seq", path)
                return [self._value(item, (*path, index)) for index, item in enumerate(target.items)]

    def _count(self, path: Path) -> None:
        self.count += 1
        if self.count > MAX_NODES or len(path) > MAX_DEPTH:
            raise _TooLargeError

    def _mapping(self, node: MappingNode, path: Path) -> JsonObject:
        tree: JsonObject = {}
        for key, (key_node, value_node) in self._entries(node, path).items():
            at = (*path, key)
            self.keys[at] = Mark(self.file, key_node.line, key_node.column)
            tree[key] = self._value(value_node, at)
        return tree

    def _entries(self, node: MappingNode, path: Path, depth: int = 0) -> dict[str, tuple[Node, Node]]:
        """A mapping's keys and values, with those that `<<` merges in; its own win, then those merged first.

        `depth` counts the merges within merges.
        """
        if depth > MAX_DEPTH:
            raise _TooLargeError
        entries: dict[str, tuple[Node, Node]] = {}
        merged: list[MappingNode] = []
        for key_node, value_node in node.entries:
            self._count(path)
            if (
                isinstance(key_node, ScalarNode)
                and key_node.text == "<<"
                and (key_node.plain or key_node.tag == "!!merge")
            ):
                merged += self._merged(value_node, path)
            elif (key := self._key(key_node, path)) is None:
                continue
            elif key in entries:
                message = f"the key {key!r} is there twice, here and in line {entries[key][0].line}"
                self._report("duplicate-key", message, key_node, (*path, key), "remove one of the two")
            else:
                entries[key] = (key_node, value_node)
        for mapping in merged:
            entries |= {k: entry for k, entry in self._entries(mapping, path, depth + 1).items() if k not in entries}
        return entries

    def _merged(self, node: Node, path: Path) -> list[MappingNode]:
        target = node.target if isinstance(node, AliasNode) else node
        sources = target.items if isinstance(target, SequenceNode) else [target]
        mappings = [source.target if isinstance(source, AliasNode) else source for source in sources]
        if not all(isinstance(mapping, MappingNode) for mapping in mappings):
            self._report("yaml-merge", "'<<' takes a mapping or a list of mappings", node, path)
        return [mapping for mapping in mappings if isinstance(mapping, MappingNode)]

    def _key(self, node: Node, path: Path) -> str | None:
        target = node.target if isinstance(node, AliasNode) else node
        if not isinstance(target, ScalarNode):
            self._report("yaml-key", "a list or a mapping cannot be a key", node, path)
            return None
        value = self._resolve(target, path)
        if value is None:
            self._report("yaml-key", "nothing cannot be a key", node, path, 'quote it if it is meant as text: ""')
            return None
        return key_text(value)

    def _scalar(self, node: ScalarNode, path: Path) -> Json:
        value = self._resolve(node, path)
        if node.plain and not isinstance(value, str):
            self.texts[path] = node.text
        return value

    def _resolve(self, node: ScalarNode, path: Path) -> Json:
        tag = node.tag.removeprefix("!!")
        if node.tag and (tag == node.tag or tag not in CORE_TAGS):
            return self._untagged(node, path)
        try:
            if node.tag:
                value = resolve_tagged(tag, node.text)
            else:
                value = resolve_plain(node.text) if node.plain else node.text
        except ValueError as error:
            self._report("yaml-tag", str(error), node, path)
            return node.text
        if isinstance(value, float) and not math.isfinite(value):
            message = f"{node.text} is a number that JSON, and so Kubernetes, cannot hold"
            self._report("yaml-number", message, node, path, f'quote it if it is meant as text: "{node.text}"')
            return node.text
        return value

    def _untagged(self, node: ScalarNode, path: Path) -> str:
        if node.tag != "!":  # the tag that only says "do not resolve this"
            self._refuse_tag(node, path)
        return node.text

    def _check_tag(self, node: MappingNode | SequenceNode, allowed: str, path: Path) -> None:
        if node.tag not in ("", "!", allowed):
            self._refuse_tag(node, path)

    def _refuse_tag(self, node: ScalarNode | MappingNode | SequenceNode, path: Path) -> None:
        remedy = "remove the tag, or quote the text if it is meant to begin with '!'"
        self._report("yaml-tag", f"the tag {node.tag} has no meaning here", node, path, remedy)

    def _report(self, code: str, message: str, node: Node, path: Path, remedy: str = "") -> None:
        place = (code, node.line, node.column)  # an anchored node is met once for each of its aliases
        if place in self.reported or len(self.reported) >= _MAX_PROBLEMS:
            return
        self.reported.add(place)
        self.problems.append(
            Problem(
                code,
                Severity.ERROR,
                message,
                file=self.file,
                line=node.line,
                column=node.column,
                path=format_path(path),
                remedy=remedy,
            )
        )
