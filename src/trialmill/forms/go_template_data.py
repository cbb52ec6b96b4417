"""What a Go template is evaluated on: known names, and marks for all that only a trial knows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from trialmill.api.marked import Node
from trialmill.forms.go_template import Opaque, Record
from trialmill.forms.trial_params import plain_name

_PRIVATE_USE: Final = range(0xE000, 0xF8FF)
"""Characters without a meaning: YAML lets them stand anywhere in a text."""
_PLACEHOLDER: Final = re.compile(r"\$\{[^{}]*\}")


class Metadata(StrEnum):
    """What a template can print beside parameters, under Go's names for it."""

    TRIAL = "Trial"
    NAMESPACE = "NameSpace"
    EXPERIMENT = "Experiment"


@dataclass(frozen=True, slots=True)
class Unknown:
    """One thing that only a trial knows. Without a `reference` its placeholder needs no trial parameter."""

    what: str
    placeholder: str
    name: str = ""
    reference: str = ""
    when: str = "not known before the trial"


_METADATA: Final = {
    Metadata.TRIAL: Unknown("the name of the trial", "${trial.name}", "trialName", "${trialSpec.Name}"),
    Metadata.NAMESPACE: Unknown(
        "the namespace of the trial", "${trial.namespace}", "trialNamespace", "${trialSpec.Namespace}"
    ),
    Metadata.EXPERIMENT: Unknown(
        "the name of the experiment", "${experiment.name}", when="filled in later, with the trial's own values"
    ),
}


@dataclass(slots=True)
class TrialText:
    """The data of one template, from the names of the search parameters.

    With `parameters` None, there is no such thing as a value in the template, and no placeholder needs a declaration.
    `unknowns` are all that there can be marks of; a mark is its number there, between two characters. `used` are, after
    `find_used`, what the manifest has placeholders of that need a declaration.
    """

    parameters: Sequence[str] | None
    values: list[Unknown] = field(default_factory=list)
    metadata: dict[Metadata, Unknown] = field(default_factory=dict)
    unknowns: list[Unknown] = field(default_factory=list)
    used: list[Unknown] = field(default_factory=list)
    _begin: str = "\ue000"
    _end: str = "\ue001"

    def __post_init__(self) -> None:
        names: set[str] = set()
        for parameter in self.parameters or ():
            name = re.sub(r"[{}]", "_", plain_name(parameter))
            self.values.append(_declared(Unknown(f"the value of {parameter}", "", name, parameter), names))
        for key, direct in _METADATA.items():
            # Katib has no direct placeholders: where there are declarations anyway, these are declared as well.
            self.metadata[key] = (
                _declared(direct, names) if self.parameters is not None and direct.reference else direct
            )
        self.unknowns = [*self.values, *self.metadata.values()]

    def choose_marks(self, text: str) -> None:
        """Take characters for the marks that neither the template nor a name has."""
        taken = set(text).union(*(self.parameters or ()))
        free = (character for code in _PRIVATE_USE if (character := chr(code)) not in taken)
        self._begin, self._end = next(free, self._begin), next(free, self._end)

    @property
    def prints_values(self) -> bool:
        """Whether, after `find_used`, there is any value of a parameter in the manifest."""
        return any(unknown not in self.metadata.values() for unknown in self.used)

    def record(self) -> Record:
        """The dot of the template."""
        marks = [f"{self._begin}{number}{self._end}" for number in range(len(self.unknowns))]
        values = [
            Record("a hyperparameter", {"Name": value.reference, "Value": Opaque(mark, value.what)})
            for value, mark in zip(self.values, marks, strict=False)
        ]
        fields: dict[str, Opaque | tuple[Record, ...]] = {
            key.value: Opaque(mark, unknown.what, never_empty=True, when=unknown.when)
            for (key, unknown), mark in zip(self.metadata.items(), marks[len(values) :], strict=True)
        }
        if self.parameters is not None:
            fields["HyperParameters"] = tuple(values)
        return Record("the trial", fields)

    def shown(self, text: str) -> str:
        """The text with placeholders for marks, also where it quotes a mark as Python does."""
        if self._begin not in text and "\\" not in text:
            return text
        begin, end = (f"(?:{c}|{re.escape(repr(c)[1:-1])})" for c in (self._begin, self._end))

        def placeholder(mark: re.Match[str]) -> str:
            # An escape in a literal of the template can spell the characters, and so what looks like a mark.
            number = int(mark[1])
            return self.unknowns[number].placeholder if number < len(self.unknowns) else mark[0]

        return re.sub(f"{begin}([0-9]{{1,6}}){end}", placeholder, text)

    def follows(self, text: str, before: str) -> bool:
        """Whether a mark stands right behind this in the text."""
        return before + self._begin in text

    def substitute(self, manifest: Node) -> None:
        """Placeholders for marks, in every text and key."""
        for _, node in list(manifest.walk()):
            if isinstance(node.content, str):
                node.content = self.shown(node.content)
            elif isinstance(node.content, dict):
                node.content = {self.shown(key): entry for key, entry in node.content.items()}

    def find_used(self, manifest: Node) -> None:
        """Fill in `used`."""
        texts = (text for _, node in manifest.walk() for text in (node.string, *node.fields))
        found = {placeholder for text in texts for placeholder in _PLACEHOLDER.findall(text)}
        self.used = [unknown for unknown in self.unknowns if unknown.reference and unknown.placeholder in found]


def _declared(unknown: Unknown, taken: set[str]) -> Unknown:
    name = _unique(unknown.name, taken)
    return replace(unknown, name=name, placeholder=f"${{trialParameters.{name}}}")


def _unique(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken; from then on it is."""
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    taken.add(unique)
    return unique
