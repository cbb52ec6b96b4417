"""The documents beside the Experiment: ConfigMaps and Secrets, which a trial's pods may use."""

from collections.abc import Sequence
from typing import Final

from trialmill.api.document import Document
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem, Problems
from trialmill.api.tree import JsonObject, get_string, kind_name, with_article

COMPANION_KINDS: Final = ("ConfigMap", "Secret")


def read_companions(
    documents: Sequence[Document], problems: list[Problem], *, warns: bool = True
) -> tuple[JsonObject, ...]:
    """The ConfigMaps and Secrets among the documents; of two with one name, the last one counts.

    Anything else is not used here, though a cluster may need it: a warning, where it `warns`.
    """
    found: list[JsonObject] = []
    places: dict[tuple[str, str, str], int] = {}
    for document in documents:
        report = Problems(document, problems)
        tree = document.tree
        if not isinstance(tree, dict) or tree.get("kind") not in COMPANION_KINDS:
            if warns:
                _warn_unused(document, report)
            continue
        kind, name = get_string(tree, "kind"), get_string(tree, "metadata", "name")
        identity = (kind, name, get_string(tree, "metadata", "namespace"))
        if not name:
            message = f"{with_article(kind)} needs a name"
            report.add("required", message, ("metadata", "name"), expected="a string", at_key=True)
        elif identity in places:
            message = f"this {kind} replaces the one of the same name in line {places[identity]}"
            report.warn("duplicate-companion", message, ("metadata", "name"), remedy="remove one of the two")
        places[identity] = document.mark(()).line
        found.append(tree)
    return tuple(found)


def _warn_unused(document: Document, problems: Problems) -> None:
    kind = get_string(document.tree, "kind")
    meant = nearest(kind, COMPANION_KINDS) if kind else None
    other = kind_name(document.tree) if not isinstance(document.tree, dict) else "no kind"
    what = with_article(kind) if kind else other
    message = f"this document is not used: it is {what}, expected an Experiment, a ConfigMap or a Secret"
    remedy = f"did you mean {meant!r}?" if meant else ""
    problems.warn("unused-document", message, ("kind",), remedy=remedy)
