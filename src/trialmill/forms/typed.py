"""Typed parameters of a template: their declarations, and what may be searched for them.

    {name: lr, type: number, default: 0.1, enum: [...], feasibleSpace: {min: 0.001, max: 0.1}, description: ...}

A declaration is checked against itself, so that whoever writes a template hears of it; and what an experiment searches
is checked against the declaration.
"""

import math
from dataclasses import dataclass
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.forms.draft import Draft

_PARAMETER_FIELDS: Final = ("name", "type", "default", "enum", "feasibleSpace", "description")
TYPES: Final = ("string", "integer", "number", "boolean", "json")
_SEARCHED_AS: Final = {
    "integer": ("int", "discrete", "categorical"),
    "number": ("double", "int", "discrete", "categorical"),
    "boolean": ("categorical",),
    "string": ("categorical", "discrete", "int", "double"),
    "json": ("categorical",),
}
"""By the type of a declared parameter, the types of search parameters whose values it can take."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One typed parameter: its declaration, and its name and type, empty where that is not said or wrong."""

    node: Node
    name: str
    type: str

    @property
    def default(self) -> Node | None:
        return self.node.get("default")


def read_typed(draft: Draft, declared: Node | None) -> list[Typed]:
    """The declarations, with everything reported that is wrong with them."""
    if declared is None:
        return []
    if not isinstance(declared.content, list):
        draft.mismatch(declared, "a list of parameters")
        return []
    typed: list[Typed] = []
    for node in declared.items:
        if not isinstance(node.content, dict):
            draft.mismatch(node, "a mapping")
            continue
        draft.check_fields(node, _PARAMETER_FIELDS)
        name, kind = draft.text(node, "name", required=True), draft.text(node, "type")
        if kind and kind not in TYPES:
            meant = nearest(kind, TYPES)
            remedy = f"did you mean {meant!r}?" if meant else f"one of {', '.join(TYPES)}"
            message = f"{kind!r} is no type of a parameter"
            draft.error("unknown-value", message, node.fields["type"], found=kind, remedy=remedy)
        if name in [known.name for known in typed]:
            draft.error("duplicate-name", f"there are two parameters {name}", node.fields["name"], found=name)
        parameter = Typed(node, name, kind if kind in TYPES else "")
        _check_declaration(draft, parameter)
        typed.append(parameter)
    return typed


def word(node: Node) -> str:
    """A scalar as text, in its author's spelling."""
    if isinstance(node.content, bool):
        return str(node.content).lower()
    return node.text or str(node.content)


def check_search(draft: Draft, parameter: Typed, search: Node) -> None:
    """Report what the experiment searches and the declaration does not allow: by its type, its enumeration, and its
    feasible space, which only advises.
    """
    kind, space = search.get("parameterType"), search.get("feasibleSpace")
    allowed = _SEARCHED_AS.get(parameter.type, ())
    if allowed and kind is not None and kind.string and kind.string not in allowed:
        message = f"the template wants {parameter.name} to be of type {parameter.type}, which {kind.string} is not"
        draft.error("type-mismatch", message, kind, found=kind.string, expected=" or ".join(allowed))
        return
    if space is None:
        return
    values = space.get("list")
    for value in values.items if values is not None else ():
        _check_value(draft, parameter, value)
    enum, own = parameter.node.get("enum"), parameter.node.get("feasibleSpace")
    if enum is not None and values is None:
        known = ", ".join(word(item) for item in enum.items)
        message = f"the template allows only {known} for {parameter.name}, not a range"
        draft.error("not-in-enum", message, space, remedy=f"write `list: [{known}]`, of type discrete or categorical")
    elif own is not None and values is None:
        _check_range(draft, parameter, own, space)


def _check_declaration(draft: Draft, parameter: Typed) -> None:
    """The values of a declaration must be of its type, and its default one of its enumeration."""
    enum, default = parameter.node.get("enum"), parameter.default
    if enum is not None and not isinstance(enum.content, list):
        draft.mismatch(enum, "a list of values")
        return
    for value in enum.items if enum is not None else ():
        _check_type(draft, parameter, value)
    if default is None or not _check_value(draft, parameter, default):
        return
    space = parameter.node.get("feasibleSpace")
    number = _number(default)
    low, high = _ends(space) if space is not None else (-math.inf, math.inf)
    if number is not None and not low <= number <= high:
        message = f"the default {word(default)} of {parameter.name} is outside of its feasible space"
        draft.warn("default-outside-space", message, default)


def _check_value(draft: Draft, parameter: Typed, value: Node) -> bool:
    """Whether a value is of the type and in the enumeration; reported where not."""
    if not _check_type(draft, parameter, value):
        return False
    enum = parameter.node.get("enum")
    known = [word(item) for item in enum.items] if enum is not None else []
    if enum is None or word(value) in known:
        return True
    meant = nearest(word(value), known)
    remedy = f"did you mean {meant!r}?" if meant else f"it allows {', '.join(known)}"
    message = f"the template does not allow {word(value)!r} for {parameter.name}"
    draft.error("not-in-enum", message, value, found=word(value), remedy=remedy)
    return False


def _check_type(draft: Draft, parameter: Typed, value: Node) -> bool:
    number = _number(value)
    match parameter.type:
        case "number":
            fits = number is not None
        case "integer":
            fits = number is not None and number.is_integer()
        case "boolean":
            fits = word(value) in ("true", "false")
        case "string":
            fits = not isinstance(value.content, dict | list)
        case _:
            fits = True
    if not fits:
        message = f"{word(value)!r} is not of the type {parameter.type}, which the template wants for {parameter.name}"
        draft.error("type-mismatch", message, value, found=word(value), expected=parameter.type)
    return fits


def _check_range(draft: Draft, parameter: Typed, own: Node, searched: Node) -> None:
    """Say where a search goes beyond the feasible space of the declaration."""
    low, high = _ends(own)
    for name in ("min", "max"):
        end = searched.get(name)
        number = _number(end) if end is not None else None
        bound = own.get(name)
        if end is not None and bound is not None and number is not None and not low <= number <= high:
            message = f"{parameter.name} is searched beyond what the template names as feasible, {name} {word(bound)}"
            draft.note("beyond-feasible-space", message, end)


def _ends(space: Node) -> tuple[float, float]:
    """The least and the greatest value; without an end where none is written."""
    low, high = (_number(node) if (node := space.get(name)) is not None else None for name in ("min", "max"))
    return -math.inf if low is None else low, math.inf if high is None else high


def _number(node: Node) -> float | None:
    if isinstance(node.content, bool) or not isinstance(node.content, str | int | float):
        return None
    try:
        number = float(node.content)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
