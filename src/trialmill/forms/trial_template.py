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
Tekton's, unless one is a declared name but for a slip. A parameter that the experiment searches gets the trial's value,
any other its default. An experiment without `parameters` of its own takes those that have a feasible space. The same
fields can stand in a template directly, as `params` beside the manifest.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from trialmill.api.fields import Field, FieldType
from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import Json, Path
from trialmill.forms.draft import Draft
from trialmill.forms.typed import Typed, check_search, read_typed, word
from trialmill.template.spelling import closest

API_VERSION: Final = "trialmill.dev/v1"
KIND: Final = "TrialTemplate"
CARRIED: Final = (
    "primaryContainerName",
    "primaryPodLabels",
    "successCondition",
    "failureCondition",
    "successWhen",
    "failureWhen",
    "retain",
    "activeDeadlineSeconds",
    "retry",
)
"""What a TrialTemplate may say in the Experiment's place; the Experiment's own word counts where both say it."""
_FIELDS: Final = ("parameters", "params", "metrics", "template", *CARRIED)
_MANIFEST_SLIPS: Final = ("template", "trialSpec", "trialTemplate")
"""What the manifest's field may be called by mistake: the Experiment calls it otherwise."""
_GENERATED: Final = {"integer": "int", "number": "double"}
_NUMBERS: Final = ("integer", "number")
_SCOPES: Final = ("params", "parameters", "parameter")
_DOLLAR: Final = re.compile(rf"\$\((?:{'|'.join(_SCOPES)})\.([^()\s]+)\)|\$\{{trialParameters\.([^{{}}]+)\}}")
_PARENTHESES: Final = re.compile(r"(?<!\$)\$\((\w+)\.([^()\s]+)\)")
_TEKTON: Final = "tekton.dev/"


def expand(draft: Draft, reference: Node, document: Node) -> None:
    """The template that a TrialTemplate holds, in the place of the reference to it."""
    spec = document.get("spec")
    if spec is None or not isinstance(spec.content, dict):
        draft.missing("spec", document, "a mapping")
        return
    manifest = spec.get("template")
    slip = next((name for name in spec.fields if name not in _FIELDS and nearest(name, _MANIFEST_SLIPS)), None)
    if manifest is None and slip is not None:
        draft.check_fields(spec, (*_FIELDS, slip))
        message, wrong = f"the field {slip!r} is not known here", spec.fields[slip]
        draft.error_at_key("unknown-field", message, wrong, found=slip, remedy="did you mean 'template'?")
        return
    draft.check_fields(spec, _FIELDS)
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


def use_typed(draft: Draft, typed: list[Typed], manifest: Node) -> None:
    """Declare trial parameters for what is searched, put defaults in the place of the rest, and check the types.

    A trial parameter of the experiment's own with the name of a typed one says which search parameter it is.
    """
    if draft.experiment.get("spec", "parameters") is None:
        generate_parameters(draft, typed)
    search = _search_parameters(draft)
    written = draft.template.get("trialParameters")
    own = list(written.items) if written is not None else []
    references = {_text(item, "name"): _text(item, "reference") for item in own}
    declared: list[Node] = [item for item in own if _text(item, "name") not in {p.name for p in typed}]
    undeclared = [name for name in search if name not in {parameter.name for parameter in typed}]
    defaults: dict[str, Node] = {}
    searched: set[str] = set()
    for parameter in typed:
        reference = references.get(parameter.name) or parameter.name
        if reference in search or parameter.name in references:
            declared.append(_declaration(parameter, reference, with_cast=not draft.is_kind_known))
            searched.add(parameter.name)
            if reference in search:
                check_search(draft, parameter, search[reference])
        elif parameter.default is not None:
            defaults[parameter.name] = parameter.default
        elif not nearest(parameter.name, undeclared):  # a slip in its name explains it
            message = f"the parameter {parameter.name} has no default, and the experiment does not search it"
            remedy = "give it a default, or add it to the experiment's parameters"
            draft.error("no-value", message, parameter.node, found=parameter.name, remedy=remedy)
    if draft.template.get("inject") is None:
        _check_undeclared(draft, search, [*(p.name for p in typed), *references.values()])
    fill(manifest, searched, defaults, lambda path: _takes_text(draft.field(manifest, path)))
    _check_placeholders(draft, manifest, [p.name for p in typed])
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
            entry.fields["feasibleSpace"] = _as_texts(space)
        elif enum is not None:
            entry.fields["feasibleSpace"] = enum.made({"list": [word(item) for item in enum.items]})
        generated.append(entry)
    spec = draft.experiment.get("spec")
    if generated and spec is not None:
        spec.fields["parameters"] = Node(list(generated), generated[0].mark, generated[0].mark)


def fill(manifest: Node, searched: set[str], defaults: dict[str, Node], takes_text: Callable[[Path], bool]) -> None:
    """Placeholders of searched parameters in the normal spelling, and defaults in the place of the others: as texts
    where the field at a path `takes_text`.
    """
    for path, node in list(manifest.walk()):
        if isinstance(node.content, dict):
            node.content = {_filled(key, searched, defaults): entry for key, entry in node.content.items()}
        whole = _DOLLAR.fullmatch(node.string)
        if whole and (name := whole[1] or whole[2]) in defaults and not takes_text(path):
            node.content, node.text = defaults[name].copy().content, defaults[name].text
        elif isinstance(node.content, str):
            node.content = _filled(node.content, searched, defaults)


def _check_placeholders(draft: Draft, manifest: Node, names: Sequence[str]) -> None:
    """Report placeholders that stayed and are declared ones but for a slip. Tekton's runs have parameters of their own,
    and are checked as such.
    """
    if _text(manifest, "apiVersion").startswith(_TEKTON):
        return
    known = {*names, *draft.parameter_names}  # of what is searched it was said that the template does not have it
    for _, node in manifest.walk():
        for found in _PARENTHESES.finditer(node.string):
            scope, name = found.groups()
            if scope in _SCOPES and name not in known and (meant := closest(name, names)):
                message = f"the template has no parameter {name}"
                remedy = f"did you mean {meant!r}?"
                draft.error("undeclared-placeholder", message, node, found=found[0], remedy=remedy)
            elif scope not in _SCOPES and name in names and nearest(scope, _SCOPES):
                message = f"{found[0]} stays as it is: placeholders are written $(params.NAME)"
                draft.warn("placeholder-lookalike", message, node, remedy=f"write $(params.{name})")


def _takes_text(field: Field | None) -> bool:
    """Whether a field is known to be a text, as arguments and variables are."""
    return field is not None and field.type in (FieldType.STRING, FieldType.QUANTITY)


def _filled(text: str, searched: set[str], defaults: dict[str, Node]) -> str:
    def replaced(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name in searched:
            return f"${{trialParameters.{name}}}"
        return word(defaults[name]) if name in defaults else found[0]

    return _DOLLAR.sub(replaced, text)


def _declaration(parameter: Typed, reference: str, *, with_cast: bool) -> Node:
    """The trial parameter. In a kind that nobody knows the declared type is what a placeholder becomes."""
    fields: dict[str, Json] = {"name": parameter.name, "reference": reference}
    entry = parameter.node.made(fields)
    if parameter.type and with_cast:
        entry.fields["as"] = parameter.node.made(parameter.type)
    for name in ("description", "type", "default"):
        if (node := parameter.node.get(name)) is not None:
            entry.fields[name] = node
    return entry


def _as_texts(space: Node) -> Node:
    """A copy whose numbers are texts, as Katib has them."""
    copied = space.copy()
    for _, node in copied.walk():
        if isinstance(node.content, int | float):
            node.content, node.text = word(node), ""
    return copied


def _parameter_type(parameter: Typed) -> str:
    space = parameter.node.get("feasibleSpace")
    if space is None or space.get("list") is not None:
        return "discrete" if parameter.type in _NUMBERS else "categorical"
    return _GENERATED.get(parameter.type, "double")


def _search_parameters(draft: Draft) -> dict[str, Node]:
    parameters = draft.experiment.get("spec", "parameters")
    items = parameters.items if parameters is not None else []
    return {name.string: item for item in items if (name := item.get("name")) is not None}


def _check_undeclared(draft: Draft, search: dict[str, Node], names: Sequence[str]) -> None:
    for name, node in search.items():
        if name and name not in names:
            meant = nearest(name, names)
            remedy = f"did you mean {meant!r}?" if meant else f"it has {', '.join(names) or 'none'}"
            message = f"the template has no parameter {name}"
            draft.error("undeclared-parameter", message, node.fields["name"], found=name, remedy=remedy)


def _text(node: Node, name: str) -> str:
    found = node.get(name)
    return found.string if found is not None else ""


def _check_metrics(draft: Draft, metrics: Node | None) -> None:
    """The metrics of the experiment should be among those that the template reports."""
    objective = draft.experiment.get("spec", "objective")
    if metrics is None or objective is None:
        return
    names = [item.string or (item.get("name") or item).string for item in metrics.items]
    additional = objective.get("additionalMetricNames")
    wanted = [objective.get("objectiveMetricName"), *(additional.items if additional is not None else ())]
    for metric in wanted:
        if metric is not None and metric.string and metric.string not in names:
            meant = nearest(metric.string, names)
            remedy = f"did you mean {meant!r}?" if meant else f"it reports {', '.join(names)}"
            draft.warn("unreported-metric", f"the template does not report {metric.string}", metric, remedy=remedy)
