"""What an API server does with selectors and patches, as pure functions for `kube_cluster`.

Sources: Kubernetes' API concepts, RFC 7386 (merge patch), RFC 6902 (JSON patch: add, replace, remove, test).
"""

import copy
import re
from collections.abc import Mapping
from typing import Final

from trialmill.api.tree import Json, JsonObject, Path, format_path, get, get_string, is_object
from trialmill.kube.api import KubeError

_SET: Final = re.compile(r"^(\S+)\s+(in|notin)\s*\(([^)]*)\)$")
_GONE: Final = object()


def selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether a label selector picks an object with these labels: `a=b`, `a!=b`, `a in (b, c)`, `a notin (b)`, `a`,
    `!a`.
    """
    return all(_requirement_holds(part.strip(), labels) for part in re.split(r",(?![^(]*\))", selector) if part.strip())


def has_fields(selector: str, object: JsonObject) -> bool:
    """Whether a field selector picks the object: `metadata.name=a,type=b`."""
    wanted = (part.partition("=") for part in selector.split(",") if part)
    return all(get_string(object, *path.split(".")) == value for path, _, value in wanted)


def _requirement_holds(part: str, labels: Mapping[str, str]) -> bool:
    if match := _SET.match(part):
        values = {value.strip() for value in match[3].split(",")}
        value = labels.get(match[1])
        return value in values if match[2] == "in" else value not in values
    if "!=" in part:
        key, _, value = part.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in part:
        key, _, value = part.partition("=")
        return labels.get(key.strip()) == value.lstrip("=").strip()
    return part[1:].strip() not in labels if part.startswith("!") else part in labels


def merge_patch(target: Json, patch: Json) -> Json:
    """RFC 7386: objects are merged, None removes, anything else replaces."""
    if not is_object(patch):
        return copy.deepcopy(patch)
    merged = dict(target) if is_object(target) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: JsonObject, operations: Json) -> JsonObject:
    """RFC 6902, with KubeError of status 422 for a test that fails or a path that leads nowhere."""
    tree = copy.deepcopy(target)
    if not isinstance(operations, list):
        raise KubeError(400, "BadRequest", "a JSON patch is a list of operations")
    for operation in operations:
        if not is_object(operation):
            raise KubeError(400, "BadRequest", "an operation of a JSON patch is an object")
        _operate(tree, operation)
    return tree


def _operate(tree: JsonObject, operation: JsonObject) -> None:
    steps = [s.replace("~1", "/").replace("~0", "~") for s in str(operation.get("path", "")).split("/")[1:]]
    value, op = copy.deepcopy(operation.get("value")), operation.get("op")
    parent: Json = tree
    for step in steps[:-1]:
        parent = get(parent, int(step) if isinstance(parent, list) else step)
    last = steps[-1] if steps else ""
    if isinstance(parent, list):
        _operate_on_list(parent, op, last, value)
    elif not is_object(parent) or (op != "add" and last not in parent):
        raise KubeError(422, "Invalid", f"the server rejected our request: no {operation.get('path')}")
    elif op == "remove":
        del parent[last]
    elif op == "test":
        if parent[last] != value:
            raise KubeError(422, "Invalid", f"testing value {operation.get('path')} failed")
    else:
        parent[last] = value


def _operate_on_list(parent: list[Json], op: Json, last: str, value: Json) -> None:
    index = len(parent) if last == "-" else int(last)
    if op == "add":
        parent.insert(index, value)
    elif op == "remove":
        del parent[index]
    elif op == "test":
        if parent[index] != value:
            raise KubeError(422, "Invalid", f"testing value at {index} failed")
    else:
        parent[index] = value


Owners = dict[str, dict[Path, Json]]
"""Which manager applied which fields with which values. Lists count as one field."""


def apply_fields(live: JsonObject, applied: JsonObject, manager: str, owners: Owners, *, force: bool) -> JsonObject:
    """Server-side apply; changes `owners`. KubeError of status 409 where another manager applied another value."""
    fields = _leaves({k: v for k, v in applied.items() if k not in ("apiVersion", "kind")})
    fields = {p: v for p, v in fields.items() if p[:2] not in (("metadata", "name"), ("metadata", "namespace"))}
    for other, owned in owners.items():
        taken = [p for p, v in fields.items() if other != manager and p in owned and owned[p] != v]
        if taken and not force:
            raise KubeError(409, "Conflict", f'conflict with "{other}": .{format_path(taken[0])}')
        for path in taken:
            del owned[path]
    tree = copy.deepcopy(live)
    for path in owners.get(manager, {}).keys() - fields.keys():
        if not any(path in owned for other, owned in owners.items() if other != manager):
            _put(tree, path, _GONE)
    for path, value in fields.items():
        _put(tree, path, copy.deepcopy(value))
    owners[manager] = fields
    return tree


def _leaves(tree: JsonObject, at: Path = ()) -> dict[Path, Json]:
    found: dict[Path, Json] = {}
    for key, value in tree.items():
        if is_object(value) and value:
            found |= _leaves(value, (*at, key))
        else:
            found[(*at, key)] = value
    return found


def _put(tree: JsonObject, path: Path, value: object) -> None:
    for step in path[:-1]:
        below = tree.setdefault(str(step), {})
        if not is_object(below):
            below = tree[str(step)] = {}
        tree = below
    if value is _GONE:
        tree.pop(str(path[-1]), None)
    else:
        tree[str(path[-1])] = value  # type: ignore[assignment]
