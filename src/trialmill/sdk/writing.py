"""From Python's words to the tree of an Experiment: what a user would have written into the file."""

from collections.abc import Mapping, Sequence
from typing import Final

from trialmill.api.experiment import API_VERSION
from trialmill.api.problem import Problems
from trialmill.api.read_experiment import KIND
from trialmill.api.tree import Json, JsonObject, Path
from trialmill.sdk.placeholders import declarations
from trialmill.sdk.spaces import FeasibleSpace
from trialmill.sdk.trees import tree_of
from trialmill.sdk.words import Template, given

_MANIFEST: Final[Path] = ("spec", "trialTemplate", "trialSpec")


def experiment_tree(metadata: JsonObject, spec: JsonObject) -> JsonObject:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def check_spaces(parameters: Mapping[str, FeasibleSpace]) -> None:
    """Raises TypeError for a space that was not made by one of the functions for it."""
    for name, space in parameters.items():
        if not isinstance(space, FeasibleSpace):
            remedy = "write double(low, high), integer(low, high), discrete(...) or choice(...)"
            raise TypeError(f"parameters[{name!r}] is {type(space).__name__}: {remedy}")


def parameters_tree(parameters: Mapping[str, FeasibleSpace]) -> list[Json]:
    tree: list[Json] = []
    for name, space in parameters.items():
        entry: JsonObject = {"name": str(name), "parameterType": space.type.value, "feasibleSpace": space.space}
        if space.active_when:
            entry["activeWhen"] = space.active_when[0] if len(space.active_when) == 1 else list(space.active_when)
        tree.append(entry)
    return tree


def template_tree(
    template: object, parameters: Mapping[str, FeasibleSpace], retry: JsonObject | None, problems: Problems
) -> JsonObject:
    """`trialTemplate`, with a trial parameter for each placeholder that its manifests use."""
    judged = template if isinstance(template, Template) else Template(template)
    manifest = tree_of(_as_one(judged.manifest), _MANIFEST, problems)
    declared: list[Json] = [_described(d, parameters) for d in declarations([manifest], parameters)]
    return given(**judged.tree(), retry=retry, trialParameters=declared or None, trialSpec=manifest)


def _as_one(manifest: object) -> object:
    """Several resources as Kubernetes puts them into one."""
    if isinstance(manifest, Sequence) and not isinstance(manifest, str | bytes):
        return manifest[0] if len(manifest) == 1 else {"apiVersion": "v1", "kind": "List", "items": manifest}
    return manifest


def _described(declared: JsonObject, parameters: Mapping[str, FeasibleSpace]) -> JsonObject:
    space = parameters[str(declared["reference"])]
    return given(**declared, description=space.description or None, default=space.default)
