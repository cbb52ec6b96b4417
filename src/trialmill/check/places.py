"""Where things stand in an Experiment's file."""

from collections.abc import Iterator
from typing import Final

from trialmill.api.document import Document
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.tree import Json, Path, format_path, get, get_list

SPEC: Path = ("spec",)
TEMPLATE: Path = ("spec", "trialTemplate")
MANIFEST: Path = ("spec", "trialTemplate", "trialSpec")
SUCCESS_CONDITION: Path = ("spec", "trialTemplate", "successCondition")
FAILURE_CONDITION: Path = ("spec", "trialTemplate", "failureCondition")
WHEN: Final = {SUCCESS_CONDITION: "successWhen", FAILURE_CONDITION: "failureWhen"}
"""The field that says the same in other words."""


def entries(tree: Json, path: Path, count: int) -> list[Path]:
    """The places of the `count` entries that a list has in the typed Experiment.

    There, entries that are no mappings are left out. An Experiment that was not made from this tree has its own
    positions.
    """
    places = [(*path, position) for position, item in enumerate(get_list(tree, *path)) if isinstance(item, dict)]
    return places if len(places) == count else [(*path, position) for position in range(count)]


def texts_with(tree: Json, part: str, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every string value that holds `part`, with its place."""
    match tree:
        case str() if part in tree:
            yield path, tree
        case list():
            for position, item in enumerate(tree):
                yield from texts_with(item, part, (*path, position))
        case dict():
            for key, value in tree.items():
                yield from texts_with(value, part, (*path, key))


def is_written(document: Document | None, path: Path) -> bool:
    """Whether the user's file says something at `path`; without a file, nothing is known to be written."""
    return document is not None and get(document.tree, *path) is not None


def has_error_below(problems: Problems, path: Path) -> bool:
    """Whether an error was reported at `path` or inside of it."""
    place = format_path(path)
    return any(p.severity is Severity.ERROR and is_inside(p.path, place) for p in problems)


def is_inside(path: str, outer: str) -> bool:
    """Whether a formatted path is `outer` or leads into it."""
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def is_refusal(problem: Problem) -> bool:
    """Whether the problem keeps an experiment from running."""
    return problem.severity in (Severity.ERROR, Severity.UNAVAILABLE)


def name_in(found: str) -> str:
    """The name in a placeholder for a trial parameter."""
    return found.removeprefix("${trialParameters.").removesuffix("}")
