"""The resources that are made beside a trial's own: each trial needs its own of them."""

from collections.abc import Sequence
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Path, get_string
from trialmill.template.compiled import CompiledTemplate, Ref, RefKind

_NAME: Final[Path] = ("metadata", "name")


def check_parts(parts: Sequence[CompiledTemplate], places: Sequence[Path], problems: Problems) -> None:
    """Each part needs a name, and one that holds the trial's: two trials run at the same time."""
    for part, place in zip(parts, places, strict=True):
        name = get_string(part.tree, *_NAME)
        remedy = f"write `name: ${{trial.name}}-{(part.kind or 'part').lower()}`, and the same where it is used"
        if not name:
            message = "a resource that is made with the trial's own needs a name"
            problems.add("required", message, (*place, *_NAME), expected="a string", remedy=remedy, at_key=True)
        elif not _holds_trial_name(part):
            message = f"each trial would make the same {part.kind}, {name}"
            problems.add("shared-name", message, (*place, *_NAME), found=name, remedy=remedy)


def _holds_trial_name(part: CompiledTemplate) -> bool:
    return any(slot.path == _NAME and Ref(RefKind.NAME) in slot.parts for slot in part.slots)
