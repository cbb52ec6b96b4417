"""From a compiled template and a trial's values to the resource that is created."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trialmill.api.space import Assignments, Value, format_value
from trialmill.api.tree import Json, JsonObject, Path, format_path
from trialmill.template.compiled import VALUES, CompiledTemplate, Part, Ref, RefKind, Slot, TrialContext
from trialmill.template.conversion import ConversionError, convert
from trialmill.template.expressions import ExpressionError, evaluate

_NOT_FOR_YAML: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON takes in a text and YAML does not, or takes for a line break."""
_GONE: Final[JsonObject] = {}
"""Stands, as an object of its own, where something is to be removed."""
_OWNED: Final = frozenset({"name", "namespace", "generateName", "ownerReferences"})


class RenderError(Exception):
    """A trial's values cannot be put into the template; `path` is where, `message` one plain sentence."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{format_path(path)}: {message}" if path else message)
        self.path = path
        self.message = message


def render(template: CompiledTemplate, context: TrialContext) -> JsonObject:
    """The trial's resource. Raises RenderError for what only a value can show.

    Each slot is filled in once; a value is never parsed again nor substituted again. Containers on the way to a slot
    and `metadata` are new; everything else is shared with the template, so treat the result as frozen.
    """
    root = _filled(template, context, _values(template, context))
    own_metadata(root, context)
    return root


def render_parts(template: CompiledTemplate, context: TrialContext) -> tuple[JsonObject, ...]:
    """The resources that are made and removed with the trial's own, in the order of the template. Raises RenderError,
    with paths that begin with the number of the part.
    """
    resources = []
    values = _values(template, context) if template.parts else _NO_VALUES
    for position, part in enumerate(template.parts):
        try:
            root = _filled(part, context, values)
            name = _mapping(root.get("metadata"), ("metadata",)).get("name")
            own_metadata(root, replace(context, name=str(name)))
        except RenderError as error:
            raise RenderError((position, *error.path), error.message) from None
        resources.append(root)
    return tuple(resources)


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a trial's parameters, and those derived from them. Neither has what is inactive."""

    assigned: Assignments
    derived: Assignments

    def of(self, ref: Ref) -> Value | None:
        """None where there is no value, and no default either."""
        return (self.derived if ref.derived else self.assigned).get(ref.key, ref.default)

    def is_absent(self, part: Part) -> bool:
        return isinstance(part, Ref) and part.may_be_absent and self.of(part) is None


_NO_VALUES: Final = _Values({}, {})


def _values(template: CompiledTemplate, context: TrialContext) -> _Values:
    if not template.derived:
        return _Values(context.assignments, {})
    derived = {}
    for each in template.derived:
        if all(name in context.assignments for name, _ in each.variables):
            try:
                derived[each.name] = evaluate(each, context.assignments)
            except ExpressionError as error:
                raise RenderError((), f"{each.name} is {each.text}: {error}") from None
    return _Values(context.assignments, derived)


def _filled(template: CompiledTemplate, context: TrialContext, values: _Values) -> JsonObject:
    """The manifest with each slot filled in, and without what falls away."""
    tree = _Copy(template.tree)
    gone = {
        path for slot in template.slots if slot.falls and any(map(values.is_absent, slot.parts)) for path in slot.falls
    }
    renamed: dict[Path, dict[str, str]] = {}
    for slot in template.slots:
        if gone and any(slot.path[:length] in gone for length in range(1, len(slot.path) + 1)):
            continue
        if slot.in_key:
            renamed.setdefault(slot.path[:-1], {})[str(slot.path[-1])] = _text(slot, template, context, values)
        else:
            tree.put(slot.path, _value(slot, template, context, values))
    # Marked, not removed, so that the paths of others stay right; where one lies in another, the outer one is enough.
    for path in sorted(gone, key=len, reverse=True):
        tree.put(path, _GONE)
    # Deepest first: the paths of the others then still have the spelling they were compiled with.
    for path in sorted(renamed, key=len, reverse=True):
        tree.rename(path, renamed[path])
    tree.close_gaps()
    return tree.root


class _Copy:
    """A tree of which only what changes is copied."""

    def __init__(self, source: JsonObject) -> None:
        self.root = dict(source)
        self._gaps: list[JsonObject | list[Json]] = []
        self._own = {id(self.root)}  # ids stay unique: every copy is held by the root

    def put(self, path: Path, value: Json) -> None:
        container = self._container(path[:-1])
        _set(container, path[-1], value)
        if value is _GONE:
            self._gaps.append(container)

    def close_gaps(self) -> None:
        """Remove what was marked as gone."""
        for container in self._gaps:
            if isinstance(container, dict):
                kept = {key: value for key, value in container.items() if value is not _GONE}
                container.clear()
                container.update(kept)
            else:
                container[:] = [item for item in container if item is not _GONE]

    def rename(self, path: Path, names: Mapping[str, str]) -> None:
        """Rename keys of one object, all at once and in place in their order."""
        container = self._container(path)
        if not isinstance(container, dict):
            raise RenderError(path, "the template has no mapping here")
        items = [(names.get(key, key), value) for key, value in container.items() if value is not _GONE]
        container.clear()
        for key, value in items:
            if key in container:
                raise RenderError(path, f"two keys have become {key!r}")
            container[key] = value

    def _container(self, path: Path) -> JsonObject | list[Json]:
        """The container at `path`, made our own together with all above it."""
        node: JsonObject | list[Json] = self.root
        for step in path:
            child = _child(node, step)
            if id(child) not in self._own:
                if not isinstance(child, dict | list):
                    raise RenderError(path, "the template has no such field")
                child = child.copy()
                self._own.add(id(child))
                _set(node, step, child)
            assert isinstance(child, dict | list)  # noqa: S101 - only containers are ever our own
            node = child
        return node


def _child(node: JsonObject | list[Json], step: str | int) -> Json:
    if isinstance(node, dict):
        return node.get(str(step))
    return node[step] if isinstance(step, int) and step < len(node) else None


def _set(node: JsonObject | list[Json], step: str | int, value: Json) -> None:
    if isinstance(node, dict):
        node[str(step)] = value
    elif isinstance(step, int):
        node[step] = value


def _value(slot: Slot, template: CompiledTemplate, context: TrialContext, values: _Values) -> Json:
    if len(slot.parts) != 1 or isinstance(slot.parts[0], str):
        return _text(slot, template, context, values)
    try:
        return convert(_resolve(slot.parts[0], slot.path, template, context, values), slot.target)
    except ConversionError as error:
        raise RenderError(slot.path, f"{slot.parts[0].key or slot.parts[0].kind}: {error}") from None


def _text(slot: Slot, template: CompiledTemplate, context: TrialContext, values: _Values) -> str:
    return "".join(
        part if isinstance(part, str) else format_value(_resolve(part, slot.path, template, context, values))
        for part in slot.parts
    )


def _resolve(ref: Ref, path: Path, template: CompiledTemplate, context: TrialContext, values: _Values) -> Value:
    if ref.kind in VALUES:
        value = values.of(ref)
        if value is None:
            raise RenderError(path, f"the trial has no value of parameter {ref.key}")
        return _spelled(value, ref.kind)
    return _METADATA[ref.kind](ref, template, context)


def _spelled(value: Value, kind: RefKind) -> Value:
    match kind:
        case RefKind.AS_JSON:
            text = json.dumps(value, ensure_ascii=False)
            return _NOT_FOR_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        case RefKind.AS_SHELL:
            return shlex.quote(format_value(value))
        case _:
            return value


_METADATA: Final[Mapping[RefKind, Callable[[Ref, CompiledTemplate, TrialContext], Value]]] = {
    RefKind.NAME: lambda _ref, _template, context: context.name,
    RefKind.NAMESPACE: lambda _ref, _template, context: context.namespace,
    RefKind.INDEX: lambda _ref, _template, context: context.index,
    RefKind.SEED: lambda _ref, _template, context: context.seed,
    RefKind.EXPERIMENT: lambda _ref, _template, context: context.experiment,
    RefKind.KIND: lambda _ref, template, _context: template.kind,
    RefKind.API_VERSION: lambda _ref, template, _context: template.api_version,
    RefKind.LABEL: lambda ref, template, _context: template.labels[ref.key],
    RefKind.ANNOTATION: lambda ref, template, _context: template.annotations[ref.key],
}


def own_metadata(root: JsonObject, context: TrialContext) -> None:
    """Name, namespace and our labels; ours win over the template's of the same key."""
    metadata = _mapping(root.get("metadata"), ("metadata",))
    labels = _mapping(metadata.get("labels"), ("metadata", "labels"))
    owned: JsonObject = {"name": context.name, "namespace": context.namespace}
    rest = {key: value for key, value in metadata.items() if key not in _OWNED}
    if labels or context.labels:
        rest["labels"] = {**labels, **context.labels}
    root["metadata"] = owned | rest


def _mapping(value: Json, path: Path) -> JsonObject:
    """A mapping, or nothing; a placeholder in a key can bring something else here."""
    if value is not None and not isinstance(value, dict):
        raise RenderError(path, "this must be a mapping")
    return value or {}
