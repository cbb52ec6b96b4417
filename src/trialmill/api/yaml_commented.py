"""A document as YAML again, with the comments that its author wrote.

YAML parsers drop comments; the marks of the nodes say where to look for them. What stands above the line of a key or
item belongs to it, and so does what follows its value on the same line. Of a node that was made from another, only the
first takes that one's comments.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from trialmill.api.document import Document, Mark
from trialmill.api.tree import Json, Path
from trialmill.api.yaml_scalars import resolve_plain
from trialmill.api.yaml_text import yaml_text

_STEP: Final = "  "
_WORD: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
"""A text that needs no quotes, unless it is a word for something else."""
_BLANK_OR_COMMENT: Final = re.compile(r"\s*(#.*)?$")


def commented_yaml(document: Document, lines: Mapping[str, Sequence[str]]) -> str:
    """Block style, as `yaml_text` writes it, with comments. `lines` has the text of each file that marks name."""
    writer = _Writer(document, lines)
    text = list(writer.node(document.tree, (), ""))
    return "\n".join([*text, *writer.last()]) + "\n"


@dataclass(slots=True)
class _Writer:
    document: Document
    lines: Mapping[str, Sequence[str]]
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Lines whose comments were written."""

    def node(self, value: Json, path: Path, indent: str) -> Iterator[str]:
        match value:
            case dict() if value:
                for name, item in value.items():
                    yield from self._entry(name, item, (*path, name), indent)
            case list() if value:
                for position, item in enumerate(value):
                    yield from self._item(item, (*path, position), indent)
            case _:
                first, *rest = self._scalar(value, path)
                yield indent + first
                yield from (indent + line.removeprefix(_STEP) for line in rest)

    def last(self) -> Iterator[str]:
        """The comments below everything else in the document's own file."""
        own = [mark.line for mark in self.document.values.values() if mark.file == self.document.file]
        lines = self._source(self.document.file)
        for line in lines[max(own, default=len(lines)) :]:
            if not _BLANK_OR_COMMENT.match(line):
                return
            if "#" in line:
                yield line.strip()

    def _entry(self, name: str, value: Json, path: Path, indent: str) -> Iterator[str]:
        mark = self.document.keys.get(path)
        yield from self._above(mark, indent)
        key = _key(name)
        behind = self._behind(mark)
        if isinstance(value, dict | list) and value:
            yield f"{indent}{key}:{behind}"
            yield from self.node(value, path, indent + _STEP)
        else:
            first, *rest = self._scalar(value, path)
            yield f"{indent}{key}: {first}{behind or self._behind(self.document.values.get(path))}"
            yield from (indent + line for line in rest)

    def _item(self, value: Json, path: Path, indent: str) -> Iterator[str]:
        mark = self.document.values.get(path)
        yield from self._above(mark, indent)
        inner = list(self.node(value, path, indent + _STEP))
        comments = [line for line in inner if line.lstrip().startswith("#")] if isinstance(value, dict | list) else []
        first = next((n for n, line in enumerate(inner) if line not in comments), 0)
        yield from (line[len(_STEP) :] for line in inner[:first])
        behind = "" if isinstance(value, dict | list) and value else self._behind(mark)
        yield f"{indent}- {inner[first].removeprefix(indent + _STEP)}{behind}"
        yield from inner[first + 1 :]

    def _scalar(self, value: Json, path: Path) -> list[str]:
        """The lines of a scalar or an empty collection; a number, boolean or null as its author spelled it."""
        if isinstance(value, str) and _is_plain_word(value):
            return [value]
        text = "" if isinstance(value, str | dict | list) else self.document.texts.get(path, "")
        return [text] if text else yaml_text([value]).removeprefix("- ").splitlines()

    def _above(self, mark: Mark | None, indent: str) -> Iterator[str]:
        """The comments in the lines right above a place, unless it is not the first thing on its line."""
        if mark is None or (mark.file, -mark.line) in self.seen:
            return
        self.seen.add((mark.file, -mark.line))
        lines = self._source(mark.file)
        above: list[str] = []
        for line in reversed(lines[: mark.line - 1]):
            if not _BLANK_OR_COMMENT.match(line):
                break
            if "#" in line:
                above.append(f"{indent}{line.strip()}")
        yield from reversed(above)

    def _behind(self, mark: Mark | None) -> str:
        """The comment at the end of a place's line, with its distance; each is given once."""
        if mark is None or (mark.file, mark.line) in self.seen:
            return ""
        lines = self._source(mark.file)
        line = lines[mark.line - 1] if mark.line <= len(lines) else ""
        comment = _comment(line[mark.column - 1 :]) if "#" in line else ""
        if comment:
            self.seen.add((mark.file, mark.line))
        return f"  {comment}" if comment else ""

    def _source(self, file: str) -> Sequence[str]:
        return self.lines.get(file, ())


def _is_plain_word(text: str) -> bool:
    """Whether the text is certain to be written as it is; most are, and the writer takes its time for each."""
    return _WORD.fullmatch(text) is not None and isinstance(resolve_plain(text), str)


def _key(name: str) -> str:
    """A key in one line, whatever it holds; YAML's `?` form is not for people."""
    if _is_plain_word(name):
        return name
    text = yaml_text([name]).removeprefix("- ").removesuffix("\n")
    return json.dumps(name) if "\n" in text else text


def _comment(line: str) -> str:
    """What follows a `#` that stands behind blank space and in no quotes; empty for nothing."""
    quote = ""
    before = ""
    for position, character in enumerate(line):
        if quote:
            # A doubled quote ends one text and begins another: together they are still one in quotes.
            if character == quote and not (quote == '"' and before == "\\"):
                quote = ""
        elif character in "\"'" and (not before.strip() or before in ",:[{"):
            quote = character
        elif character == "#" and before.isspace():
            return line[position:].rstrip()
        before = "" if before == "\\" and character == "\\" else character
    return ""
