"""Problems of a rendered resource, brought to the lines of the Experiment's file that the resource came from."""

from dataclasses import replace

from trialmill.api.problem import Problem, Problems
from trialmill.api.tree import Path, path_of
from trialmill.check.documents import Checked
from trialmill.check.places import MANIFEST, TEMPLATE
from trialmill.forms.normalize import in_authors_words

_PARTS: Path = ("parts",)


def in_the_file(problem: Problem, checked: Checked) -> Problem:
    """The problem of a resource at its place in the file; the path of a part's begins with `parts` and its number. One
    without a path is that of the whole.
    """
    path = path_of(problem.path)
    if not path:
        return problem
    inner = (*TEMPLATE, "additionalResources", *path[1:]) if path[:1] == _PARTS else (*MANIFEST, *path)
    report = Problems(checked.document)
    report.add(problem.code, problem.message, inner, at_key=problem.code == "unknown-field")
    (there,) = report.found
    placed = replace(problem, file=there.file, line=there.line, column=there.column, path=there.path)
    return in_authors_words(placed, checked.document) if checked.document else placed
