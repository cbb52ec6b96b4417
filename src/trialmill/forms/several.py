"""Several documents in one template: a `List` is taken apart into the trial's own resource and those beside it.

The trial's own, which is judged, is the item that says so by an annotation, else the only one that is not of a kind
that serves others. The rest becomes `additionalResources`: made before it, and removed with it.
"""

from typing import Final

from trialmill.api.marked import Node
from trialmill.forms.draft import Draft

LIST: Final = "List"
PRIMARY: Final = "trialmill.dev/primary"
SERVING_KINDS: Final = ("ConfigMap", "Secret", "Service", "PersistentVolumeClaim")


def split_list(draft: Draft) -> None:
    """Take a `trialSpec` that is a List apart; any other stays as it is."""
    listed = draft.template.get("trialSpec")
    if listed is None or listed.fields.get("kind") is None or listed.fields["kind"].content != LIST:
        return
    items = listed.get("items")
    if items is None or not isinstance(items.content, list):
        draft.missing("items", listed, "the resources of one trial")
        return
    for item in items.items:
        if not isinstance(item.content, dict):
            draft.mismatch(item, "a manifest")
            return
    primary = _primary(draft, items)
    if primary is None:
        return
    template = draft.template.fields
    others = [item for item in items.items if item is not primary]
    before = template["additionalResources"].items if "additionalResources" in template else []
    template["trialSpec"] = primary
    primary.key = listed.key
    if before or others:
        template["additionalResources"] = Node([*before, *others], items.mark, items.key, "", items.origin)


def _primary(draft: Draft, items: Node) -> Node | None:
    chosen = [item for item in items.items if _is_chosen(item)]
    own = chosen or [item for item in items.items if _kind(item) not in SERVING_KINDS]
    if len(own) == 1:
        return own[0]
    remedy = f'annotate the one that the trial is judged by with {PRIMARY}: "true"'
    if not own:
        message = "none of these resources is one that runs"
        draft.error("no-primary-resource", message, items, remedy="add a Job, or another resource that ends")
    else:
        kinds = ", ".join(_kind(item) or "one without a kind" for item in own)
        draft.error("several-primary-resources", f"which of these is the trial's own: {kinds}?", own[1], remedy=remedy)
    return None


def _is_chosen(item: Node) -> bool:
    mark = item.get("metadata", "annotations", PRIMARY)
    return mark is not None and mark.content in ("true", True)


def _kind(item: Node) -> str:
    kind = item.get("kind")
    return kind.string if kind is not None else ""
