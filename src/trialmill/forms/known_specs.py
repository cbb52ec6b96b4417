"""Form 8, one of several known specs: `tfJobSpec: {...}`, `job: {...}`, `jobKind: PyTorchJob` with `jobSpec`.

The spec is wrapped into its resource, and from there on checked like any other of its kind. Values get in by
placeholders, by `inject`, or by `{{ }}` in its texts.
"""

from collections.abc import Mapping
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import with_article
from trialmill.forms.draft import Draft
from trialmill.forms.go_template_fragments import fill_fragments
from trialmill.forms.image_command import KINDS

KNOWN_SPECS: Final[Mapping[str, str]] = {
    "jobSpec": "Job",
    "job": "Job",
    "tfJobSpec": "TFJob",
    "tfJob": "TFJob",
    "pytorchJobSpec": "PyTorchJob",
    "pytorchJob": "PyTorchJob",
    "mpiJobSpec": "MPIJob",
    "mpiJob": "MPIJob",
    "xgboostJobSpec": "XGBoostJob",
    "xgboostJob": "XGBoostJob",
    "paddleJobSpec": "PaddleJob",
    "paddleJob": "PaddleJob",
    "trainJobSpec": "TrainJob",
    "trainJob": "TrainJob",
}
"""By the field: the kind that it is the spec of."""


def rewrite(draft: Draft, spec: Node) -> None:
    """The resource around the one spec, in its place."""
    template = draft.template
    field = next(name for name, node in template.fields.items() if node is spec)
    kind = _kind(draft, field)
    if kind is None:
        return
    if not isinstance(spec.content, dict):
        draft.mismatch(spec, f"the spec of {with_article(kind)}")
        return
    if "spec" in spec.fields:  # the whole resource, or all of it but its kind
        manifest = spec
        for name, value in (("apiVersion", KINDS[kind].api_version), ("kind", kind)):
            if manifest.get(name) is None:
                manifest.fields[name] = spec.made(value)
    else:
        manifest = spec.made({"apiVersion": KINDS[kind].api_version, "kind": kind})
        manifest.key = spec.key
        manifest.fields["spec"] = spec
    template.content = {
        "trialSpec" if name == field else name: manifest if name == field else node
        for name, node in template.fields.items()
        if name != "jobKind"
    }
    fill_fragments(draft, manifest)


def _kind(draft: Draft, field: str) -> str | None:
    """The kind that the field, or `jobKind` beside it, names; None, and reported, where they contradict."""
    kind = KNOWN_SPECS[field]
    named = draft.template.get("jobKind")
    if named is None:
        return kind
    given = draft.text(draft.template, "jobKind")
    known = {name.lower(): name for name in KINDS}.get(given.lower())
    if known is None:
        meant = nearest(given, KINDS)
        remedy = f"did you mean {meant!r}?" if meant else f"one of {', '.join(KINDS)}"
        draft.error("unknown-kind", f"{given!r} is no kind of job", named, found=given, remedy=remedy)
        return None
    if field == "jobSpec" or known == kind:
        return known
    message = f"{field} is the spec of {with_article(kind)}, but jobKind says {known}"
    draft.error("mixed-forms", message, named, found=given, remedy="remove jobKind")
    return None
