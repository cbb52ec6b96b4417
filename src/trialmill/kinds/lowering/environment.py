"""A container's environment: where each variable comes from, and `$(VAR)` references, as the kubelet resolves them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get_string, is_object, kind_name
from trialmill.kinds.lowering.companions import Companions
from trialmill.kinds.lowering.downward import ENVIRONMENT_FIELDS, FieldRef, read_field, read_resource_field
from trialmill.kinds.lowering.listed import read_list
from trialmill.kinds.lowering.naming import PodIdentity
from trialmill.kinds.lowering.resources import ContainerResources

_REFERENCE: Final = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by the variable; unknown names stay as they are, and `$$` is a dollar that starts nothing.

    >>> expand("$(A) $(B) $$(A) $A", {"A": "1"})
    '1 $(B) $(A) $A'
    """
    if "$" not in text:
        return text
    return _REFERENCE.sub(lambda m: "$" if m[1] is None else variables.get(m[1], m[0]), text)


@dataclass(frozen=True, slots=True)
class Variable:
    """One entry of `env`: text with references, text to be taken as it is, or a field of the pod."""

    name: str
    value: str = ""
    expands: bool = False
    field: FieldRef | None = None


def resolve_environment(variables: tuple[Variable, ...], identity: PodIdentity) -> dict[str, str]:
    """Values in the order of declaration. References see what was declared before; a later entry of a name wins."""
    values: dict[str, str] = {}
    for variable in variables:
        if variable.field is not None:
            values[variable.name] = variable.field.value(identity)
        elif variable.expands:
            values[variable.name] = expand(variable.value, values)
        else:
            values[variable.name] = variable.value
    return values


@dataclass(frozen=True, slots=True)
class EnvironmentReader:
    """Reads `envFrom` and `env` of one container."""

    companions: Companions
    resources: Mapping[str, ContainerResources]
    container: str
    problems: Problems

    def read(self, container: JsonObject, path: Path) -> tuple[Variable, ...]:
        found: list[Variable] = []
        for index, source in enumerate(read_list(container, "envFrom", self.problems, path)):
            found += self._from_source(source, (*path, "envFrom", index))
        for index, entry in enumerate(read_list(container, "env", self.problems, path)):
            variable = self._entry(entry, (*path, "env", index))
            if variable is not None:
                found.append(variable)
        return tuple(found)

    def _from_source(self, entry: Json, path: Path) -> list[Variable]:
        prefix = get_string(entry, "prefix")
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = entry.get(field) if is_object(entry) else None
            if is_object(reference):
                optional = reference.get("optional") is True
                source = self.companions.find(
                    kind, get_string(reference, "name"), optional=optional, problems=self.problems, path=(*path, field)
                )
                return [Variable(prefix + k, v) for k, v in source.text.items()] if source else []
        self.problems.add("env-from-malformed", "An entry of envFrom names a configMapRef or a secretRef.", path)
        return []

    def _entry(self, entry: Json, path: Path) -> Variable | None:
        name = get_string(entry, "name")
        if not is_object(entry) or not name or "=" in name:
            self.problems.add("env-name-invalid", "An environment variable needs a name without '='.", path)
            return None
        value = entry.get("value")
        if value is not None and not isinstance(value, str):
            self.problems.add(
                "env-value-not-text",
                f"The value of environment variable {name} is {kind_name(value)}; Kubernetes takes text only.",
                (*path, "value"),
                found=str(value),
                expected="a string",
                remedy="put the value in quotes",
            )
            return None
        if value:
            return Variable(name, value, expands=True)
        source = entry.get("valueFrom")
        return Variable(name) if source is None else self._from(name, source, (*path, "valueFrom"))

    def _from(self, name: str, source: Json, path: Path) -> Variable | None:
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if is_object(reference := _reference(source, field)):
                value = self.companions.key(
                    kind,
                    get_string(reference, "name"),
                    get_string(reference, "key"),
                    optional=reference.get("optional") is True,
                    problems=self.problems,
                    path=(*path, field),
                )
                return None if value is None else Variable(name, value)
        if is_object(reference := _reference(source, "fieldRef")):
            found = read_field(reference, ENVIRONMENT_FIELDS, self.problems, (*path, "fieldRef"))
            return None if found is None else Variable(name, field=found)
        if is_object(reference := _reference(source, "resourceFieldRef")):
            place = (*path, "resourceFieldRef")
            amount = read_resource_field(reference, self.resources, self.container, self.problems, place)
            return None if amount is None else Variable(name, amount)
        self.problems.add(
            "env-source-unknown",
            f"The source of environment variable {name} is none that is known.",
            path,
            expected="configMapKeyRef, secretKeyRef, fieldRef or resourceFieldRef",
        )
        return None


def _reference(source: Json, field: str) -> Json:
    return source.get(field) if is_object(source) else None
