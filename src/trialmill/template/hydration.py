"""Hydration: a function or a command of the user's makes the resource of each trial out of the rendered template.

Off unless this machine's operator allows it. How it is called lies behind `Hydrate`; here is what it is asked, and what
is taken of its answer.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from trialmill.api.tree import Json, JsonObject, Path, get_string, kind_name
from trialmill.template.compiled import CompiledTemplate, TrialContext
from trialmill.template.render import RenderError, own_metadata, render

ANNOTATION: Final = "trialmill.dev/hydrate"
"""On the Experiment: `module:function`, or a JSON list of a command and its arguments."""
PLACE: Final[Path] = ("metadata", "annotations", ANNOTATION)
_FUNCTION: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Hydration:
    """What makes the resources: a Python function (`module:function`), or a command with its arguments."""

    function: str = ""
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.function or " ".join(self.command)


class HydrationError(RenderError):
    """No resource came out of it, or none that can be a trial's; the message says what happened."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(path, message)


Hydrate: TypeAlias = Callable[[JsonObject], Json]
"""A question (`question`) to an answer that is JSON. Raises HydrationError. May take its time, which has an end."""


def hydration_of(annotation: str) -> Hydration:
    """What an annotation asks for. Raises ValueError with one plain sentence."""
    text = annotation.strip()
    if not text.startswith("["):
        if not _FUNCTION.fullmatch(text):
            raise ValueError(f"{text!r} is neither `module:function` nor a list of a command and its arguments")
        return Hydration(function=text)
    try:
        words: Json = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError('the command is no list of JSON, such as ["python3", "hydrate.py"]') from None
    if not isinstance(words, list) or not words or not all(isinstance(w, str) and "\0" not in w for w in words):
        raise ValueError("the command must be a list of texts, the program first")
    if not words[0]:
        raise ValueError("the command names no program")
    return Hydration(command=tuple(str(word) for word in words))


def hydrated(template: CompiledTemplate, context: TrialContext, hydrate: Hydrate | None) -> JsonObject:
    """The trial's resource: the rendered template, or what becomes of it. Raises RenderError.

    Whatever comes back is of the template's kind, and has the name, the namespace and the labels of its trial.
    """
    resource = render(template, context)
    if hydrate is None:
        return resource
    answer = hydrate(question(resource, context))
    if not isinstance(answer, dict):
        raise HydrationError(f"it gave {kind_name(answer)}, not a manifest")
    for field, expected in (("apiVersion", template.api_version), ("kind", template.kind)):
        if get_string(answer, field) != expected:
            found = get_string(answer, field) or "none"
            raise HydrationError(f"it gave a manifest with {field} {found}, but trials are of {expected}")
    root = dict(answer)
    own_metadata(root, context)
    return root


def question(resource: JsonObject, context: TrialContext) -> JsonObject:
    """What a function or command is given: `{parameters, template, trial}`."""
    return {
        "parameters": dict(context.assignments),
        "template": resource,
        "trial": {
            "name": context.name,
            "namespace": context.namespace,
            "index": context.index,
            "seed": context.seed,
            "experiment": context.experiment,
        },
    }
