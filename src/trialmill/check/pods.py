"""The pods that a manifest describes, and what an API server would find wrong with them beyond their fields' types."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems, Severity
from trialmill.api.tree import Json, JsonObject, Path, get, get_list, get_object, get_string
from trialmill.check.places import MANIFEST
from trialmill.kinds.lowering.quantities import parse_quantity
from trialmill.kinds.profile import ANY_ENTRY, KindProfile

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME: Final = 63
_WORD: Final = re.compile(r"[\w./=-]+")
"""A word that a list of one line can hold without quotes."""
_LONGEST_SHOWN: Final = 60
_AMOUNTS: Final = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES: Final = "hugepages-"
_TRIAL_NAME: Final = "KATIB_TRIAL_NAME"


def pod_templates(manifest: Json, profile: KindProfile | None) -> Iterator[tuple[Path, JsonObject]]:
    """The objects with `metadata` and `spec` of pods, as far as the kind says where they are, with their places."""
    for template in profile.pod_templates if profile else ():
        for path, node in nodes_at(manifest, template.path):
            if isinstance(node, dict):
                yield path, node


def nodes_at(tree: Json, pattern: Path, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """The nodes below `path` that a profile's pattern leads to."""
    if ANY_ENTRY not in pattern:
        yield (*path, *pattern), get(tree, *pattern)
        return
    end = pattern.index(ANY_ENTRY)
    above = (*path, *pattern[:end])
    match get(tree, *pattern[:end]):
        case dict() as children:
            for key, child in children.items():
                yield from nodes_at(child, pattern[end + 1 :], (*above, key))
        case list() as entries:
            for position, child in enumerate(entries):
                yield from nodes_at(child, pattern[end + 1 :], (*above, position))


def check_pods(
    experiment: Experiment,
    profile: KindProfile | None,
    explained: Collection[Path],
    problems: Problems,
    *,
    on_cluster: bool = False,
) -> None:
    """Names of resources that no node has, images that are missing, unless a misspelt field explains that, and what
    only Katib adds.
    """
    for path, pod in pod_templates(experiment.spec.template.trial_spec, profile):
        for field in ("initContainers", "containers"):
            for position, container in enumerate(get_list(pod, "spec", field)):
                place = (*path, "spec", field, position)
                _check_resources(container, (*MANIFEST, *place), problems)
                _check_program(container, (*MANIFEST, *place, "command", 0), problems)
                _check_name(container, (*MANIFEST, *place, "name"), problems)
                _check_trial_name(container, (*MANIFEST, *place), problems, on_cluster=on_cluster)
                if isinstance(container, dict) and not get(container, "image") and (*place, "image") not in explained:
                    name = get_string(container, "name")
                    message = f"a cluster would refuse the container {name}, as it has no image"
                    problems.note("no-image", message, (*MANIFEST, *place))


def is_container_name(text: str) -> bool:
    """Whether a container can be called this (RFC 1123's label); what a placeholder makes of it is not known yet."""
    return "${" in text or (len(text) <= _LONGEST_NAME and _LABEL.fullmatch(text) is not None)


def _check_name(container: Json, place: Path, problems: Problems) -> None:
    name = get_string(container, "name")
    if name and not is_container_name(name):
        message = f"{name!r} cannot be the name of a container"
        expected = "up to 63 lower-case letters, digits and '-', with no '-' at either end"
        problems.add("invalid-name", message, place, found=name, expected=expected, remedy=f"it takes {expected}")


def _check_program(container: Json, place: Path, problems: Problems) -> None:
    """A whole command line in one text, which would be looked up as the name of a program."""
    program = next(iter(get_list(container, "command")), None)
    if not isinstance(program, str) or len(words := program.split()) < 2:
        return
    message = "a command is a list of words, and this first one, the program, has spaces in it"
    shown = f"[{', '.join(words)}]" if len(program) <= _LONGEST_SHOWN and words == _WORD.findall(program) else ""
    remedy = f"write {shown}" if shown else "write each word as an item of its own, or [sh, -c, ...] for a script"
    problems.warn("command-with-spaces", message, place, remedy=remedy)


def _check_trial_name(container: Json, place: Path, problems: Problems, *, on_cluster: bool) -> None:
    """A variable that Katib's webhook adds: on a cluster, nothing is added to an author's containers here."""
    variables = get_list(container, "env")
    texts: list[tuple[Path, Json]] = [
        ((field, number), text)
        for field in ("command", "args")
        for number, text in enumerate(get_list(container, field))
    ]
    texts += [(("env", number, "value"), get(variable, "value")) for number, variable in enumerate(variables)]
    using = [path for path, text in texts if isinstance(text, str) and _TRIAL_NAME in text]
    if using and not any(get(variable, "name") == _TRIAL_NAME for variable in variables):
        message = f"on a cluster only Katib sets {_TRIAL_NAME}"
        remedy = f'add {{name: {_TRIAL_NAME}, value: "${{trial.name}}"}} to the env of the container'
        severity = Severity.WARNING if on_cluster else Severity.NOTE
        problems.add("katib-trial-name", message, (*place, *using[0]), severity=severity, remedy=remedy)


def _check_resources(container: Json, place: Path, problems: Problems) -> None:
    for field in ("limits", "requests"):
        for name, value in get_object(container, "resources", field).items():
            _check_quantity(name, value, (*place, "resources", field, name), problems)
            if not _is_amount(name):
                meant = nearest(name, _AMOUNTS)
                message = f"containers have no {name} to ask for"
                remedy = f"did you mean {meant!r}?" if meant else "a device has its vendor's name, as nvidia.com/gpu"
                at = (*place, "resources", field, name)
                problems.add("unknown-resource", message, at, found=name, remedy=remedy, at_key=True)


def _check_quantity(name: str, value: Json, place: Path, problems: Problems) -> None:
    """A server says of such an amount only that there is one somewhere."""
    if not isinstance(value, str) or "${" in value or parse_quantity(value) is not None:
        return
    message, expected = f"the amount of {name} is no quantity", "a quantity such as 500m, 2 or 1Gi"
    problems.add("quantity-invalid", message, place, found=value, expected=expected, remedy=f"write {expected}")


def _is_amount(name: str) -> bool:
    """What an API server takes: its own few names, and any with the domain of a vendor."""
    return name in _AMOUNTS or name.startswith(_HUGE_PAGES) or "/" in name or "${" in name
