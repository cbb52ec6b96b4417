"""Trial parameters that point at fields: `{name: lr, path: spec.template.spec.containers[name=train].args[--lr]}`.

The manifest then needs no placeholder: one is put where the path leads. Steps are those of kustomize: names with dots
between them, `[0]` for a position, `[name=train]` for the item of a list that has this field, and `[--lr]` for the
value of an option in a list of arguments, written `--lr=0.1`, or `--lr` and `0.1` one after the other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from trialmill.api.fields import Field, FieldType
from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.forms.draft import Draft

_STEP: Final = re.compile(
    r"""(?P<name>[^.\[\]'"=\s]+)
      | \[(?P<position>\d+)\]
      | \[(?P<quote>['"])(?P<quoted>[^'"]*)(?P=quote)\]
      | \[(?P<key>[A-Za-z][\w./-]*)=(?P<value>[^\[\]]*)\]
      | \[(?P<option>-{1,2}[^\[\]=]+)=?\]""",
    re.VERBOSE,
)
_CASTS: Final = {bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True, slots=True)
class Match:
    """The item of a list whose field `key` is `value`."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Option:
    """The value of an option in a list of arguments."""

    name: str


Step: TypeAlias = str | int | Match | Option
Placed: TypeAlias = dict[int, tuple[str, int]]
"""By the identity of a node: the trial parameter that was put there, and the line of its path."""


class _NoSuchFieldError(Exception):
    """A path leads nowhere; the message is a plain sentence."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def place_parameters(draft: Draft) -> None:
    """Put a placeholder at each field that a trial parameter points at, and take the `path` out of its declaration."""
    declared = draft.template.get("trialParameters")
    manifest = draft.template.get("trialSpec")
    if declared is None or manifest is None:
        return
    placed: Placed = {}
    for parameter in declared.items:
        pointed = parameter.get("path")
        name = parameter.get("name")
        if pointed is None or name is None or not draft.text(parameter, "name", required=True):
            continue
        if parameter.get("reference") is None and parameter.get("value") is None:
            parameter.fields["reference"] = name.made(name.string)
        for path in pointed.items if isinstance(pointed.content, list) else [pointed]:
            _place(draft, manifest, parameter, path, placed)
        del parameter.fields["path"]


def parse_path(text: str) -> list[Step] | None:
    """The steps of a path; None where it is none."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        if steps and text[position] == "." and text[position + 1 : position + 2] not in ("", "."):
            position += 1
        step = _STEP.match(text, position)
        if step is None or (step["name"] and steps and text[position - 1] != "."):
            return None
        steps.append(_step(step))
        position = step.end()
    return steps or None


def _step(found: re.Match[str]) -> Step:
    if found["position"]:
        return int(found["position"])
    if found["key"]:
        return Match(found["key"], found["value"])
    if found["option"]:
        return Option(found["option"])
    return found["name"] or found["quoted"]


def _place(draft: Draft, manifest: Node, parameter: Node, path: Node, placed: Placed) -> None:
    steps = parse_path(path.string)
    if steps is None:
        remedy = "write it as spec.template.spec.containers[name=train].args[--lr]"
        draft.error("invalid-path", "this is no path to a field", path, found=path.string, remedy=remedy)
        return
    name = parameter.fields["name"].string
    try:
        node = manifest
        for number, step in enumerate(steps[:-1]):
            node = _below(node, step, steps[:number])
        field = draft.field(manifest, tuple(step if isinstance(step, str | int) else 0 for step in steps))
        node, text = _target(field, node, steps, f"${{trialParameters.{name}}}", parameter)
    except _NoSuchFieldError as error:
        draft.error("no-such-field", str(error), path, found=path.string, remedy=error.remedy)
        return
    first, line = next((placed[id(n)] for _, n in node.walk() if id(n) in placed), (name, 0))
    if first != name:
        message = f"{name} points at the field that {first} has by its path in line {line}"
        remedy = "give one of the two another path, or remove it"
        draft.error("duplicate-path", message, path, found=path.string, remedy=remedy)
        return
    node.content, node.text = text, ""
    placed[id(node)] = (name, path.mark.line)


def _target(
    field: Field | None, parent: Node, steps: Sequence[Step], placeholder: str, parameter: Node
) -> tuple[Node, str]:
    """The node that a path leads to, and the text that it is to have; `field` is what the kind's schema has there.
    Raises _NoSuchFieldError.
    """
    last = steps[-1]
    if isinstance(last, Option):
        return _option(parent, last, placeholder)
    if isinstance(last, str) and last not in parent.fields and field is not None:
        parent.fields[last] = parameter.made("")
        return parent.fields[last], placeholder
    node = _below(parent, last, steps[:-1])
    cast = _CASTS.get(type(node.content))
    if cast and parameter.get("as") is None and (field is None or field.type is FieldType.ANY):
        # No schema says it, but its author has shown what belongs there.
        parameter.fields["as"] = parameter.made(cast)
    return node, placeholder


def _option(arguments: Node, option: Option, placeholder: str) -> tuple[Node, str]:
    """The argument that holds an option's value, and what it is to be; the rest stays."""
    for number, argument in enumerate(arguments.items):
        if argument.string.startswith(f"{option.name}="):
            return argument, f"{option.name}={placeholder}"
        if argument.string == option.name:
            if number + 1 == len(arguments.items):
                raise _NoSuchFieldError(f"the option {option.name} has no value behind it")
            return arguments.items[number + 1], placeholder
    names = [a.string.partition("=")[0] for a in arguments.items if a.string.startswith("-")]
    meant = nearest(option.name, names)
    remedy = f"it has {', '.join(names)}" if names else "it has no options"
    if meant:
        remedy = f"did you mean {meant}?"
    raise _NoSuchFieldError(f"there is no option {option.name} in this list", remedy)


def _below(node: Node, step: Step, before: Sequence[Step]) -> Node:
    """The node one step down. Raises _NoSuchFieldError."""
    at = f" in {_written(before)}" if before else ""
    match step:
        case str():
            if step in node.fields:
                return node.fields[step]
            meant = nearest(step, list(node.fields))
            remedy = f"did you mean {meant}?" if meant else f"there {_listed(list(node.fields))}"
            remedy = "write dots between the names of a path" if "/" in step and not at else remedy
            raise _NoSuchFieldError(f"there is no field {step}{at}", remedy)
        case int():
            if step < len(node.items):
                return node.items[step]
            raise _NoSuchFieldError(f"there is no item {step}{at}, which has {len(node.items)}")
        case Match(key=key, value=value):
            for item in node.items:
                if (found := item.get(key)) is not None and found.json() == value:
                    return item
            values = [found.string for item in node.items if (found := item.get(key)) is not None]
            remedy = f"they are {', '.join(values)}" if values else ""
            raise _NoSuchFieldError(f"no item{at} has {key}={value}", remedy)
        case Option():
            raise _NoSuchFieldError("an option can only be the last step of a path")


def _listed(names: Sequence[str]) -> str:
    return f"are {', '.join(names)}" if len(names) > 1 else f"is only {names[0]}" if names else "is none"


def _written(steps: Sequence[Step]) -> str:
    text = ""
    for step in steps:
        match step:
            case str():
                text += f".{step}" if text else step
            case int():
                text += f"[{step}]"
            case Match(key=key, value=value):
                text += f"[{key}={value}]"
            case Option(name=name):
                text += f"[{name}]"
    return text
