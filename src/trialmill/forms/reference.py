"""Form 9, a manifest that is already there: `reference: {file: job.yaml}`, or a template that has a name of its own.

The file's path is relative to the Experiment's. What it holds becomes the `trialSpec`, so that the Experiment is
complete in itself once it is loaded; trial parameters can point at its fields by `path` (`field_paths`).
"""

from dataclasses import replace
from typing import Final

from trialmill.api.marked import Node, marked
from trialmill.forms.config_map import rewrite as rewrite_config_map
from trialmill.forms.draft import Draft
from trialmill.forms.several import LIST
from trialmill.forms.template_ref import rewrite as rewrite_template_ref

_FIELDS: Final = ("file", "configMap")
_REMEDY: Final = "write `file: PATH`"


def rewrite(draft: Draft, reference: Node) -> None:
    """What is referred to, in the place of `reference`."""
    if not isinstance(reference.content, dict):
        draft.mismatch(reference, "a mapping", _REMEDY)
        return
    if "kind" in reference.fields:
        rewrite_template_ref(draft, reference)
        return
    if "configMap" in reference.fields and "file" not in reference.fields:
        draft.check_fields(reference, _FIELDS)
        _put(draft, "reference", "configMap", reference.fields["configMap"])
        rewrite_config_map(draft, reference.fields["configMap"])
        return
    draft.check_fields(reference, _FIELDS)
    path = draft.text(reference, "file", required=True)
    if not path:
        return
    manifest = _manifest(draft, path, reference.fields["file"])
    if manifest is not None:
        manifest.key = reference.key
        _put(draft, "reference", "trialSpec", manifest)


def _manifest(draft: Draft, path: str, named: Node) -> Node | None:
    """The manifest in a file, of several documents a List; None, and reported, where it holds none."""
    before = len(draft.problems)
    documents = draft.read(path, named)
    draft.used += documents
    if not documents:
        if len(draft.problems) == before:
            draft.error("empty", f"the file {path} holds no manifest", named, found=path)
        return None
    items = [marked(document) for document in documents]
    wrong = next((item for item in items if not isinstance(item.content, dict)), None)
    if wrong is not None:
        draft.mismatch(wrong, "a manifest")
        return None
    if len(items) == 1:
        return items[0]
    whole = named.made({"apiVersion": "v1", "kind": LIST})
    whole.fields["items"] = replace(named, content=list(items))
    return whole


def _put(draft: Draft, name: str, new_name: str, node: Node) -> None:
    """A field of the template under another name, in the same place."""
    template = draft.template
    template.content = {
        new_name if field == name else field: node if field == name else entry
        for field, entry in template.fields.items()
    }
