"""Assignments as one file: a ConfigMap that is made for each trial, mounted where the training container reads it."""

import json
import shlex
from collections.abc import Callable, Collection, Mapping
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import JsonObject
from trialmill.forms.draft import Draft
from trialmill.forms.pods import Pods
from trialmill.forms.typed import word

_VOLUME: Final = "trial-parameters"
_NAME: Final = f"${{trial.name}}-{_VOLUME}"
_BY_ENDING: Final = {"yaml": "yaml", "yml": "yaml", "env": "env"}


def inject_file(
    draft: Draft, inject: Node, names: Mapping[str, str], constants: Mapping[str, Node], pods: Pods, *, alone: bool
) -> None:
    """Add the ConfigMap and its mount. `names` has each parameter's trial parameter, `alone` says that nothing else
    uses these. `constants` are in the file of every trial.
    """
    path = draft.text(inject, "path", required=True)
    form = draft.text(inject, "format") or _BY_ENDING.get(path.rpartition(".")[2], "json")
    if form not in _WRITERS:
        meant = nearest(form, _WRITERS)
        remedy = f"did you mean {meant!r}?" if meant else f"one of {', '.join(_WRITERS)}"
        draft.error("unknown-value", f"{form!r} is no format of a file", inject.fields["format"], remedy=remedy)
    if path and (not path.startswith("/") or path.endswith("/")):
        message = "this must be the path of a file, from the root folder"
        remedy = f"write /{path.strip('/')}" if path.strip("/") else "write /inputs/parameters.json"
        draft.error("invalid-path", message, inject.fields["path"], found=path, remedy=remedy)
    containers = pods.training_containers(draft, inject)
    if form not in _WRITERS or not path.startswith("/") or path.endswith("/"):
        return
    file = path.rpartition("/")[2]
    names = _encoded(draft, inject, names, "shell" if form == "env" else "json", alone=alone)
    spellings = {parameter: f"${{trialParameters.{name}}}" for parameter, name in names.items()}
    for name, node in constants.items():
        spellings[name] = shlex.quote(word(node)) if form == "env" else json.dumps(node.json(), ensure_ascii=False)
    data: JsonObject = {file: _WRITERS[form](spellings)}
    config_map: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}, "data": data}
    _append(draft.template, "additionalResources", inject.made(config_map))
    for container in containers:
        spec = pods.spec_of(container)
        if spec is None:
            message = f"a {pods.profile.kind} has its volumes elsewhere, so no file can be put there"
            draft.error("unknown-containers", message, inject, remedy="inject as args or env")
            return
        _append(container, "volumeMounts", inject.made({"name": _VOLUME, "mountPath": path, "subPath": file}))
        volumes = spec.get("volumes")
        names_there = [v.get("name") for v in volumes.items] if volumes is not None else []
        if all(name is None or name.string != _VOLUME for name in names_there):
            _append(spec, "volumes", inject.made({"name": _VOLUME, "configMap": {"name": _NAME}}))


def _encoded(draft: Draft, inject: Node, names: Mapping[str, str], encoding: str, *, alone: bool) -> dict[str, str]:
    """The trial parameters for the file. A word is encoded, whatever it holds, by a trial parameter of its own where
    others want it as it is; numbers are spelled as they are.
    """
    declared = draft.template.fields["trialParameters"].items
    by_name = {item.fields["name"].string: item for item in declared if item.get("name") is not None}
    parameters = draft.experiment.get("spec", "parameters")
    kinds = {
        name.string: kind.string
        for item in (parameters.items if parameters is not None else ())
        if (name := item.get("name")) is not None and (kind := item.get("parameterType")) is not None
    }
    encoded = dict(names)
    for parameter, passed_as in names.items():
        if kinds.get(parameter) != "categorical":
            continue
        if alone:
            by_name[passed_as].fields["encode"] = inject.made(encoding)
            continue
        encoded[parameter] = own = _free_name(f"{passed_as}-{encoding}", by_name)
        by_name[own] = inject.made({"name": own, "reference": parameter, "encode": encoding})
        declared.append(by_name[own])
    return encoded


def _free_name(name: str, taken: Collection[str]) -> str:
    return name if name not in taken else _free_name(f"{name}-file", taken)


def _as_json(spellings: Mapping[str, str]) -> str:
    entries = ",\n".join(f'  "{parameter}": {placeholder}' for parameter, placeholder in spellings.items())
    return f"{{\n{entries}\n}}\n"


def _as_yaml(spellings: Mapping[str, str]) -> str:
    return "".join(f'"{parameter}": {placeholder}\n' for parameter, placeholder in spellings.items())


def _as_env(spellings: Mapping[str, str]) -> str:
    return "".join(f"{parameter}={placeholder}\n" for parameter, placeholder in spellings.items())


_WRITERS: Final[Mapping[str, Callable[[Mapping[str, str]], str]]] = {
    "json": _as_json,
    "yaml": _as_yaml,
    "env": _as_env,
}
FORMATS: Final = tuple(_WRITERS)


def _append(parent: Node, field: str, item: Node) -> None:
    listed = parent.get(field)
    if listed is None or not isinstance(listed.content, list):
        parent.fields[field] = item.made([])
    parent.fields[field].items.append(item)
