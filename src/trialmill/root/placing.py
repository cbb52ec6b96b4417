"""Problems of a rendered resource, brought to the lines of the Experiment's file that the resource came from."""

from dataclasses import replace
from typing import Final

from trialmill.api.problem import Problem, Problems
from trialmill.api.tree import Path, format_path, path_of
from trialmill.check.documents import Checked
from trialmill.check.hydration import in_what_was_made
from trialmill.check.places import MANIFEST, TEMPLATE
from trialmill.forms.normalize import in_authors_words

_PARTS: Path = ("parts",)
_AT_KEYS: Final = ("unknown-field", "required")
"""What is missing stands at the key of what should have it, whose value begins with a neighbour."""
_NAMESPACE: Path = ("metadata", "namespace")


def in_the_file(problem: Problem, checked: Checked) -> Problem:
    """The problem of a resource at its place in the file; the path of a part's begins with `parts` and its number. One
    without a path is that of the whole.
    """
    path = path_of(problem.path)
    if problem.code == "no-namespace":
        return _at_its_namespace(problem, checked)
    if not path:
        return problem
    if checked.hydrate is not None and path[:1] != _PARTS:
        made = replace(problem, path=format_path((*MANIFEST, *path)))
        return in_what_was_made(made, Problems(checked.document))
    inner = (*TEMPLATE, "additionalResources", *path[1:]) if path[:1] == _PARTS else (*MANIFEST, *path)
    report = Problems(checked.document)
    report.add(problem.code, problem.message, inner, at_key=problem.code in _AT_KEYS)
    (there,) = report.found
    placed = replace(problem, file=there.file, line=there.line, column=there.column, path=there.path)
    return in_authors_words(placed, checked.document) if checked.document else placed


def _at_its_namespace(problem: Problem, checked: Checked) -> Problem:
    """Trials are in the Experiment's own namespace; where its file does not name it, there is no place to show."""
    document = checked.document
    if document is None or _NAMESPACE not in document.values:
        return replace(problem, path="")
    mark = document.mark(_NAMESPACE)
    return replace(problem, file=mark.file, line=mark.line, column=mark.column)
