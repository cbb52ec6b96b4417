"""Form 3, a Go template: `goTemplate` of Katib v1alpha3, and `template{kind: goTemplate}` of a proposal.

The text is evaluated once, here, on the names of the search parameters. In the place of what only a trial knows stand
marks, short words that are whole in any YAML; once the text is read they become placeholders. So a value without quotes
is a placeholder that is a whole value, in lists with brackets too, and nothing in a template is taken for a mark.

`template` of the kinds `args` and `envVar` (forms 4 and 5) is text of the same sort that holds no values of parameters.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Final

from trialmill.api.document import Document, Mark
from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import Json
from trialmill.api.yaml_errors import LINE_BREAK
from trialmill.forms.config_map import text_in_config_map, type_placeholders
from trialmill.forms.draft import Draft
from trialmill.forms.go_template import ErrorKind, Output, evaluate
from trialmill.forms.go_template_data import Metadata, TrialText
from trialmill.forms.go_template_resource import tidy_resource
from trialmill.forms.several import LIST
from trialmill.forms.text import Place, manifest_of_text, place_in

_KINDS: Final = {"goTemplate": "", "args": "args", "envVar": "env"}
"""The kinds of `template`, with how values get into the manifest beside its text."""
_NEWLINE: Final = re.compile("\n")
_VALUE_FIELDS: Final = ("trialParameters", "trialParams", "inject", "parametersInjectPolicy")
_ALL_OF_THEM: Final = '{{range .HyperParameters}}- "{{.Name}}={{.Value}}"{{end}}'


@dataclass(frozen=True, slots=True)
class _Source:
    """The text of a template, the document it is in, and the field of the Experiment that led to it."""

    text: Node
    document: Document
    field: Node


def rewrite(draft: Draft, template: Node) -> None:
    """`goTemplate{rawTemplate | templateSpec}`."""
    if not isinstance(template.content, dict):
        draft.mismatch(template, "a mapping with rawTemplate or templateSpec")
        return
    draft.check_fields(template, ("rawTemplate", "templateSpec"))
    source = _source(draft, template, "templateSpec")
    if source is not None:
        _with_values(draft, source, f"print them: {_ALL_OF_THEM}")


def rewrite_proposed(draft: Draft, template: Node) -> None:
    """`template{kind, rawTemplate | configmapTemplate}`."""
    if not isinstance(template.content, dict):
        draft.mismatch(template, "a mapping with kind and rawTemplate")
        return
    draft.check_fields(template, ("kind", "rawTemplate", "configmapTemplate"))
    kind = draft.text(template, "kind", required=True)
    if kind and kind not in _KINDS:
        expected = ", ".join(_KINDS)
        meant = nearest(kind, _KINDS)
        remedy = f"did you mean {meant!r}?" if meant else f"one of {expected}"
        message = f"{kind!r} is no kind of template"
        draft.error("unknown-value", message, template.fields["kind"], found=kind, expected=expected, remedy=remedy)
    source = _source(draft, template, "configmapTemplate")
    if source is None or kind not in _KINDS:
        return
    if kind == "goTemplate":
        _with_values(draft, source, f"did you mean `kind: args`? Or print them: {_ALL_OF_THEM}")
        return
    manifest = _manifest(draft, source, TrialText(None))
    if manifest is not None:
        _put(draft, source, manifest)
        if (inject := draft.template.get("inject")) is not None:
            line = template.fields["kind"].mark.line
            message = f"inject says how values get in as kind: {kind} in line {line} does"
            draft.error_at_key("mixed-forms", message, inject, found="inject", remedy="keep one of the two")
        draft.template.fields["inject"] = template.fields["kind"].made({"as": _KINDS[kind]})


def _source(draft: Draft, template: Node, reference: str) -> _Source | None:
    """Where the text is: in the Experiment, or in the ConfigMap that the field `reference` names."""
    raw, elsewhere = template.get("rawTemplate"), template.get(reference)
    if raw is not None and elsewhere is not None:
        line = (raw.key or raw.mark).line
        message = f"{reference} is another form of the same thing as rawTemplate in line {line}"
        draft.error_at_key("mixed-forms", message, elsewhere, found=reference, remedy="keep one of the two")
        return None
    if raw is not None:
        text = draft.text(template, "rawTemplate", required=True)
        return _Source(raw, draft.document, template) if text else None
    if elsewhere is None:
        draft.missing("rawTemplate", template, "the text of the template")
        return None
    if not isinstance(elsewhere.content, dict):
        draft.mismatch(elsewhere, "a mapping with configMapName and a path")
        return None
    found = text_in_config_map(draft, _named_as_in_katib(elsewhere))
    return _Source(*found, template) if found else None


def _named_as_in_katib(reference: Node) -> Node:
    """The proposal wrote `path` for what Katib calls `templatePath`."""
    names = {"path": "templatePath"}
    return replace(reference, content={names.get(name, name): node for name, node in reference.fields.items()})


def _with_values(draft: Draft, source: _Source, remedy: str) -> None:
    """The manifest of a template that prints the values of parameters, and the trial parameters for those it prints."""
    for name in _VALUE_FIELDS:
        other = draft.template.get(name)
        if other is not None and other.content != []:
            line = (source.field.key or source.field.mark).line
            message = f"{name} puts values into a manifest as the Go template in line {line} does"
            draft.error_at_key("mixed-forms", message, other, found=name, remedy="keep one of the two")
    names = tuple(dict.fromkeys(draft.parameter_names))
    data = TrialText(names)
    manifest = _manifest(draft, source, data)
    if manifest is None:
        return
    if names and not data.prints_values:
        message = "no value of a parameter would reach a trial: the template prints none"
        draft.error("no-values", message, source.text, remedy=remedy)
        return
    _put(draft, source, manifest)
    declared: list[Json] = [{"name": used.name, "reference": used.reference} for used in data.used]
    draft.template.fields["trialParameters"] = source.text.made(declared)
    for resource in _resources(manifest):
        type_placeholders(draft, resource, source.document)


def _manifest(draft: Draft, source: _Source, data: TrialText) -> Node | None:
    """The resource, or List, that the text makes, with placeholders; None, and reported, where it makes none."""
    places = _Places(source)
    data.choose_marks(source.text.string)
    evaluated = evaluate(source.text.string, data.record())
    for error in evaluated.errors:
        at = replace(source.text, mark=places.mark(error.offset))
        draft.error(error.kind, error.message, at, remedy=error.remedy)
    if evaluated.errors:
        return None
    before = len(draft.problems)
    output = evaluated.output
    manifest = manifest_of_text(draft, output.text, source.text, places.through(output))
    draft.problems[before:] = [
        replace(p, message=data.shown(p.message), found=data.shown(p.found)) for p in draft.problems[before:]
    ]
    if manifest is None or not _can_hold_placeholders(draft, manifest, data):
        return None
    data.substitute(manifest)
    for item in _resources(manifest):
        tidy_resource(
            draft, item, data.metadata[Metadata.TRIAL].placeholder, data.metadata[Metadata.NAMESPACE].placeholder
        )
    data.find_used(manifest)
    return manifest


def _resources(manifest: Node) -> list[Node]:
    kind, items = manifest.get("kind"), manifest.get("items")
    return items.items if items is not None and kind is not None and kind.content == LIST else [manifest]


def _can_hold_placeholders(draft: Draft, manifest: Node, data: TrialText) -> bool:
    """Whether the placeholders that come into these texts will be all there are, and none is taken back by a `$`."""
    before = len(draft.problems)
    for _, node in manifest.walk():
        for text in (node.string, *node.fields):
            if "${trialParameters." in text or "${trialParams." in text:
                message = "a Go template has no ${trialParameters...}: values are printed by {{.Value}}"
                found = data.shown(text)
                draft.error("mixed-forms", message, node, found=found, remedy=f"print the values: {_ALL_OF_THEM}")
            elif data.follows(text, "$"):
                message = "a $ right before what is printed would take its placeholder back"
                draft.error(ErrorKind.UNSUPPORTED, message, node, remedy="put something between the two")
    return len(draft.problems) == before


def _put(draft: Draft, source: _Source, manifest: Node) -> None:
    """The manifest as `trialSpec`, in the place of the template."""
    manifest.key = source.field.key
    template = draft.template
    template.content = {
        "trialSpec" if node is source.field else name: manifest if node is source.field else node
        for name, node in template.fields.items()
    }


# --- Places


class _Places:
    """Where the characters of a template, and of what it makes, stand in the user's file."""

    def __init__(self, source: _Source) -> None:
        self.place = place_in(source.text, source.document.lines)
        self.starts = [0, *(found.end() for found in _NEWLINE.finditer(source.text.string))]

    def mark(self, offset: int) -> Mark:
        """The place of a character of the template."""
        line = bisect_right(self.starts, offset)
        return self.place(line, offset - self.starts[line - 1] + 1)

    def through(self, output: Output) -> Place:
        """The places of the output: what was copied knows its own, what was printed that of its action."""
        starts = [0, *(found.end() for found in LINE_BREAK.finditer(output.text))]
        return lambda line, column: self.mark(output.origin(starts[min(line, len(starts)) - 1] + column - 1))
