"""The documents beside an Experiment: which of them a reference was meant for, where it finds none."""

from collections.abc import Collection

from trialmill.api.marked import marked
from trialmill.api.nearest import nearest
from trialmill.api.tree import get_string
from trialmill.forms.draft import Draft


def report_misspelt_kind(draft: Draft, kind: str, name: str, others: Collection[str] = ()) -> bool:
    """Whether the document of this name has a slip in its kind; that is reported there. `others` are kinds too."""
    for document in draft.beside:
        own = get_string(document.tree, "kind")
        is_slip = own != kind and own not in others and nearest(own, [kind]) is not None
        if is_slip and get_string(document.tree, "metadata", "name") == name:
            message = f"this is to be the {kind} {name}, but there is no kind {own}"
            wrong = marked(document).fields["kind"]
            draft.error("unknown-kind", message, wrong, found=own, remedy=f"did you mean {kind!r}?")
            draft.used.append(document)
            return True
    return False
