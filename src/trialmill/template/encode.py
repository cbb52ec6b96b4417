"""Compiled templates as JSON, for the store: a restarted experiment renders with the types it was compiled with."""

import hashlib
import json

from trialmill.api.fields import FieldType
from trialmill.api.tree import Json, JsonObject, Path, get_list, get_object, get_string, string_map
from trialmill.template.compiled import CompiledTemplate, Derived, Part, Ref, RefKind, Slot, ValueType


def compiled_to_json(template: CompiledTemplate) -> JsonObject:
    """The template as JSON; `compiled_from_json` gives back an equal one. Shares the tree with the template."""
    return {
        "apiVersion": template.api_version,
        "kind": template.kind,
        "tree": template.tree,
        "slots": [_slot_to_json(slot) for slot in template.slots],
        "labels": dict(template.labels),
        "annotations": dict(template.annotations),
        "digest": template.digest,
        **({"parts": [compiled_to_json(part) for part in template.parts]} if template.parts else {}),
        **({"derived": [_derived_to_json(each) for each in template.derived]} if template.derived else {}),
    }


def compiled_from_json(data: Json) -> CompiledTemplate:
    """Raises ValueError for data that `compiled_to_json` did not write."""
    return CompiledTemplate(
        api_version=get_string(data, "apiVersion"),
        kind=get_string(data, "kind"),
        tree=get_object(data, "tree"),
        slots=tuple(_slot_from_json(slot) for slot in get_list(data, "slots")),
        labels=string_map(get_object(data, "labels")),
        annotations=string_map(get_object(data, "annotations")),
        digest=get_string(data, "digest"),
        parts=tuple(compiled_from_json(part) for part in get_list(data, "parts")),
        derived=tuple(_derived_from_json(each) for each in get_list(data, "derived")),
    )


def digest(template: CompiledTemplate) -> str:
    """SHA-256 of the template's content, its trees and slots, in hexadecimal; the order of keys does not matter."""
    content: JsonObject = {"tree": template.tree, "slots": [_slot_to_json(slot) for slot in template.slots]}
    if template.parts:
        content["parts"] = [digest(part) for part in template.parts]
    if template.derived:
        content["derived"] = [_derived_to_json(each) for each in template.derived]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _slot_to_json(slot: Slot) -> Json:
    return {
        "path": list(slot.path),
        "parts": [part if isinstance(part, str) else _ref_to_json(part) for part in slot.parts],
        "target": slot.target,
        "inKey": slot.in_key,
        **({"falls": [list(path) for path in slot.falls]} if slot.falls else {}),
    }


def _ref_to_json(ref: Ref) -> JsonObject:
    """What is rare is left out, as it was before it existed."""
    data: JsonObject = {"ref": ref.kind, "key": ref.key}
    if ref.derived:
        data["derived"] = True
    if ref.optional:
        data["optional"] = True
    if ref.default is not None:
        data["default"] = ref.default
    return data


def _derived_to_json(derived: Derived) -> JsonObject:
    return {"name": derived.name, "text": derived.text, "variables": [list(each) for each in derived.variables]}


def _derived_from_json(data: Json) -> Derived:
    variables = [each for each in get_list(data, "variables") if isinstance(each, list)]
    return Derived(
        get_string(data, "name"),
        get_string(data, "text"),
        tuple((str(name), ValueType(str(kind))) for name, kind in variables),
    )


def _slot_from_json(data: Json) -> Slot:
    return Slot(
        path=_path(get_list(data, "path")),
        parts=tuple(_part(part) for part in get_list(data, "parts")),
        target=FieldType(get_string(data, "target")),
        in_key=get_object(data).get("inKey") is True,
        falls=tuple(_path(path) for path in get_list(data, "falls") if isinstance(path, list)),
    )


def _path(steps: list[Json]) -> Path:
    if not all(isinstance(step, str | int) for step in steps):
        raise ValueError(f"not a path: {steps}")
    return tuple(step for step in steps if isinstance(step, str | int))


def _part(data: Json) -> Part:
    if isinstance(data, str):
        return data
    fields = get_object(data)
    default = fields.get("default")
    return Ref(
        RefKind(get_string(data, "ref")),
        get_string(data, "key"),
        derived=fields.get("derived") is True,
        optional=fields.get("optional") is True,
        default=default if isinstance(default, bool | int | float | str) else None,
    )
