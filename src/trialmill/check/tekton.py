"""What Tekton's webhook refuses in a run: parameters without a value, and variables of parameters that nobody declares.

A task that is written into its run sees the run's parameters beside its own, and a task in a pipeline those of the
pipeline (https://tekton.dev/docs/pipelines/taskruns/#propagated-parameters).
"""

import re
from collections.abc import Iterator
from typing import Final

from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get_list, get_object, get_string
from trialmill.check.places import MANIFEST

GROUP: Final = "tekton.dev"
_INLINE: Final = ("taskSpec", "pipelineSpec")
_PARAMS: Final = "params"
_VARIABLE: Final = re.compile(
    r"""(?<!\$)\$\(params(?:\.(?P<name>[\w-]+)[^()]*|\[(["'])(?P<quoted>[^"'()]+)\2\][^()]*)\)"""
)
_FOR_READERS: Final = ("description", "displayName")
"""Fields in which nothing is replaced."""


def check_run(manifest: Json, problems: Problems) -> None:
    """The parameters of a TaskRun or PipelineRun; no trial of one that has these mistakes would start."""
    _check_values(manifest, problems)
    spec = get_object(manifest, "spec")
    own = _names(spec)
    for name in _INLINE:
        for path, variable, known in _unknown(get_object(spec, name), (*MANIFEST, "spec", name), own):
            written = variable["name"] or variable["quoted"]
            meant = nearest(written, known)
            remedy = f"did you mean {meant!r}?" if meant else f"it has {', '.join(known) or 'none'}"
            message = f"there is no parameter {written}"
            problems.add("undeclared-placeholder", message, path, found=variable[0], remedy=remedy)


def _check_values(manifest: Json, problems: Problems) -> None:
    for position, param in enumerate(get_list(manifest, "spec", _PARAMS)):
        if isinstance(param, dict) and "value" not in param:
            place = (*MANIFEST, "spec", _PARAMS, position, "value")
            message = f"the parameter {get_string(param, 'name')} of this run has no value"
            problems.add("required", message, place, expected="a value")


def _unknown(node: Json, path: Path, known: list[str]) -> Iterator[tuple[Path, re.Match[str], list[str]]]:
    """Variables of parameters that are not declared where they stand, each with its place and those that are."""
    match node:
        case dict():
            known = [*known, *_names(node)]
            for key, value in node.items():
                if key not in _FOR_READERS:
                    yield from _unknown(value, (*path, key), known)
        case list():
            for position, item in enumerate(node):
                yield from _unknown(item, (*path, position), known)
        case str():
            for variable in _VARIABLE.finditer(node):
                if (variable["name"] or variable["quoted"]) not in known:
                    yield path, variable, list(dict.fromkeys(known))


def _names(node: JsonObject) -> list[str]:
    """The parameters that are declared, or passed on, in a mapping; its matrix has some too. A misspelt `params` is
    reported as that.
    """
    lists = [get_list(node, key) for key in node if nearest(key, [_PARAMS])]
    lists.append(get_list(node, "matrix", _PARAMS))
    lists += [get_list(row, _PARAMS) for row in get_list(node, "matrix", "include")]
    return [name for params in lists for param in params if (name := get_string(param, "name"))]
