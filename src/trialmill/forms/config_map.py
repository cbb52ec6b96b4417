"""Form 10, Katib's template in a ConfigMap: `configMap{configMapName, configMapNamespace, templatePath}`.

The ConfigMap is one of the documents that were given with the Experiment. Its text is YAML with placeholders. Katib
pastes values into it before it is read, so an unquoted placeholder that is a whole value had the value's own type. In
a kind whose fields are known the field decides; elsewhere its trial parameter is given that type here, and a second one
where the same value also stands in quotes.
"""

import re
from typing import Final

from trialmill.api.document import Document
from trialmill.api.marked import Node, marked
from trialmill.api.nearest import nearest
from trialmill.api.tree import get_object, get_string
from trialmill.forms.beside import report_misspelt_kind
from trialmill.forms.draft import Draft
from trialmill.forms.text import is_quoted, manifest_of_text, place_in

_ISOLATED: Final = re.compile(r"\$\{trialParameters\.([^{}]+)\}")
_KIND: Final = "ConfigMap"
_FIELDS: Final = ("configMapName", "configMapNamespace", "templatePath")
_CASTS: Final = {"int": "integer", "double": "number"}


def rewrite(draft: Draft, source: Node) -> None:
    """The ConfigMap's text in the place of `configMap`."""
    if not isinstance(source.content, dict):
        draft.mismatch(source, "a mapping with configMapName and templatePath")
        return
    draft.check_fields(source, _FIELDS)
    found = text_in_config_map(draft, source)
    if found is None:
        return
    text, document = found
    manifest = manifest_of_text(draft, text.string, text, place_in(text, document.lines))
    if manifest is None:
        return
    items = manifest.get("items")
    for each in items.items if items is not None else (manifest,):
        type_placeholders(draft, each, document)
    template = draft.template
    manifest.key = source.key
    template.content = {
        "trialSpec" if name == "configMap" else name: manifest if name == "configMap" else node
        for name, node in template.fields.items()
    }


def text_in_config_map(draft: Draft, source: Node) -> tuple[Node, Document] | None:
    """The text that `configMapName` and `templatePath` name, with the document it is in; None, and reported, where
    there is none.
    """
    name = draft.text(source, "configMapName", required=True)
    path = draft.text(source, "templatePath", required=True)
    namespace = draft.text(source, "configMapNamespace")
    if not name or not path:
        return None
    document = _config_map(draft, name, namespace)
    if document is None:
        if not report_misspelt_kind(draft, _KIND, name):
            _report_missing(draft, source, name, namespace)
        return None
    draft.used.append(document)
    text = marked(document).get("data", path)
    if text is None or not isinstance(text.content, str):
        keys = ", ".join(get_object(document.tree, "data"))
        message = f"the ConfigMap {name} has no text {path}"
        remedy = f"it has {keys}" if keys else f"put the template into its data, under {path}"
        draft.error("config-map-key-missing", message, source.fields["templatePath"], found=path, remedy=remedy)
        return None
    return text, document


def _config_map(draft: Draft, name: str, namespace: str) -> Document | None:
    """The last one given of that name; its namespace counts where both say one."""
    found = None
    for document in draft.beside:
        tree = document.tree
        own = get_string(tree, "metadata", "namespace")
        if get_string(tree, "kind") == _KIND and get_string(tree, "metadata", "name") == name:
            found = document if not namespace or not own or own == namespace else found
    return found


def _report_missing(draft: Draft, source: Node, name: str, namespace: str) -> None:
    """Say why there is no such ConfigMap: one of the name may be in another namespace, or have almost the name."""
    names = {
        get_string(document.tree, "metadata", "name"): get_string(document.tree, "metadata", "namespace")
        for document in draft.beside
        if get_string(document.tree, "kind") == _KIND
    }
    if name in names:
        message = f"the ConfigMap {name} that was given is in the namespace {names[name]}, not in {namespace}"
        remedy = f"write `configMapNamespace: {names[name]}`, or change it there"
        draft.error("config-map-missing", message, source.fields["configMapNamespace"], found=namespace, remedy=remedy)
        return
    meant = nearest(name, names)
    remedy = f"did you mean {meant!r}?" if meant else "put its manifest into the same file, or give it as another one"
    message = f"there is no ConfigMap {name} among the documents that were given"
    draft.error("config-map-missing", message, source.fields["configMapName"], found=name, remedy=remedy)


# --- Types of unquoted placeholders


def type_placeholders(draft: Draft, manifest: Node, document: Document) -> None:
    """Give each trial parameter the type of its unquoted uses; quoted ones get a trial parameter of their own."""
    if draft.knows(manifest):
        return
    declared = {_text(d, "name"): d for d in _declared(draft)}
    uses: dict[str, list[Node]] = {}
    for _, node in manifest.walk():
        whole = _ISOLATED.fullmatch(node.string)
        if whole and whole[1] in declared:
            uses.setdefault(whole[1], []).append(node)
    for name, nodes in uses.items():
        declaration = declared[name]
        cast = _cast_of(draft, declaration)
        plain = [node for node in nodes if not is_quoted(node, document)]
        if not cast or not plain or declaration.get("as") is not None:
            continue
        declaration.fields["as"] = declaration.made(cast)
        for node in nodes:
            if node not in plain:
                node.content = f"${{trialParameters.{_as_text(draft, declaration, name)}}}"


def _as_text(draft: Draft, declaration: Node, name: str) -> str:
    """The name of the same trial parameter as text, declared when it is first asked for."""
    other = f"{name}-text"
    if all(_text(d, "name") != other for d in _declared(draft)):
        entry = declaration.copy()
        entry.fields["name"] = declaration.made(other)
        entry.fields["as"] = declaration.made("string")
        draft.template.fields["trialParameters"].items.append(entry)
    return other


def _declared(draft: Draft) -> list[Node]:
    parameters = draft.template.get("trialParameters")
    items = parameters.items if parameters is not None else []
    return [item for item in items if _text(item, "name")]


def _cast_of(draft: Draft, declaration: Node) -> str:
    """The type that a pasted value would have had, empty for text."""
    reference = _text(declaration, "reference")
    parameters = draft.experiment.get("spec", "parameters")
    for parameter in parameters.items if parameters is not None else ():
        if _text(parameter, "name") == reference:
            return _CASTS.get(_text(parameter, "parameterType"), "")
    return ""


def _text(node: Node, name: str) -> str:
    found = node.get(name)
    return found.string if found is not None else ""
