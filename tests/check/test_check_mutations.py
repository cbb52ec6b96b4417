"""Each node of a good Experiment deleted, renamed or replaced: nothing raises, and the mutated place is named."""

import copy
import json
from collections.abc import Iterator
from typing import NamedTuple

from check_samples import GOOD, check

from trialmill.api.document import Document
from trialmill.api.load import load_documents
from trialmill.api.problem import Severity
from trialmill.api.tree import Json, Path, format_path, get


class Mutation(NamedTuple):
    """`where` is the place to look at, in the mutated tree: the node, or what it was taken from."""

    what: str
    path: Path
    where: Path
    tree: Json


def _mutations(tree: Json) -> Iterator[Mutation]:
    for path in list(_paths(tree, ())):
        yield Mutation("delete", path, path[:-1], _without(tree, path))
        if isinstance(path[-1], str):
            name = f"{path[-1]}x"
            yield Mutation("rename", path, (*path[:-1], name), _renamed(tree, path, name))
        was_container = isinstance(get(tree, *path), dict | list)
        yield Mutation("replace", path, path, _with(tree, path, "zzz" if was_container else ["x"]))


def _paths(node: Json, path: Path) -> Iterator[Path]:
    children: list[tuple[str | int, Json]] = []
    if isinstance(node, dict):
        children += node.items()
    elif isinstance(node, list):
        children += enumerate(node)
    for step, child in children:
        yield (*path, step)
        yield from _paths(child, (*path, step))


def _without(tree: Json, path: Path) -> Json:
    copied = copy.deepcopy(tree)
    match get(copied, *path[:-1]), path[-1]:
        case dict() as fields, str() as key:
            del fields[key]
        case list() as items, int() as position:
            del items[position]
    return copied


def _with(tree: Json, path: Path, value: Json) -> Json:
    copied = copy.deepcopy(tree)
    match get(copied, *path[:-1]), path[-1]:
        case dict() as fields, str() as key:
            fields[key] = value
        case list() as items, int() as position:
            items[position] = value
    return copied


def _renamed(tree: Json, path: Path, name: str) -> Json:
    """With the key in its old position."""
    copied = copy.deepcopy(tree)
    fields = get(copied, *path[:-1])
    assert isinstance(fields, dict)
    entries = [(name if key == path[-1] else key, value) for key, value in fields.items()]
    fields.clear()
    fields.update(entries)
    return copied


def _load(text: str) -> Document:
    return load_documents(text.encode(), "file.yaml", [])[0]


def test_mutations_are_found_and_nine_in_ten_at_their_own_line() -> None:
    harmful, at_their_line, unseen = 0, 0, []
    for mutation in _mutations(_load(GOOD).tree):
        text = json.dumps(mutation.tree, indent=1)  # JSON is YAML, and here each node has a line of its own
        _, found = check(text)
        problems = [p for p in found if p.severity is not Severity.NOTE]
        if not problems:
            if mutation.what != "delete":
                unseen.append(f"{mutation.what} {format_path(mutation.path)}")
            continue
        document = _load(text)
        lines = {document.mark(mutation.where).line, document.mark(mutation.where, at_key=True).line}
        harmful += 1
        at_their_line += any(p.line in lines for p in problems)

    assert harmful > 300
    assert at_their_line / harmful >= 0.9
    assert unseen == []
