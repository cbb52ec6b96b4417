"""Form 12, a template that stands by itself: kind `TrialTemplate` of `trialmill.dev/v1`, with typed parameters.

    apiVersion: trialmill.dev/v1
    kind: TrialTemplate
    metadata: {name: train}
    spec:
      parameters:
        - {name: lr, type: number, default: 0.1, feasibleSpace: {min: 0.001, max: 0.1}, description: learning rate}
      metrics: [accuracy]
      template: {apiVersion: batch/v1, kind: Job, ...}

Its placeholders are `${trialParameters.lr}`, `$(params.lr)` or `$(parameter.lr)`, of declared names only: others may be
Tekton's. A parameter that the experiment searches gets the trial's value, any other its default. An experiment without
`parameters` of its own takes those that have a feasible space. The same fields can stand in a template directly, as
`params` beside the manifest.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trialmill.api.fields import FieldType
from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import Json, Path
from trialmill.forms.draft import Draft
from trialmill.kinds.schema import BUILT_IN

API_VERSION: Final = "trialmill.dev/v1"
KIND: Final = "TrialTemplate"
CARRIED: Final = (
    "primaryContainerName",
    "primaryPodLabels",
    "successCondition",
    "failureCondition",
    "retain",
    "activeDeadlineSeconds",
    "retry",
)
"""What a TrialTemplate may say in the Experiment's place; the Experiment's own word counts where both say it."""
_FIELDS: Final = ("parameters", "params", "metrics", "template", *CARRIED)
_PARAMETER_FIELDS: Final = ("name", "type", "default", "enum", "feasibleSpace", "description")
TYPES: Final = ("string", "integer", "number", "boolean", "json")
_SEARCHED_AS: Final = {
    "integer": ("int", "discrete", "categorical"),
    "number": ("double", "int", "discrete", "categorical"),
    "boolean": ("categorical",),
    "string": ("categorical", "discrete", "int", "double"),
    "json": ("categorical",),
}
"""By the type of a declared parameter, the types of search parameters whose values it can take."""
_GENERATED: Final = {"integer": "int", "number": "double"}
_DOLLAR: Final = re.compile(r"\$\((?:params|parameters|parameter)\.([^()\s]+)\)|\$\{trialParameters\.([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Typed:
    """One typed parameter: its declaration, and its name and type, empty where that is not said or wrong."""

    node: Node
    name: str
    type: str

    @property
    def default(self) -> Node | None:
        return self.node.get("default")


def expand(draft: Draft, reference: Node, document: Node) -> None:
    """The template that a TrialTemplate holds, in the place of the reference to it."""
    spec = document.get("spec")
    if spec is None or not isinstance(spec.content, dict):
        draft.missing("spec", document, "a mapping")
        return
    draft.check_fields(spec, _FIELDS)
    manifest = spec.get("template")
    if manifest is None or not isinstance(manifest.content, dict):
        draft.missing("template", spec, "a manifest")
        return
    typed = read_typed(draft, spec.get("parameters") or spec.get("params"))
    template = draft.template
    for name in CARRIED:
        if (carried := spec.get(name)) is not None and template.get(name) is None:
            template.fields[name] = carried
    manifest.key = reference.key
    template.fields["trialSpec"] = manifest
    use_typed(draft, typed, manifest)
    _check_metrics(draft, spec.get("metrics"))


def rewrite_params(draft: Draft, params: Node) -> None:
    """`params` beside the manifest, in the Experiment itself."""
    typed = read_typed(draft, params)
    manifest = draft.template.get("trialSpec")
    del draft.template.fields["params"]
    if manifest is not None:
        use_typed(draft, typed, manifest)


def read_typed(draft: Draft, declared: Node | None) -> list[Typed]:
    """The declarations, with everything reported that is wrong with them."""
    if declared is None:
        return []
    if not isinstance(declared.content, list):
        draft.mismatch(declared, "a list of parameters")
        return []
    typed: list[Typed] = []
    for node in declared.items:
        if not isinstance(node.content, dict):
            draft.mismatch(node, "a mapping")
            continue
        draft.check_fields(node, _PARAMETER_FIELDS)
        name, kind = draft.text(node, "name", required=True), draft.text(node, "type")
        if kind and kind not in TYPES:
            meant = nearest(kind, TYPES)
            remedy = f"did you mean {meant!r}?" if meant else f"one of {', '.join(TYPES)}"
            message = f"{kind!r} is no type of a parameter"
            draft.error("unknown-value", message, node.fields["type"], found=kind, remedy=remedy)
        if name in [known.name for known in typed]:
            draft.error("duplicate-name", f"there are two parameters {name}", node.fields["name"], found=name)
        typed.append(Typed(node, name, kind if kind in TYPES else ""))
    return typed


def use_typed(draft: Draft, typed: list[Typed], manifest: Node) -> None:
    """Declare trial parameters for what is searched, put defaults in the place of the rest, and check the types."""
    if draft.experiment.get("spec", "parameters") is None:
        generate_parameters(draft, typed)
    search = _search_parameters(draft)
    undeclared = [name for name in search if name not in {parameter.name for parameter in typed}]
    declared: list[Node] = []
    defaults: dict[str, Node] = {}
    for parameter in typed:
        if parameter.name in search:
            declared.append(_declaration(parameter, with_cast=not draft.is_kind_known))
            _check_search(draft, parameter, search[parameter.name])
        elif parameter.default is not None:
            defaults[parameter.name] = parameter.default
        elif not nearest(parameter.name, undeclared):  # a slip in its name explains it
            message = f"the parameter {parameter.name} has no default, and the experiment does not search it"
            remedy = "give it a default, or add it to the experiment's parameters"
            draft.error("no-value", message, parameter.node, found=parameter.name, remedy=remedy)
    _check_undeclared(draft, search, typed)
    fill(manifest, {p.name for p in typed if p.name in search}, defaults)
    if declared:
        place = draft.template.get("trialSpec") or manifest
        draft.template.fields["trialParameters"] = Node(list(declared), place.mark, place.key, "", place.origin)


def generate_parameters(draft: Draft, typed: Iterable[Typed]) -> None:
    """The experiment's `parameters` from the declarations that have a feasible space, or values to choose from."""
    generated: list[Node] = []
    for parameter in typed:
        space, enum = parameter.node.get("feasibleSpace"), parameter.node.get("enum")
        if space is None and enum is None:
            continue
        entry = parameter.node.made({"name": parameter.name, "parameterType": _parameter_type(parameter)})
        if space is not None:
            entry.fields["feasibleSpace"] = space.copy()
        elif enum is not None:
            entry.fields["feasibleSpace"] = enum.made({"list": [_word(item) for item in enum.items]})
        generated.append(entry)
    spec = draft.experiment.get("spec")
    if generated and spec is not None:
        spec.fields["parameters"] = Node(list(generated), generated[0].mark, generated[0].mark)


def fill(manifest: Node, searched: set[str], defaults: dict[str, Node]) -> None:
    """Placeholders of searched parameters in the normal spelling, and defaults in the place of the others."""
    for path, node in list(manifest.walk()):
        if isinstance(node.content, dict):
            node.content = {_filled(key, searched, defaults): entry for key, entry in node.content.items()}
        whole = _DOLLAR.fullmatch(node.string)
        if whole and (name := whole[1] or whole[2]) in defaults and not _takes_text(manifest, path):
            node.content, node.text = defaults[name].copy().content, defaults[name].text
        elif isinstance(node.content, str):
            node.content = _filled(node.content, searched, defaults)


def _takes_text(manifest: Node, path: Path) -> bool:
    """Whether the field at a path is known to be a text, as arguments and variables are."""
    names = [manifest.get(name) for name in ("apiVersion", "kind")]
    api_version, kind = (node.string if node is not None else "" for node in names)
    field = BUILT_IN.field(api_version, kind, path)
    return field is not None and field.type in (FieldType.STRING, FieldType.QUANTITY)


def _filled(text: str, searched: set[str], defaults: dict[str, Node]) -> str:
    def replaced(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name in searched:
            return f"${{trialParameters.{name}}}"
        return _word(defaults[name]) if name in defaults else found[0]

    return _DOLLAR.sub(replaced, text)


def _word(node: Node) -> str:
    """A scalar as text, in its author's spelling."""
    if isinstance(node.content, bool):
        return str(node.content).lower()
    return node.text or str(node.content)


def _declaration(parameter: Typed, *, with_cast: bool) -> Node:
    """The trial parameter. In a kind that nobody knows the declared type is what a placeholder becomes."""
    fields: dict[str, Json] = {"name": parameter.name, "reference": parameter.name}
    entry = parameter.node.made(fields)
    if parameter.type and with_cast:
        entry.fields["as"] = parameter.node.made(parameter.type)
    for name in ("description", "type", "default"):
        if (node := parameter.node.get(name)) is not None:
            entry.fields[name] = node
    return entry


def _parameter_type(parameter: Typed) -> str:
    space = parameter.node.get("feasibleSpace")
    if (space is not None and space.get("list") is not None) or space is None:
        return "categorical"
    return _GENERATED.get(parameter.type, "double")


def _search_parameters(draft: Draft) -> dict[str, Node]:
    parameters = draft.experiment.get("spec", "parameters")
    items = parameters.items if parameters is not None else []
    return {name.string: item for item in items if (name := item.get("name")) is not None}


def _check_search(draft: Draft, parameter: Typed, search: Node) -> None:
    """The experiment may only search values that the declared type and enumeration allow."""
    kind, space = search.get("parameterType"), search.get("feasibleSpace")
    allowed = _SEARCHED_AS.get(parameter.type, ())
    if allowed and kind is not None and kind.string and kind.string not in allowed:
        message = f"the template wants {parameter.name} to be of type {parameter.type}, which {kind.string} is not"
        draft.error("type-mismatch", message, kind, found=kind.string, expected=" or ".join(allowed))
    enum = parameter.node.get("enum")
    values = space.get("list") if space is not None else None
    if enum is None or values is None:
        return
    known = [_word(item) for item in enum.items]
    for value in values.items:
        if _word(value) not in known:
            meant = nearest(_word(value), known)
            remedy = f"did you mean {meant!r}?" if meant else f"it allows {', '.join(known)}"
            message = f"the template does not allow {_word(value)!r} for {parameter.name}"
            draft.error("not-in-enum", message, value, found=_word(value), remedy=remedy)


def _check_undeclared(draft: Draft, search: dict[str, Node], typed: list[Typed]) -> None:
    names = [parameter.name for parameter in typed]
    for name, node in search.items():
        if name and name not in names:
            meant = nearest(name, names)
            remedy = f"did you mean {meant!r}?" if meant else f"it has {', '.join(names) or 'none'}"
            message = f"the template has no parameter {name}"
            draft.error("undeclared-parameter", message, node.fields["name"], found=name, remedy=remedy)


def _check_metrics(draft: Draft, metrics: Node | None) -> None:
    """The objective should be a metric that the template reports."""
    objective = draft.experiment.get("spec", "objective", "objectiveMetricName")
    if metrics is None or objective is None or not objective.string:
        return
    names = [item.string or (item.get("name") or item).string for item in metrics.items]
    if objective.string not in names:
        meant = nearest(objective.string, names)
        remedy = f"did you mean {meant!r}?" if meant else f"it reports {', '.join(names)}"
        draft.warn("unreported-metric", f"the template does not report {objective.string}", objective, remedy=remedy)
