"""Single mistakes in a good file, as people make them, each with the lines at which it should be reported.

A mistake in a node is made in the tree, which is then written anew in block style; one in a line is made in the text.
`certain` are those that make the file wrong by the rules of Katib, Kubernetes or YAML, whatever the checks say of it:
in a mapping whose fields are fixed, a name that is not among them, or a value of a type that no field there has.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from mutation_samples import Sample

from trialmill.api.document import Document
from trialmill.api.load import load_documents
from trialmill.api.tree import Json, JsonObject, Path, format_path, get, get_string
from trialmill.api.yaml_text import yaml_text
from trialmill.kinds.schema import BUILT_IN

_FREE: Final = {
    "labels",
    "annotations",
    "matchLabels",
    "primaryPodLabels",
    "nodeSelector",
    "limits",
    "requests",
    "data",
}
"""Mappings whose keys are their author's own."""
_OPEN: Final = {"params", "parameters", "arguments", "inputs", "outputs", "value", "default"}
"""Fields of manifests below which a value may be of several types."""
_DEFINED: Final = {
    "algorithmName",
    "apiVersion",
    "as",
    "configMapName",
    "distribution",
    "kind",
    "parameterType",
    "type",
}
_NAMED: Final = _DEFINED | {"parametersInjectPolicy", "primaryContainerName", "reference", "restartPolicy"}
"""Fields whose value is a word that is defined elsewhere."""
_NEEDED: Final = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("spec", "objective"),
    ("spec", "objective", "type"),
    ("spec", "objective", "objectiveMetricName"),
    ("spec", "algorithm", "algorithmName"),
    ("spec", "parameters"),
    ("spec", "trialTemplate"),
    ("spec", "trialTemplate", "trialParameters"),
    ("spec", "trialTemplate", "trialSpec"),
    ("spec", "trialTemplate", "trialSpec", "kind"),
    ("spec", "trialTemplate", "trialSpec", "apiVersion"),
    ("spec", "trialTemplate", "trialSpec", "spec", "template", "spec", "containers"),
)
_NEEDED_OF_PARAMETERS: Final = ("name", "parameterType", "feasibleSpace", "min", "max", "list", "reference")


@dataclass(frozen=True, slots=True)
class Mutation:
    """`kind` of mistake, `what` it was, and the file with it. `lines` are those at which it is to be reported."""

    kind: str
    what: str
    data: bytes
    lines: frozenset[int]
    certain: bool = False


Change: TypeAlias = tuple[str, Json, list[Path], bool]
"""Kind of mistake, the tree with it, where to look in that tree, and whether it is one for certain."""
Making: TypeAlias = Callable[[], Mutation | None]
"""Makes a mutation; None where the file with it would hold another number of documents."""


def mutations(sample: Sample) -> Iterator[Making]:
    """Every mistake in a node, and some in each line; the same ones each time. Making one takes its time."""
    yield from _node_mutations(sample)
    for mutation in _line_mutations(sample):
        yield partial(_made, mutation)


def _made(mutation: Mutation) -> Mutation:
    return mutation


# --- In the tree


def _node_mutations(sample: Sample) -> Iterator[Making]:
    trees = [document.tree for document in sample.documents]
    for number, tree in enumerate(trees):
        for path in _paths(tree, ()):
            for change in _changes(tree, path):
                yield partial(_written, sample, trees, number, path, change)


def _written(sample: Sample, trees: list[Json], number: int, path: Path, change: Change) -> Mutation | None:
    kind, changed, where, certain = change
    text = "---\n".join(yaml_text(changed if n == number else tree) for n, tree in enumerate(trees))
    documents = load_documents(text.encode(), sample.file, [])
    if len(documents) != len(trees):
        return None
    lines = frozenset[int]().union(*(_lines(documents[number], at) for at in where))
    return Mutation(kind, f"{kind} {format_path(path)}", text.encode(), lines, certain)


def _changes(tree: Json, path: Path) -> Iterator[Change]:
    value, name, parent = get(tree, *path), path[-1], path[:-1]
    fixed = _is_fixed(tree, path)
    yield "delete", _without(tree, path), [parent], _is_needed(tree, path)
    if isinstance(name, str):
        yield "rename", _renamed(tree, path, f"{name}x"), [(*parent, f"{name}x")], fixed
        if slip := misspelt(name):
            yield "misspell key", _renamed(tree, path, slip), [(*parent, slip)], fixed
        if isinstance(value, str) and (slip := _misspelt_value(value)):
            yield "misspell value", _with(tree, path, slip), [path], name in _NAMED and _is_experiment(tree)
        if (other := _sibling(tree, path)) is not None:
            changed = _with(_with(tree, path, get(tree, *other)), other, value)
            yield "swap", changed, [path, other], fixed and _type(value) != _type(get(tree, *other))
    for wrong in _of_other_types(value):
        yield "retype", _with(tree, path, wrong), [path], fixed or (isinstance(name, int) and _is_fixed(tree, parent))


def _is_experiment(tree: Json) -> bool:
    return get_string(tree, "kind") == "Experiment"


def _is_fixed(tree: Json, path: Path) -> bool:
    """Whether the node is in a mapping whose fields are fixed, and known to us."""
    if not _is_experiment(tree) or set(path[:-1]) & _FREE:
        return False
    if "trialTemplate" not in path:
        return True
    if get(tree, "spec", "trialTemplate", "trialSpec", "image") is not None and path[-1] in ("command", "args"):
        return False  # a text is right there, too
    manifest = get(tree, "spec", "trialTemplate", "trialSpec")
    return not set(path[2:]) & _OPEN and _is_known(get_string(manifest, "apiVersion"), get_string(manifest, "kind"))


def _is_known(api_version: str, kind: str) -> bool:
    """Whether the fields of a kind are fixed, and known to us. An image in the place of a manifest has no version."""
    if kind in ("", "TaskRun", "PipelineRun", "Workflow"):
        return False
    return not api_version or BUILT_IN.knows(api_version, kind)


def _is_needed(tree: Json, path: Path) -> bool:
    if not _is_experiment(tree):
        return False
    return path in _NEEDED or (path[:2] == ("spec", "parameters") and path[-1] in _NEEDED_OF_PARAMETERS)


def _of_other_types(value: Json) -> list[Json]:
    match value:
        case dict():
            return ["zzz", ["zzz"]]
        case list():
            return ["zzz", {"x": "zzz"}]
        case bool():
            return ["perhaps", ["x"]]
        case int():
            return ["many", ["x"]]
        case str():
            return [["x"], {"x": "y"}]
    return []


def _type(value: Json) -> type:
    return type(value)


def misspelt(word: str) -> str:
    """The word with two letters in its middle swapped, or one left out; empty for a word too short for a slip."""
    if len(word) < 4 or not word.isascii():
        return ""
    for i in range(len(word) // 2, len(word) - 1):
        if word[i] != word[i + 1]:
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return word[:-1]


def _misspelt_value(text: str) -> str:
    start = text.find("${trialParameters.")
    if start >= 0:
        end = text.find("}", start)
        slip = misspelt(text[start + 18 : end])
        return text[: start + 18] + slip + text[end:] if slip else ""
    return misspelt(text) if text.replace("-", "").replace("_", "").isalpha() else ""


def _sibling(tree: Json, path: Path) -> Path | None:
    """The next field of the same mapping, where it has another value."""
    names = list(fields) if isinstance(fields := get(tree, *path[:-1]), dict) else []
    position = names.index(str(path[-1])) + 1
    if position >= len(names):
        return None
    other = (*path[:-1], names[position])
    return other if get(tree, *other) != get(tree, *path) else None


def _lines(document: Document, path: Path) -> frozenset[int]:
    return frozenset({document.mark(path).line, document.mark(path, at_key=True).line})


def _paths(node: Json, path: Path) -> Iterator[Path]:
    children: list[tuple[str | int, Json]] = []
    if isinstance(node, dict):
        children += node.items()
    elif isinstance(node, list):
        children += enumerate(node)
    for step, child in children:
        yield (*path, step)
        yield from _paths(child, (*path, step))


def _replaced(tree: Json, path: Path, value: Json) -> Json:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(tree, dict) and isinstance(step, str):
        return {**tree, step: _replaced(tree[step], rest, value)}
    if isinstance(tree, list) and isinstance(step, int):
        return [_replaced(item, rest, value) if n == step else item for n, item in enumerate(tree)]
    raise ValueError(path)


def _with(tree: Json, path: Path, value: Json) -> Json:
    return _replaced(tree, path, value)


def _without(tree: Json, path: Path) -> Json:
    parent = get(tree, *path[:-1])
    if isinstance(parent, dict):
        return _replaced(tree, path[:-1], {name: item for name, item in parent.items() if name != path[-1]})
    items = parent if isinstance(parent, list) else []
    return _replaced(tree, path[:-1], [item for n, item in enumerate(items) if n != path[-1]])


def _renamed(tree: Json, path: Path, name: str) -> Json:
    """With the key in its old position."""
    parent = get(tree, *path[:-1])
    fields: JsonObject = parent if isinstance(parent, dict) else {}
    entries = {name if key == path[-1] else key: value for key, value in fields.items()}
    return _replaced(tree, path[:-1], entries)


# --- In the text


def _line_mutations(sample: Sample) -> Iterator[Mutation]:
    lines = sample.text.splitlines()
    chance = random.Random(sample.name)
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        here = frozenset({number})
        for change, text in _indented(line):
            yield Mutation("indent", f"{change} line {number}", _joined(lines, number, text), here)
        yield Mutation("tab", f"tab in line {number}", _joined(lines, number, "\t" + line.lstrip()), here)
        cut = "\n".join([*lines[: number - 1], line[: chance.randrange(len(line)) + 1]])
        yield Mutation("cut", f"cut in line {number}", cut.encode(), _ancestors(lines, number))
        yield Mutation("flip", f"flip in line {number}", _joined(lines, number, _flipped(line, chance)), here)


def _indented(line: str) -> Iterator[tuple[str, str]]:
    yield "one more space in", " " + line
    yield "two more spaces in", "  " + line
    if line.startswith("  "):
        yield "one space less in", line[1:]
        yield "two spaces less in", line[2:]


def _flipped(line: str, chance: random.Random) -> bytes:
    data = bytearray(line.encode())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _joined(lines: list[str], number: int, changed: str | bytes) -> bytes:
    data = changed if isinstance(changed, bytes) else changed.encode()
    return b"\n".join([*(line.encode() for line in lines[: number - 1]), data, *(x.encode() for x in lines[number:])])


def _ancestors(lines: list[str], number: int) -> frozenset[int]:
    """A line and those that what follows it would have belonged to: less indented each, and where the file begins."""
    first = next(number for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#"))
    found, indent = {number}, len(lines[number - 1]) - len(lines[number - 1].lstrip())
    for above in range(number - 1, 0, -1):
        line = lines[above - 1]
        width = len(line) - len(line.lstrip())
        if line.strip() and not line.startswith("#") and width < indent:
            found.add(above)
            indent = width
    return frozenset(found | {first})
