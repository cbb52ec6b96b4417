"""What falls away from a manifest where a placeholder has no value, since its parameter is inactive.

One rule, for the whole of what holds the placeholder, whether it is all of a text or a part of it:

1. an item of a list goes; if the placeholder is all of it and the item before is an option that stands alone (it
   begins with `-` and has no `=`), the option goes too;
2. an entry of a list that is a mapping with `name` and `value`, as variables are, goes as a whole;
3. elsewhere the field of the mapping goes: its key, and all that is in it.

Nothing else is touched. What cannot go is an error when the template is compiled: a field that its schema requires,
and the script of a `sh -c` or the text of a file.
"""

import re
from typing import Final

from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get, get_list, get_string
from trialmill.template.compiled import Ref, Slot

_OPTION: Final = re.compile(r"--?[A-Za-z0-9][^=\s]*")
_INTERPRETER: Final = re.compile(r"(?:.*/)?(?:(?:ba|da|z|a|k)?sh|python[0-9.]*|perl|ruby|node)")
_WITH_FILES: Final = ("ConfigMap", "Secret")
_SCRIPT: Final = re.compile(r"-[A-Za-z]*[ce]")


def falling(manifest: JsonObject, slot: Slot) -> tuple[Path, ...]:
    """The places that go where the slot has no value."""
    parent, step = get(manifest, *slot.path[:-1]), slot.path[-1]
    if slot.in_key:
        return (slot.path,)
    if isinstance(parent, list) and isinstance(step, int):
        is_isolated = len(slot.parts) == 1
        before = parent[step - 1] if step else None
        has_option = is_isolated and isinstance(before, str) and _OPTION.fullmatch(before) and "${" not in before
        return ((*slot.path[:-1], step - 1), slot.path) if has_option else (slot.path,)
    if step in ("name", "value") and isinstance(parent, dict) and {"name", "value"} <= parent.keys():
        is_entry = len(slot.path) > 1 and isinstance(slot.path[-2], int)
        return (slot.path[:-1],) if is_entry else (slot.path,)
    return (slot.path,)


def check_falling(manifest: JsonObject, slot: Slot, schema: SchemaSource, problems: Problems, root: Path) -> None:
    """Report a slot whose places cannot go."""
    names = " and ".join(dict.fromkeys(p.key for p in slot.parts if isinstance(p, Ref) and p.may_be_absent))
    remedy = "give its trial parameter a `default` for that case"
    if _is_script(manifest, slot.path):
        message = f"the whole script would fall away in trials where {names} is inactive"
        problems.add("inactive-script", message, (*root, *slot.path), remedy=remedy)
    elif _is_file(manifest, slot):
        message = f"the whole text would fall away in trials where {names} is inactive"
        problems.add("inactive-file", message, (*root, *slot.path), remedy=remedy)
    for path in slot.falls:
        if _is_required(manifest, path, schema):
            message = f"{path[-1]} is required, but has no value in trials where {names} is inactive"
            problems.add("inactive-required", message, (*root, *slot.path), remedy=remedy, at_key=slot.in_key)


def _is_required(manifest: JsonObject, path: Path, schema: SchemaSource) -> bool:
    if path in (("metadata",), ("metadata", "name")):
        return True
    above = schema.field(get_string(manifest, "apiVersion"), get_string(manifest, "kind"), path[:-1])
    return above is not None and path[-1] in above.required


def _is_file(manifest: JsonObject, slot: Slot) -> bool:
    """Whether the placeholder is a part of a file: of several lines, or of an entry of a ConfigMap or a Secret."""
    if len(slot.parts) == 1 or slot.in_key:
        return False
    is_stored = get_string(manifest, "kind") in _WITH_FILES and slot.path[0] in ("data", "stringData")
    return is_stored or any(isinstance(part, str) and "\n" in part for part in slot.parts)


def _is_script(manifest: JsonObject, path: Path) -> bool:
    """Whether the text is what an interpreter is to run: `sh -c SCRIPT`, in `command` or parted into `args`."""
    step = path[-1]
    if not isinstance(step, int) or len(path) < 2:
        return False
    words: list[Json] = get_list(manifest, *path[:-1])[:step]
    if path[-2] == "args":
        words = [*get_list(manifest, *path[:-2], "command"), *words]
    program, option = (words[0], words[-1]) if len(words) > 1 else (None, None)
    is_interpreter = isinstance(program, str) and _INTERPRETER.fullmatch(program) is not None
    return is_interpreter and isinstance(option, str) and _SCRIPT.fullmatch(option) is not None
