"""Form 2, the wording of the proposal that became Katib's templates: `trialParams` and `${trialParams.NAME}`.

Names may begin with `--`, as the options do that they stand for. A parameter that the search does not have, and that is
named like `trial_name`, is metadata of the trial.
"""

import re
from collections.abc import Mapping
from typing import Final

from trialmill.api.marked import Node
from trialmill.forms.draft import Draft

_PLACEHOLDER: Final = re.compile(r"(\$?)\$\{trialParams\.([^{}]+)\}")
_METADATA: Final = {
    "name": "${trialSpec.Name}",
    "namespace": "${trialSpec.Namespace}",
    "kind": "${trialSpec.Kind}",
    "apiversion": "${trialSpec.APIVersion}",
}


def rewrite(draft: Draft, params: Node) -> None:
    """`trialParams` to `trialParameters`, in the declarations and in the manifest."""
    template = draft.template
    if not isinstance(params.content, list):
        draft.mismatch(params, "a list")
        return
    search = draft.parameter_names
    for declared in params.items:
        name = declared.get("name")
        if name is not None and name.string and declared.get("reference") is None:
            declared.fields["reference"] = name.made(_reference(name.string, search))
            name.content = plain_name(name.string)
    template.content = {
        "trialParameters" if field == "trialParams" else field: node for field, node in template.fields.items()
    }
    manifest = template.get("trialSpec")
    if manifest is not None:
        rename_placeholders(manifest)
    message = "trialParams is the wording of a proposal; Katib reads trialParameters"
    draft.note("proposed-form", message, params, remedy="`trialmill convert` writes it so")


def plain_name(name: str) -> str:
    """The name without the dashes of an option."""
    return name.lstrip("-") or name


def rename_placeholders(manifest: Node) -> None:
    """`${trialParams.--lr}` to `${trialParameters.lr}`, in every text and key."""
    for _, node in list(manifest.walk()):
        if isinstance(node.content, str):
            node.content = _renamed(node.content)
        elif isinstance(node.content, dict):
            node.content = {_renamed(key): entry for key, entry in node.content.items()}


def _renamed(text: str) -> str:
    return _PLACEHOLDER.sub(lambda m: f"{m[1]}${{trialParameters.{plain_name(m[2])}}}", text)


def _reference(name: str, search: list[str]) -> str:
    """The search parameter that a name stands for, with or without dashes; else the trial's metadata, if it says so."""
    by_plain: Mapping[str, str] = {plain_name(known): known for known in search}
    if name in search:
        return name
    if plain_name(name) in by_plain:
        return by_plain[plain_name(name)]
    word = re.sub(r"[^a-z]", "", name.lower()).removeprefix("trial")
    return _METADATA.get(word, name) if name.lower().lstrip("-").startswith("trial") else name
