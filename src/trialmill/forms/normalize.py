"""From a document as written to one in the normal form.

A template has one *manifest form*, which says where the resource comes from, and one *value form*, which says how
assignments get into it. Each is known by the fields that it is written with. Two manifest forms, or two value forms,
are an error that names both places.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final, TypeAlias

from trialmill.api.document import Document
from trialmill.api.fields import SchemaSource
from trialmill.api.marked import Node, marked, unmarked
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import JsonObject, format_path, get, get_list, get_object
from trialmill.forms.draft import Draft
from trialmill.forms.field_paths import place_parameters
from trialmill.forms.image_command import expand_image, is_short
from trialmill.forms.known_specs import KNOWN_SPECS
from trialmill.forms.several import LIST, split_list
from trialmill.kinds.schema import BUILT_IN

Form: TypeAlias = Callable[[Draft, Node], None]
"""Rewrites the draft's template; the node is the field that the form was known by."""

UPGRADES: Final[Mapping[str, str]] = {
    "kubeflow.org/v1alpha3": "v1alpha3:upgrade",
}
"""By apiVersion: what brings an Experiment of an older version to the fields of today, before all else."""

MANIFEST_FORMS: Final[Mapping[str, str]] = {
    "trialSpec": "",
    "configMap": "config_map:rewrite",
    "goTemplate": "go_template_form:rewrite",
    "template": "go_template_form:rewrite_proposed",
    "reference": "reference:rewrite",
    "trialTemplateRef": "template_ref:rewrite",
    "hyperTunable": "hyper_tunable:rewrite",
    **dict.fromkeys(KNOWN_SPECS, "known_specs:rewrite"),
}
"""By the field of the template that a form is known by: the module and function that rewrite it."""

VALUE_FORMS: Final[Mapping[str, str]] = {
    "trialParameters": "",
    "trialParams": "trial_params:rewrite",
    "params": "trial_template:rewrite_params",
}
"""The same for the ways in which values get into the manifest; these run after the manifest is there."""

INJECTIONS: Final[Mapping[str, str]] = {
    "inject": "inject:rewrite",
    "parametersInjectPolicy": "inject:rewrite_policy",
}
"""What puts the parameters into the manifest that nothing has passed on so far; these run last."""

FORMAT: Final = "parametersFormat"
"""How a `parametersInjectPolicy` beside it spells the parameters."""

TEMPLATE: Final = ("spec", "trialTemplate")


@dataclass(frozen=True, slots=True)
class Normalized:
    """A document in the normal form, or as it was where that failed. `used` went into it, from beside or other files.

    `problems` are those of the way there. Has it `failed`, the template cannot be read, and its problems say why;
    `partial` is then how far it came.
    """

    document: Document
    used: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    partial: Document | None = None

    @property
    def failed(self) -> bool:
        return any(p.severity in (Severity.ERROR, Severity.UNAVAILABLE) for p in self.problems)


def normalize(document: Document, beside: Sequence[Document], schema: SchemaSource = BUILT_IN) -> Normalized:
    """The document with its template in the normal form. One that is in it already is given back as it is. `schema`
    knows which fields kinds have.
    """
    if not needs_rewriting(document.tree if isinstance(document.tree, dict) else {}):
        return Normalized(document)
    draft = Draft(marked(document), document, beside, schema=schema)
    upgrade = UPGRADES.get(str(get(document.tree, "apiVersion")))
    if upgrade:
        _form(upgrade)(draft, draft.experiment)
    if isinstance(draft.experiment.get(*TEMPLATE), Node) and not _has_errors(draft):
        _rewrite(draft)
    # What was brought up to today's version can be read on, even where its template cannot.
    partial = unmarked(draft.experiment, document)
    rewritten = partial if upgrade or not _has_errors(draft) else document
    return Normalized(rewritten, tuple(draft.used), tuple(draft.problems), partial if _has_errors(draft) else None)


def needs_rewriting(tree: JsonObject) -> bool:
    """Whether a tree has anything but the normal form; cheap, since most have."""
    if str(tree.get("apiVersion")) in UPGRADES:
        return True
    template = get_object(tree, *TEMPLATE)
    manifest = get_object(template, "trialSpec")
    if manifest.get("kind") == LIST or is_short(manifest):
        return True
    if any(get(parameter, "path") is not None for parameter in get_list(template, "trialParameters")):
        return True
    tables = (MANIFEST_FORMS, VALUE_FORMS, INJECTIONS)
    return FORMAT in template or any(form and name in template for table in tables for name, form in table.items())


def in_authors_words(problem: Problem, document: Document) -> Problem:
    """A problem of a rewritten document with the path that its author would know."""
    if not document.origins:
        return problem
    best = ""
    for path, origin in document.origins.items():
        text = format_path(path)
        if problem.path.startswith(text) and len(text) > len(best) and problem.path[len(text) :][:1] in ("", ".", "["):
            best, found = text, format_path(origin)
    return replace(problem, path=found + problem.path[len(best) :]) if best else problem


def _rewrite(draft: Draft) -> None:
    for step in (_rewrite_manifest, _rewrite_values, place_parameters, split_list, _inject):
        step(draft)
        if _has_errors(draft):
            return


def _rewrite_manifest(draft: Draft) -> None:
    _apply_one(draft, MANIFEST_FORMS)
    manifest = draft.template.get("trialSpec")
    if manifest is not None and is_short(manifest.fields):
        expand_image(draft, manifest)
    split_list(draft)


def _rewrite_values(draft: Draft) -> None:
    _apply_one(draft, VALUE_FORMS)


def _inject(draft: Draft) -> None:
    written = draft.template.get(FORMAT)
    if written is not None and draft.template.get("parametersInjectPolicy") is None:
        message = f"{FORMAT} has no effect without parametersInjectPolicy"
        draft.error_at_key("required", message, written, remedy="add `parametersInjectPolicy: args`")
        return
    _apply_one(draft, INJECTIONS)


def _apply_one(draft: Draft, forms: Mapping[str, str]) -> None:
    """Rewrite the one form that is there; of two that are, the second is reported."""
    present = [name for name in forms if draft.template.get(name) is not None]
    for name in present[1:]:
        _report_mixed(draft, present[0], name)
    if len(present) == 1 and forms[present[0]] and (node := draft.template.get(present[0])):
        _form(forms[present[0]])(draft, node)


def _report_mixed(draft: Draft, first: str, second: str) -> None:
    one, other = draft.template.get(first), draft.template.get(second)
    if one is None or other is None:
        return
    mark = one.key or one.mark
    message = f"{second} is another form of the same thing as {first} in line {mark.line}"
    draft.error_at_key("mixed-forms", message, other, found=second, remedy="keep one of the two")


def _form(name: str) -> Form:
    module, _, function = name.partition(":")
    form: Form = getattr(import_module(f"trialmill.forms.{module}"), function)
    return form


def _has_errors(draft: Draft) -> bool:
    return any(p.severity in (Severity.ERROR, Severity.UNAVAILABLE) for p in draft.problems)
