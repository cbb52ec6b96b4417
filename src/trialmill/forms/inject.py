"""Forms 4 to 6: assignments get into a manifest that says nothing of them, by `inject: {as: env | args | file}`, or by
several of these.

Every search parameter that no trial parameter passes on is injected. As `env` it becomes a variable of all containers,
as `args` an argument of the training container, as `file` an entry of one file that the training container finds at
`path`. Placeholders are put in their places here, so what a trial gets can be seen, and nothing is added later.
"""

import re
from dataclasses import dataclass
from itertools import dropwhile
from typing import Final

from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.tree import Json
from trialmill.forms.draft import Draft
from trialmill.forms.injected_file import inject_file
from trialmill.forms.pods import Pods, pods_of
from trialmill.forms.trial_params import plain_name
from trialmill.forms.typed import word

_FIELDS: Final = ("as", "format", "container", "containers", "upperCase", "path", "constants")
_WAYS: Final = ("env", "args", "file")
_DEFAULT_FORMAT: Final = "--{name}={value}"
_SHELLS: Final = ("sh", "bash", "dash", "ash", "zsh", "ksh")
_EXAMPLE: Final = re.compile(r"(?P<dashes>-*)(?P<name>[^\s=]+)(?P<between>=|\s+)(?P<value>\S.*)")
"""An argument as the proposal shows it: `--lr=0.01`, `--lr 0.01` or `lr=0.01`."""
_PLACES: Final = ("{name}", "{value}")
_BRACED: Final = re.compile(r"\{\w+\}")
_LAUNCHERS: Final = ("env", "nice", "nohup", "setsid", "tini", "dumb-init", "busybox")
"""Programs that start the one that is named behind their options and assignments."""
_NOT_A_NAME: Final = re.compile(r"[^A-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Injection:
    """What is injected: the node that asks for it, the name of each parameter with its trial parameter's, and values
    that are the same for each trial.
    """

    node: Node
    names: dict[str, str]
    constants: dict[str, Node]

    @property
    def texts(self) -> dict[str, str]:
        """What each name gets, as it stands in a text."""
        placeholders = {parameter: f"${{trialParameters.{name}}}" for parameter, name in self.names.items()}
        return placeholders | {name: word(node) for name, node in self.constants.items()}


def rewrite(draft: Draft, inject: Node) -> None:
    """Put every parameter that nothing passes on yet into the manifest."""
    if not isinstance(inject.content, dict):
        draft.mismatch(inject, "a mapping", "write `inject: {as: args}`")
        return
    draft.check_fields(inject, _FIELDS)
    ways = _ways(draft, inject)
    pods = pods_of(draft, inject) if ways else None
    if pods is None:
        return
    del draft.template.fields["inject"]
    injection = Injection(inject, _declare(draft, inject), _constants(draft, inject))
    if "env" in ways:
        _inject_env(draft, injection, pods)
    if "args" in ways:
        _inject_args(draft, injection, pods)
    if "file" in ways:
        inject_file(draft, inject, injection.names, injection.constants, pods, alone=ways == ["file"])


def _ways(draft: Draft, inject: Node) -> list[str]:
    """What `as` says, one way or several; none, and reported, where one of them is no way."""
    written = inject.get("as")
    if written is None or not written.items:
        draft.text(inject, "as", required=True)
    nodes = (written.items or [written]) if written is not None else []
    wrong = [node for node in nodes if node.string not in _WAYS]
    for node in wrong:
        if node.string:
            meant = nearest(node.string, _WAYS)
            remedy = f"did you mean {meant!r}?" if meant else f"there are {', '.join(_WAYS)}"
            expected = f"one of {', '.join(_WAYS)}"
            message = f"{node.string!r} is no way to inject"
            draft.error("unknown-value", message, node, found=node.string, expected=expected, remedy=remedy)
    return [] if wrong else [node.string for node in nodes]


def rewrite_policy(draft: Draft, policy: Node) -> None:
    """`parametersInjectPolicy: args | env` with `parametersFormat: "--lr=0.01" | "--lr 0.01"`, the proposal's words."""
    written = draft.template.get("parametersFormat")
    inject = policy.made({"as": policy.json()})
    if written is not None:
        form = _format_of_example(draft, draft.text(draft.template, "parametersFormat"), written)
        if form is not None:
            inject.fields["format"] = written.made(form)
    for name in ("parametersInjectPolicy", "parametersFormat"):
        draft.template.fields.pop(name, None)
    draft.template.fields["inject"] = inject
    rewrite(draft, inject)


def _format_of_example(draft: Draft, example: str, written: Node) -> Json:
    """The format that an argument of one of the parameters shows; None, and reported, where it shows none."""
    if not isinstance(written.content, str):
        return None
    names = draft.parameter_names
    first = plain_name(names[0]) if names else "lr"
    shown = _EXAMPLE.fullmatch(example.strip())
    if shown is None:
        message = "parametersFormat is an example of an argument, with the name of a parameter and a value"
        remedy = f'write "--{first}=0.01" or "--{first} 0.01"'
        draft.error("invalid-format", message, written, found=example, remedy=remedy)
        return None
    plain = [plain_name(name) for name in names]
    if names and shown["name"] not in plain:
        meant = nearest(shown["name"], plain)
        remedy = f"did you mean {meant!r}?" if meant else f"there are {', '.join(plain)}"
        message = f"the example in parametersFormat names no parameter of the experiment: {shown['name']!r}"
        draft.error("invalid-format", message, written, found=example, remedy=remedy)
        return None
    option = f"{shown['dashes']}{{name}}"
    return f"{option}={{value}}" if shown["between"] == "=" else [option, "{value}"]


def _declare(draft: Draft, inject: Node) -> dict[str, str]:
    """Declare a trial parameter for each search parameter that has none; their names by those of the search."""
    declared = draft.template.get("trialParameters")
    items = list(declared.items) if declared is not None else []
    passed_on = {node.string for item in items if (node := item.get("reference")) is not None}
    taken = {node.string for item in items if (node := item.get("name")) is not None}
    names: dict[str, str] = {}
    for parameter in dict.fromkeys(draft.parameter_names):
        if parameter in passed_on:
            continue
        name = plain_name(parameter)
        name = name if name not in taken else parameter
        names[parameter] = name
        taken.add(name)
        items.append(inject.made({"name": name, "reference": parameter}))
    place = declared or inject
    draft.template.fields["trialParameters"] = Node(items, place.mark, place.key, "", place.origin)
    return names


def _constants(draft: Draft, inject: Node) -> dict[str, Node]:
    """What `constants` says that every trial gets beside its own values."""
    written = inject.get("constants")
    if written is None:
        return {}
    if not isinstance(written.content, dict):
        draft.mismatch(written, "a mapping of names to values")
        return {}
    for name, node in written.fields.items():
        if name in draft.parameter_names:
            message = f"{name} is searched, so it is no constant"
            draft.error_at_key("already-there", message, node, found=name, remedy="remove it here, or in parameters")
        elif isinstance(node.content, dict | list | None):
            draft.mismatch(node, "a text, a number or a boolean")
    return {name: node for name, node in written.fields.items() if not isinstance(node.content, dict | list | None)}


# --- As environment variables


def _inject_env(draft: Draft, injection: Injection, pods: Pods) -> None:
    upper = injection.node.get("upperCase")
    is_upper = upper is not None and upper.content is True
    for container in pods.named(draft, injection.node) or pods.all_containers():
        env = _list_in(draft, container, "env", injection.node)
        there = {node.string: item for item in env.items if (node := item.get("name")) is not None}
        for parameter, text in injection.texts.items():
            variable = _NOT_A_NAME.sub("_", plain_name(parameter).upper()) if is_upper else parameter
            if variable in there:
                remedy = "remove it, or give the parameter another name"
                message = f"the container has a variable {variable} already, and inject would add another"
                draft.error("already-there", message, there[variable], found=variable, remedy=remedy)
            else:
                env.items.append(injection.node.made({"name": variable, "value": text}))


# --- As arguments


def _inject_args(draft: Draft, injection: Injection, pods: Pods) -> None:
    form = _format(draft, injection.node)
    containers = pods.training_containers(draft, injection.node)
    if form is None or not containers:
        return
    for container in containers:
        shell = _shell_command(container)
        if shell is not None:
            message = "a shell with -c takes what follows its text as $0, $1 and so on, and would swallow the arguments"
            remedy = "write the command without a shell, or use placeholders in its text, or `inject: {as: env}`"
            draft.error("swallowed-arguments", message, shell, remedy=remedy)
            continue
        words = [*_words(container, "command"), *_words(container, "args")]
        arguments = _list_in(draft, container, "args", injection.node)
        for parameter, value in injection.texts.items():
            texts = [part.replace("{name}", plain_name(parameter)) for part in form]
            there = next((given for given in words if _is_option(given.string, texts[0])), None)
            if there is not None:
                option = texts[0].partition("=")[0]
                remedy = "remove it, or put a placeholder there instead of injecting"
                message = f"the option {option} is there already, and inject would add another"
                draft.error("already-there", message, there, found=there.string, remedy=remedy)
                continue
            arguments.items.extend(injection.node.made(text.replace("{value}", value)) for text in texts)


def _format(draft: Draft, inject: Node) -> list[str] | None:
    """The parts of one parameter's arguments; None, and reported, where the format is none."""
    written = inject.get("format")
    if written is None:
        return [_DEFAULT_FORMAT]
    parts = [item.string for item in written.items] if written.items else written.string.split()
    if not parts or not all(parts) or not any("{value}" in part for part in parts):
        remedy = 'write "--{name}={value}", or ["--{name}", "{value}"]'
        found = str(written.json())
        draft.error("invalid-format", "the format needs a {value}", written, found=found, remedy=remedy)
        return None
    for place in _BRACED.findall(" ".join(parts)):
        if place not in _PLACES:
            meant = nearest(place, _PLACES)
            remedy = f"did you mean {meant}?" if meant else f"it knows {' and '.join(_PLACES)}"
            draft.error("invalid-format", f"the format knows no {place}", written, found=place, remedy=remedy)
            return None
    return parts


def _is_option(given: str, first: str) -> bool:
    """Whether a word gives the option that the format's first part begins with."""
    option = first.partition("=")[0].partition("{value}")[0]
    return option.startswith("-") and (given == option or given.startswith(f"{option}="))


def _shell_command(container: Node) -> Node | None:
    """The `-c` of a container that runs a shell's text."""
    words = [*_words(container, "command"), *_words(container, "args")]
    while words and words[0].string.rpartition("/")[2] in _LAUNCHERS:
        words = list(dropwhile(lambda given: given.string.startswith("-") or "=" in given.string, words[1:]))
    if not words or words[0].string.rpartition("/")[2] not in _SHELLS:
        return None
    options = [given for given in words[1:] if re.fullmatch(r"-[a-z]*c[a-z]*", given.string)]
    return options[0] if options else None


def _words(container: Node, field: str) -> list[Node]:
    node = container.get(field)
    return node.items if node is not None else []


def _list_in(draft: Draft, container: Node, field: str, inject: Node) -> Node:
    """The list in a field, made where there is none, or where what is there was reported."""
    node = container.get(field)
    if node is not None and not isinstance(node.content, list):
        draft.mismatch(node, "a list")
    if node is None or not isinstance(node.content, list):
        node = inject.made([])
        container.fields[field] = node
    return node
