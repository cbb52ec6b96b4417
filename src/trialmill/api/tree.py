"""JSON trees: what YAML files, manifests and stored records are made of."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeGuard

_SPOKEN_WITH_A_VOWEL: Final = "AEFHILMNORSX"
"""Letters whose names begin with a vowel, as kinds like MPIJob are read."""
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]
Path: TypeAlias = tuple[str | int, ...]
"""Where a node is in a tree: keys and list positions from the root."""


def is_object(value: Json) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def get(tree: Json, *path: str | int) -> Json:
    """The node at `path`, or None where the path leads nowhere."""
    node = tree
    for step in path:
        if isinstance(step, str) and isinstance(node, dict):
            node = node.get(step)
        elif isinstance(step, int) and isinstance(node, list) and -len(node) <= step < len(node):
            node = node[step]
        else:
            return None
    return node


def get_object(tree: Json, *path: str | int) -> JsonObject:
    """The object at `path`, or an empty one where there is none."""
    node = get(tree, *path)
    return node if isinstance(node, dict) else {}


def get_list(tree: Json, *path: str | int) -> list[Json]:
    """The list at `path`, or an empty one where there is none."""
    node = get(tree, *path)
    return node if isinstance(node, list) else []


def get_string(tree: Json, *path: str | int) -> str:
    """The string at `path`, or an empty one where there is none."""
    node = get(tree, *path)
    return node if isinstance(node, str) else ""


def get_integer(tree: Json, path: Sequence[str | int], default: int) -> int:
    """The integer at `path`; `default` where there is none or something else."""
    node = get(tree, *path)
    return node if isinstance(node, int) and not isinstance(node, bool) else default


def string_map(value: Json) -> dict[str, str]:
    """The string entries of an object: labels and annotations."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def format_path(path: Path) -> str:
    """`spec.containers[0].name`, as Kubernetes writes field paths. Keys with dots or brackets are quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step and not set(step) & set(".[]\"' "):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def path_of(text: str) -> Path:
    """The steps of a path as `format_path` and Kubernetes write it; numbers in brackets are positions in lists."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(text):
        if name:
            steps.append(name)
        else:
            steps.append(int(index) if index.isdecimal() else index.strip("'\""))
    return tuple(steps)


def with_article(noun: str) -> str:
    """A noun as it is spoken: `a Job`, `an AppWrapper`, `an MPIJob`."""
    sounds = _SPOKEN_WITH_A_VOWEL if noun[:2].isupper() else "AEIOU"
    return f"{'an' if noun[:1].upper() in tuple(sounds) else 'a'} {noun}"


def kind_name(value: object) -> str:
    """What a JSON value is, in the words that YAML users know."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a string"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"
