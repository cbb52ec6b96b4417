"""From the template as written to its normal form: placeholders found, resolved, typed and checked, once.

Everything that is wrong is reported in one go. What only a trial's values can show is left to `render`.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from trialmill.api.experiment import TrialTemplate
from trialmill.api.fields import FieldType, SchemaSource
from trialmill.api.problem import Problems, Severity
from trialmill.api.space import Dimension, Space
from trialmill.api.tree import Json, JsonObject, Path, format_path, get, is_object, kind_name
from trialmill.template.absence import check_falling, falling
from trialmill.template.compiled import OWN_LABELS, VALUES, CompiledTemplate, Part, Ref, Slot
from trialmill.template.declarations import (
    Declared,
    OwnTexts,
    check_defaults,
    check_passed_on,
    check_use,
    declare,
    derive_values,
    own_texts,
    with_absence,
)
from trialmill.template.encode import digest
from trialmill.template.parts import check_parts
from trialmill.template.placeholders import Fault, Placeholder, parse
from trialmill.template.spelling import closest, did_you_mean
from trialmill.template.targets import Targets

_TAKEN_OVER: Final = {
    "name": "each trial gets its own; Katib would refuse a template that sets it",
    "namespace": "trials run in the experiment's; Katib would refuse a template that sets it",
    "generateName": "each trial gets its own name",
    "ownerReferences": "the resource belongs to its trial",
}
_OF_MANIFESTS: Final = ("apiVersion", "kind", "metadata", "spec", "data", "type")
PART_OWNED: Final = {name: why for name, why in _TAKEN_OVER.items() if name != "name"}
"""The metadata that Trialmill owns of a resource beside the trial's own: all but its name, by which others find it."""


def compile_template(
    template: TrialTemplate,
    parameter_names: Collection[str],
    schema: SchemaSource,
    problems: Problems,
    base: Path = ("spec", "trialTemplate"),
    space: Space | None = None,
    *,
    passes_all_on: bool = True,
) -> CompiledTemplate | None:
    """The template's normal form, or None when an error was found.

    `parameter_names` are the names of the search parameters; empty (a NAS experiment) for any. With `space`, values
    that can never fit their fields are found too. `base` is where the template stands in the document. Without
    `passes_all_on` search parameters may reach a trial in another way.
    """
    before = _errors(problems)
    manifest = template.trial_spec
    own = own_texts(manifest)
    declared = declare(template, parameter_names, own, problems, base)
    dimensions = {d.name: d for d in space.dimensions} if space else {}
    if passes_all_on:
        check_passed_on(template, parameter_names, problems, base)
    check_defaults(template, dimensions, problems, base)
    derived = derive_values(template, dimensions, problems, base) if space else {}
    if space:
        declared = with_absence(declared, template, space, derived)
    if not is_object(manifest):
        message = f"the template must be a mapping, a Kubernetes resource, but is {kind_name(manifest)}"
        problems.add("wrong-type", message, (*base, "trialSpec"), expected="a mapping")
        return None
    used: set[str] = set()
    left_out: dict[str, str] = {}
    scope = _Scope(schema, dimensions, declared, used, left_out, own, problems)
    compiled = _compile_manifest(manifest, scope, (*base, "trialSpec"))
    places = [(*base, "additionalResources", i) for i in range(len(template.additional))]
    parts = [_compile_manifest(m, scope, p, PART_OWNED) for m, p in zip(template.additional, places, strict=True)]
    check_parts(parts, places, problems)
    check_use(declared, used, left_out, template, problems)
    if _errors(problems) > before:
        return None
    parts = [replace(part, digest=digest(part)) for part in parts]
    compiled = replace(compiled, parts=tuple(parts), derived=tuple(derived.values()))
    return replace(compiled, digest=digest(compiled))


@dataclass(frozen=True, slots=True)
class _Scope:
    """What all manifests of one template are compiled with.

    `used` collects the trial parameters that they use, and `left_out` those in metadata that Trialmill owns, with it.
    """

    schema: SchemaSource
    dimensions: Mapping[str, Dimension]
    declared: Mapping[str, Declared]
    used: set[str]
    left_out: dict[str, str]
    own: OwnTexts
    problems: Problems


def _compile_manifest(
    manifest: JsonObject, scope: _Scope, root: Path, owned: Mapping[str, str] = _TAKEN_OVER
) -> CompiledTemplate:
    """One manifest with its placeholders found and typed; what is wrong with it is reported."""
    problems = scope.problems
    api_version, kind = (check_identity(manifest, name, problems, root) for name in ("apiVersion", "kind"))
    targets = Targets(scope.schema, api_version, kind if api_version else "", scope.dimensions, problems)
    compilation = _Compilation(targets, scope.declared, problems, root, owned, scope.left_out, used=scope.used)
    tree = compilation.object(manifest, ())
    _check_metadata(tree, problems, root)
    slots = tuple(_with_falls(slot, manifest, scope, root) for slot in compilation.slots)
    return CompiledTemplate(api_version, kind, tree, slots, scope.own.labels, scope.own.annotations)


def _with_falls(slot: Slot, manifest: JsonObject, scope: _Scope, root: Path) -> Slot:
    """The slot with what goes where it has no value."""
    if not any(isinstance(part, Ref) and part.may_be_absent for part in slot.parts):
        return slot
    slot = replace(slot, falls=falling(manifest, slot))
    check_falling(manifest, slot, scope.schema, scope.problems, root)
    return slot


def _errors(problems: Problems) -> int:
    return sum(p.severity is Severity.ERROR for p in problems)


def check_identity(manifest: JsonObject, name: str, problems: Problems, root: Path) -> str:
    """The manifest's `apiVersion` or `kind`, as `name` says; empty, and reported, when unusable (Katib: rule 22)."""
    value = manifest.get(name)
    if name not in manifest and (slip := closest(name, [key for key in manifest if key not in _OF_MANIFESTS])):
        message, remedy = f"the field {slip!r} is not known here", f"did you mean {name!r}?"
        problems.add("unknown-field", message, (*root, slip), found=slip, remedy=remedy, at_key=True)
    elif not isinstance(value, str) or not value:
        at = (*root, name) if name in manifest else root
        found = "" if value in (None, "") else kind_name(value)
        problems.add("required", f"the template needs {name}", at, found=found, expected="a string")
    elif not parse(value).is_literal:
        message = f"{name} cannot hold a placeholder: what is made must be known before the first trial"
        problems.add("placeholder-in-kind", message, (*root, name), found=value)
    else:
        return value
    return ""


def _check_metadata(tree: JsonObject, problems: Problems, root: Path) -> None:
    """Rendering puts a name and labels into `metadata`, so both must be mappings, or nothing."""
    for path in (("metadata",), ("metadata", "labels")):
        value = get(tree, *path)
        if value is not None and not isinstance(value, dict):
            message = f"{format_path(path)} must be a mapping, but is {kind_name(value)}"
            problems.add("wrong-type", message, (*root, *path), expected="a mapping")
            return


@dataclass(slots=True)
class _Compilation:
    """Walks a manifest once: builds the tree that slots are cut into, and collects slots and used names."""

    targets: Targets
    declared: Mapping[str, Declared]
    problems: Problems
    root: Path
    owned: Mapping[str, str]
    left_out: dict[str, str]
    slots: list[Slot] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def object(self, node: JsonObject, path: Path) -> JsonObject:
        result: JsonObject = {}
        for key, value in node.items():
            at = (*path, key)
            if why := self._why_owned(at):
                self._take_over(value, at, why)
                continue
            self._key(key, at)
            result[key] = self._node(value, at)
        return result

    def _node(self, node: Json, path: Path) -> Json:
        match node:
            case dict():
                return self.object(node, path)
            case list():
                return [self._node(item, (*path, i)) for i, item in enumerate(node)]
            case str() if "${" in node:
                return self._text(node, path)
            case float() if not math.isfinite(node):
                message = f"{node} is no number of JSON, which manifests are made of"
                self.problems.add("not-json", message, (*self.root, *path), found=str(node))
        return node

    def _text(self, text: str, path: Path) -> str:
        """The text of the tree, where a slot is cut unless the text is literal."""
        parts, isolated = self._parts(text, path)
        if all(isinstance(part, str) for part in parts):
            return "".join(part for part in parts if isinstance(part, str))
        target = FieldType.STRING
        if len(parts) == 1 and isinstance(parts[0], Ref):
            target = self.targets.target(path, parts[0], isolated, (*self.root, *path))
        self.slots.append(Slot(path, parts, target))
        return text

    def _key(self, key: str, path: Path) -> None:
        """A key keeps its spelling in the tree, so that two keys never meet before their values are known."""
        if "${" not in key:
            return
        parts, declared = self._parts(key, path, at_key=True)
        if declared and declared.cast is FieldType.ANY:
            self._report_not_isolated(declared, path, at_key=True)
        if parts != (key,):
            self.slots.append(Slot(path, parts, in_key=True))

    def _parts(self, text: str, path: Path, *, at_key: bool = False) -> tuple[tuple[Part, ...], Declared | None]:
        """The text with its placeholders resolved, and the trial parameter when the text is exactly one.

        A placeholder that cannot be resolved is reported and left out.
        """
        parsed = parse(text)
        for fault in parsed.faults:
            self._report(fault, path, at_key)
        parts: list[Part] = []
        isolated: Declared | None = None
        for piece in parsed.pieces:
            if not isinstance(piece, Placeholder):
                parts.append(piece)
                continue
            declared = self._find(piece.name, path, at_key)
            if declared and declared.ref:
                parts.append(declared.ref)
            if len(parsed.pieces) == 1:
                isolated = declared
            elif declared and declared.cast is FieldType.ANY:
                self._report_not_isolated(declared, path, at_key=at_key)
        return tuple(parts), isolated

    def _find(self, name: str, path: Path, at_key: bool) -> Declared | None:
        self.used.add(name)
        if name not in self.declared:
            self.problems.add(
                "undeclared-placeholder",
                f"no trial parameter is named {name}",
                (*self.root, *path),
                found=f"${{trialParameters.{name}}}",
                remedy=did_you_mean(name, self.declared) or "declare it in trialParameters",
                at_key=at_key,
            )
        return self.declared.get(name)

    def _report(self, fault: Fault, path: Path, at_key: bool) -> None:
        self.problems.add(
            fault.code,
            fault.message,
            (*self.root, *path),
            severity=fault.severity,
            found=fault.found,
            remedy=fault.remedy,
            at_key=at_key,
        )

    def _report_not_isolated(self, declared: Declared, path: Path, *, at_key: bool) -> None:
        self.problems.add(
            "not-isolated",
            f"{declared.name} is JSON, which cannot stand inside a text",
            (*self.root, *path),
            remedy="let the placeholder be the whole value, or remove `as: json`",
            at_key=at_key,
        )

    def _why_owned(self, path: Path) -> str:
        """Why what the template has at a path does not count; empty where it does."""
        match path:
            case ("metadata", str(name)):
                return self.owned.get(name, "")
            case ("metadata", "labels", str(name)) if name in OWN_LABELS:
                return "each trial gets its own"
        return ""

    def _take_over(self, value: Json, path: Path, why: str) -> None:
        """Leave out metadata that Trialmill owns, and keep in mind which trial parameters it mentions."""
        apart = replace(self, used=set())
        for at, text in _texts(value, path):
            apart._parts(text, at)
        for name in apart.used:
            self.left_out.setdefault(name, format_path(path))
        if value:
            message = f"{format_path(path)} is not taken from the template: {why}"
            self.problems.note("owned-metadata", message, (*self.root, *path))


def _texts(node: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Every string value at or below a node."""
    match node:
        case str():
            yield path, node
        case list():
            for i, item in enumerate(node):
                yield from _texts(item, (*path, i))
        case dict():
            for key, value in node.items():
                yield from _texts(value, (*path, key))


def needed_assignments(template: CompiledTemplate) -> frozenset[str]:
    """The search parameters that rendering needs a value of."""
    slots = (slot for each in (template, *template.parts) for slot in each.slots)
    refs = [part for slot in slots for part in slot.parts if isinstance(part, Ref) and part.kind in VALUES]
    computed = {ref.key for ref in refs if ref.derived}
    variables = (name for derived in template.derived if derived.name in computed for name, _ in derived.variables)
    return frozenset(ref.key for ref in refs if not ref.derived).union(variables)
