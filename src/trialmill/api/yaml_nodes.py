"""YAML text to nodes that know where they stand.

Only PyYAML's event parser is used. The tree is built here, on a stack of its own, so that no nesting can exhaust the
interpreter's, and so that tags never construct anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml

from trialmill.api.yaml_errors import explain

MAX_DEPTH: Final = 100
MAX_NODES: Final = 100_000
_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TAG_PREFIX: Final = "tag:yaml.org,2002:"


@dataclass(slots=True)
class ScalarNode:
    """A scalar as written; `plain` for one without quotes. Lines and columns start at 1, here and below."""

    line: int
    column: int
    text: str
    plain: bool
    tag: str = ""


@dataclass(slots=True)
class SequenceNode:
    line: int
    column: int
    tag: str = ""
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True)
class MappingNode:
    line: int
    column: int
    tag: str = ""
    entries: list[tuple["Node", "Node"]] = field(default_factory=list)


@dataclass(slots=True)
class AliasNode:
    """`*name`: stands for the node that is anchored as `&name`."""

    line: int
    column: int
    target: "ScalarNode | SequenceNode | MappingNode"


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode | AliasNode


class UnreadableYamlError(Exception):
    """The text is no YAML, or none that is read here; nothing after this place can be."""

    def __init__(self, code: str, message: str, line: int, column: int, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column
        self.remedy = remedy


def nodes(text: str) -> Iterator[Node]:
    """The root node of each document. Raises UnreadableYamlError at the place where reading cannot go on."""
    try:
        yield from _Composer().documents(yaml.parse(text, Loader=_PARSER))
    except yaml.MarkedYAMLError as error:
        raise _syntax_problem(error, text) from None
    except yaml.YAMLError as error:
        raise UnreadableYamlError("yaml-syntax", f"this is no valid YAML: {str(error).splitlines()[0]}", 1, 1) from None


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> UnreadableYamlError:
    def place(mark: yaml.Mark | None) -> tuple[int, int] | None:
        return (mark.line + 1, mark.column + 1) if mark else None

    found = explain(
        error.context or "", place(error.context_mark), error.problem or "", place(error.problem_mark), text
    )
    return UnreadableYamlError(found.code, found.message, found.line, found.column, found.remedy)


class _Composer:
    """Puts events together to nodes, one document after the other."""

    def __init__(self) -> None:
        self.count = 0
        self.anchors: dict[str, ScalarNode | SequenceNode | MappingNode] = {}
        self.open: list[SequenceNode | MappingNode] = []
        self.keys: list[Node | None] = []
        """For each open collection, the key that waits for its value."""

    def documents(self, events: Iterator[yaml.Event]) -> Iterator[Node]:
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    self.anchors = {}
                case yaml.ScalarEvent() | yaml.AliasEvent():
                    node = self._leaf(event)
                    self._place(node)
                    if not self.open:
                        yield node
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._begin(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self.keys.pop()
                    closed = self.open.pop()
                    if not self.open:
                        yield closed

    def _begin(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        line, column = _place_of(event)
        if len(self.open) >= MAX_DEPTH:
            raise UnreadableYamlError("yaml-too-deep", f"this is nested deeper than {MAX_DEPTH} levels", line, column)
        kind = SequenceNode if isinstance(event, yaml.SequenceStartEvent) else MappingNode
        node = kind(line, column, _short_tag(event.tag))
        self._remember(event.anchor, node)
        self._place(node)
        self.open.append(node)
        self.keys.append(None)

    def _leaf(self, event: yaml.ScalarEvent | yaml.AliasEvent) -> ScalarNode | AliasNode:
        line, column = _place_of(event)
        if isinstance(event, yaml.ScalarEvent):
            if _SURROGATE.search(event.value):  # libyaml refuses them, the parser in Python does not
                raise UnreadableYamlError("yaml-syntax", "this text has half of a surrogate pair in it", line, column)
            scalar = ScalarNode(line, column, event.value, bool(event.implicit[0]), _short_tag(event.tag))
            self._remember(event.anchor, scalar)
            return scalar
        target = self.anchors.get(event.anchor or "")
        if target is None:
            message = f"the alias *{event.anchor} refers to an anchor &{event.anchor} that is not there"
            remedy = "define the anchor above, or quote the text if it is no alias"
            raise UnreadableYamlError("yaml-alias", message, line, column, remedy)
        if any(target is node for node in self.open):
            raise UnreadableYamlError("yaml-alias", f"the alias *{event.anchor} contains itself", line, column)
        return AliasNode(line, column, target)

    def _remember(self, anchor: str | None, node: ScalarNode | SequenceNode | MappingNode) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    def _place(self, node: Node) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            message = f"this has more than {MAX_NODES:,} values, which no Experiment needs"
            raise UnreadableYamlError("yaml-too-large", message, node.line, node.column)
        if not self.open:
            return
        parent = self.open[-1]
        if isinstance(parent, SequenceNode):
            parent.items.append(node)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = node
        else:
            parent.entries.append((key, node))
            self.keys[-1] = None


def _place_of(event: yaml.NodeEvent) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _short_tag(tag: str | None) -> str:
    """`!!int` for the long form of a core tag; empty where there is none."""
    if tag is None:
        return ""
    return "!!" + tag.removeprefix(_TAG_PREFIX) if tag.startswith(_TAG_PREFIX) else tag
