"""Form 8's `{{ }}`: pieces of a Go template inside the texts of a spec that is YAML already.

    command: [python, train.py, "{{range .HyperParameters}} --{{.Name}}={{.Value}}{{end}}"]

A text that asks for `.Trial`, `.NameSpace`, `.Experiment` or `.HyperParameters` is evaluated as in form 3; any other
pair of braces is somebody else's. In a command or its arguments, a text that is nothing but a loop over the parameters
becomes as many arguments as it has words. Values are opaque there, so none is ever split.
"""

import re
from dataclasses import replace
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.tree import Json
from trialmill.forms.draft import Draft
from trialmill.forms.go_template import ErrorKind, evaluate
from trialmill.forms.go_template_data import TrialText

_ASKS: Final = re.compile(r"\{\{[^}]*\.(Trial|NameSpace|Experiment|HyperParameters)\b")
_LOOP: Final = re.compile(r"\s*\{\{-?\s*(range|with)\b.*\{\{-?\s*end\s*-?\}\}\s*", re.DOTALL)
_LISTS_OF_WORDS: Final = ("command", "args")
_VALUE_FIELDS: Final = ("trialParameters", "trialParams", "params", "inject", "parametersInjectPolicy")


def fill_fragments(draft: Draft, manifest: Node) -> None:
    """Placeholders in the place of what the fragments print, and trial parameters for the values among it."""
    asking = [node for _, node in manifest.walk() if _ASKS.search(node.string)]
    if not asking:
        return
    valued = next((node for node in asking if ".HyperParameters" in node.string), None)
    if valued is not None and _reports_mixed(draft, valued):
        return
    data = TrialText(None if valued is None else tuple(dict.fromkeys(draft.parameter_names)))
    data.choose_marks("".join(node.string for node in asking))
    before = len(draft.problems)
    for node in asking:
        _evaluate(draft, node, data)
    if len(draft.problems) > before:
        return
    for _, node in list(manifest.walk()):
        for name in _LISTS_OF_WORDS:
            if (words := node.fields.get(name)) is not None and words.items:
                words.content = [part for word in words.items for part in _split(word)]
    for node in asking:
        node.text = ""
    data.substitute(manifest)
    data.find_used(manifest)
    if valued is not None:  # elsewhere placeholders of the trial itself need no declaration
        declared: list[Json] = [{"name": used.name, "reference": used.reference} for used in data.used]
        draft.template.fields["trialParameters"] = valued.made(declared)


def _evaluate(draft: Draft, node: Node, data: TrialText) -> None:
    """What the text of a node prints, with marks for what only a trial knows. Its own text is kept in `text`."""
    evaluated = evaluate(node.string, data.record())
    for error in evaluated.errors:
        draft.error(error.kind, error.message, node, remedy=error.remedy)
    if evaluated.errors:
        return
    if data.follows(evaluated.output.text, "$"):
        message = "a $ right before what is printed would take its placeholder back"
        draft.error(ErrorKind.UNSUPPORTED, message, node, remedy="put something between the two")
    node.text, node.content = node.string, evaluated.output.text


def _split(word: Node) -> list[Node]:
    """The arguments that a text of a command stands for."""
    if not word.text or not _LOOP.fullmatch(word.text):
        return [word]
    return [replace(word, content=part, text="") for part in word.string.split()]


def _reports_mixed(draft: Draft, valued: Node) -> bool:
    for name in _VALUE_FIELDS:
        other = draft.template.get(name)
        if other is not None and other.content != []:
            message = f"{name} puts values into a manifest as the Go template in line {valued.mark.line} does"
            draft.error_at_key("mixed-forms", message, other, found=name, remedy="keep one of the two")
            return True
    return False
