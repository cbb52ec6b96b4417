"""What the trial parameters of a template declare, and every rule about declaring them.

Katib's rules 17 and 18, and what Katib finds out too late or never: metadata references that fail once a trial is
made, and search parameters that no trial parameter passes on.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeGuard

from trialmill.api.experiment import TrialParameter, TrialTemplate
from trialmill.api.fields import FieldType
from trialmill.api.problem import Problems
from trialmill.api.space import Dimension, Space, Value
from trialmill.api.tree import Json, Path, get_list, get_object, get_string
from trialmill.template.compiled import VALUES, Derived, Ref, RefKind
from trialmill.template.corners import describe, read_default
from trialmill.template.expressions import ExpressionError, derive, names_in
from trialmill.template.placeholders import parse
from trialmill.template.spelling import did_you_mean

CASTS: Final = {
    "string": FieldType.STRING,
    "integer": FieldType.INTEGER,
    "number": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "json": FieldType.ANY,
}
_ENCODINGS: Final = {"json": RefKind.AS_JSON, "shell": RefKind.AS_SHELL}
_SCALARS: Final = {
    "Name": RefKind.NAME,
    "Namespace": RefKind.NAMESPACE,
    "Kind": RefKind.KIND,
    "APIVersion": RefKind.API_VERSION,
}
_MAPS: Final = {"Labels": RefKind.LABEL, "Annotations": RefKind.ANNOTATION}
_META: Final = re.compile(r"\$\{trialSpec\.([^{}]*)\}")
_INDEXED: Final = re.compile(r"([^\[]+)\[(.+)\]")


@dataclass(frozen=True, slots=True)
class Declared:
    """One trial parameter. `ref` is None when its reference was wrong, which has been reported."""

    name: str
    ref: Ref | None
    cast: FieldType | None
    place: Path


@dataclass(frozen=True, slots=True)
class OwnTexts:
    """Labels and annotations that the template itself has and that hold no placeholder."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def own_texts(trial_spec: Json) -> OwnTexts:
    return OwnTexts(_literals(trial_spec, "labels"), _literals(trial_spec, "annotations"))


def _literals(trial_spec: Json, name: str) -> dict[str, str]:
    """Without those under keys that are not literal either."""
    literals = {}
    for key, value in get_object(trial_spec, "metadata", name).items():
        if isinstance(value, str) and (text := parse(value)).is_literal and (plain_key := parse(key)).is_literal:
            literals[plain_key.literal] = text.literal
    return literals


def declare(
    template: TrialTemplate, parameter_names: Collection[str], own: OwnTexts, problems: Problems, base: Path
) -> dict[str, Declared]:
    """The trial parameters by name, reporting what is wrong with them; of two with one name the first counts."""
    declarations = _Declarations(parameter_names, template.trial_spec, own, problems, {}, {})
    for i, parameter in enumerate(template.trial_parameters):
        declarations.add(parameter, (*base, "trialParameters", i))
    return declarations.by_name


@dataclass(slots=True)
class _Declarations:
    parameter_names: Collection[str]
    trial_spec: Json
    own: OwnTexts
    problems: Problems
    by_name: dict[str, Declared]
    name_by_reference: dict[tuple[str, str, str], str]
    """By reference, `as` and `encode`: one value may be wanted in several spellings."""

    def add(self, parameter: TrialParameter, place: Path) -> None:
        named = self._check_name(parameter.name, (*place, "name"))
        ref = self._reference(parameter, (*place, "reference"))
        cast = self._cast(parameter.cast, (*place, "as"))
        if named:
            self.by_name[parameter.name] = Declared(parameter.name, ref, cast, place)

    def _check_name(self, name: str, place: Path) -> bool:
        if not name:
            self.problems.add("required", "a trial parameter needs a name", place)
        elif set(name) & set("{}"):
            self.problems.add("invalid-name", "the name of a trial parameter cannot hold braces", place, found=name)
        elif name in self.by_name:
            self.problems.add("duplicate-name", f"two trial parameters are named {name}", place, found=name)
        else:
            return True
        return False

    def _reference(self, parameter: TrialParameter, place: Path) -> Ref | None:
        reference = parameter.reference
        if parameter.value:
            if reference:
                message = "a trial parameter has a reference, or a value of its own"
                self.problems.add("both-fields", message, place, found=reference, remedy="remove one of the two")
            return Ref(_ENCODINGS.get(parameter.encode, RefKind.PARAMETER), parameter.name, derived=True)
        if not reference:
            self.problems.add(
                "required", "a trial parameter needs a reference", place, remedy="name the search parameter"
            )
            return None
        spelling = (reference, parameter.cast, parameter.encode)
        if first := self.name_by_reference.get(spelling):
            self.problems.add(
                "duplicate-reference",
                f"trial parameters {first} and {parameter.name} have the same reference",
                place,
                found=reference,
                remedy=f"use ${{trialParameters.{first}}} wherever the value is wanted",
            )
            return None
        self.name_by_reference[spelling] = parameter.name
        if "${trialSpec." in reference:
            return self._metadata(reference, place)
        if self.parameter_names and reference not in self.parameter_names:
            self._report_unknown(reference, place)
            return None
        return Ref(_ENCODINGS.get(parameter.encode, RefKind.PARAMETER), reference)

    def _report_unknown(self, reference: str, place: Path) -> None:
        pieces = parse(reference).pieces
        direct = len(pieces) == 1 and isinstance(pieces[0], Ref)
        remedy = (
            f"write {reference} in the template itself, it needs no trial parameter"
            if direct
            else did_you_mean(reference, self.parameter_names)
        )
        message = f"the experiment has no parameter {reference}"
        self.problems.add("unknown-reference", message, place, found=reference, remedy=remedy)

    def _metadata(self, reference: str, place: Path) -> Ref | None:
        """Katib searches for the metadata in the reference and drops the text around it; here that is an error."""
        whole = _META.fullmatch(reference)
        if not whole:
            self.problems.add(
                "invalid-metadata-reference",
                "a reference to trial metadata stands alone; Katib drops the text around it without a word",
                place,
                found=reference,
                expected="${trialSpec.Name}",
                remedy="put the text around the placeholder in the template",
            )
            return None
        indexed = _INDEXED.fullmatch(whole[1])
        key, index = (indexed[1], indexed[2]) if indexed else (whole[1], "")
        if key in _SCALARS:
            if index:
                self.problems.warn("ignored-index", f"{key} is one value, [{index}] has no meaning", place)
            return Ref(_SCALARS[key])
        if key in _MAPS:
            return self._own_text(key, index, place)
        self.problems.add(
            "invalid-metadata-reference",
            f"trials have no metadata {key}",
            place,
            found=reference,
            remedy=did_you_mean(key, (*_SCALARS, *_MAPS)),
        )
        return None

    def _own_text(self, key: str, index: str, place: Path) -> Ref | None:
        field = key.lower()
        texts = self.own.labels if key == "Labels" else self.own.annotations
        if index in texts:
            return Ref(_MAPS[key], index)
        if not index:
            message, remedy = f"{key} needs the key of one entry", f"write ${{trialSpec.{key}[KEY]}}"
        elif index in get_object(self.trial_spec, "metadata", field):
            message, remedy = f"metadata.{field} has {index}, but not as plain text", "use its value directly"
        else:
            message = f"the template has no {field[:-1]} {index}"
            remedy = did_you_mean(index, texts) or f"add it to metadata.{field} of trialSpec"
        self.problems.add("invalid-metadata-reference", message, place, found=index, remedy=remedy)
        return None

    def _cast(self, word: str, place: Path) -> FieldType | None:
        if word and word not in CASTS:
            self.problems.add(
                "invalid-as",
                f"{word} is no type of a placeholder",
                place,
                found=word,
                expected=", ".join(CASTS),
                remedy=did_you_mean(word, CASTS),
            )
        return CASTS.get(word)


def derive_values(
    template: TrialTemplate, dimensions: Mapping[str, Dimension], problems: Problems, base: Path
) -> dict[str, Derived]:
    """The expressions of trial parameters, by name; what is wrong with them is reported."""
    found: dict[str, Derived] = {}
    for i, parameter in enumerate(template.trial_parameters):
        if not parameter.value:
            continue
        try:
            found[parameter.name] = derive(parameter.name, parameter.value, dimensions)
        except ExpressionError as error:
            place = (*base, "trialParameters", i, "value")
            problems.add("invalid-expression", error.message, place, found=parameter.value, remedy=error.remedy)
    return found


def with_absence(
    declared: Mapping[str, Declared], template: TrialTemplate, space: Space, derived: Mapping[str, Derived]
) -> dict[str, Declared]:
    """The declarations, with what becomes of them in trials where a parameter is inactive."""
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    defaults = {p.name: p.default for p in template.trial_parameters if p.default is not None}
    result = dict(declared)
    for name, parameter in declared.items():
        ref = parameter.ref
        if ref is None or ref.kind not in VALUES:
            continue
        expression = derived.get(name) if ref.derived else None
        needed = {each for each, _ in expression.variables} if expression else {ref.key}
        if space.conditional & needed:
            default = defaults.get(name)
            plain = default if _is_plain(default) else None
            value = plain if ref.derived else read_default(dimensions[ref.key], plain)
            result[name] = replace(parameter, ref=replace(ref, optional=True, default=value))
    return result


def _is_plain(default: Json) -> TypeGuard[Value]:
    """Whether it is a value that a placeholder can take: a text, a boolean, a finite number."""
    return isinstance(default, bool | int | str) or (isinstance(default, float) and math.isfinite(default))


def check_use(
    declared: Mapping[str, Declared],
    used: Collection[str],
    left_out: Mapping[str, str],
    template: TrialTemplate,
    problems: Problems,
) -> None:
    """Each trial parameter must be in the template (Katib: rule 17), and each value where a trial can see it.

    `left_out` has the trial parameters that stand in metadata which Trialmill owns, with the path of that.
    """
    reached = _reached(declared, used, template)
    for name, parameter in declared.items():
        place = left_out.get(name)
        if name in used or (place and not _is_lost(parameter, reached)):
            continue
        message = f"the template does not use ${{trialParameters.{name}}}"
        remedy = "use it or remove the trial parameter"
        if place:
            message = f"${{trialParameters.{name}}} stands only in {place}, so trials would never see its value"
            remedy = f"use it elsewhere, or remove the trial parameter and ${{trialParameters.{name}}}"
        problems.add("unused-trial-parameter", message, (*parameter.place, "name"), found=name, remedy=remedy)


def _is_lost(parameter: Declared, reached: Collection[str]) -> bool:
    """Whether it stands for a value of the search that gets nowhere. Metadata of the trial may."""
    ref = parameter.ref
    return ref is not None and ref.kind in VALUES and ref.key not in reached


def _reached(declared: Mapping[str, Declared], used: Collection[str], template: TrialTemplate) -> set[str]:
    """The search parameters whose values, or what is computed from them, get into the resources."""
    refs = [ref for name, parameter in declared.items() if name in used and (ref := parameter.ref) is not None]
    reached = {ref.key for ref in refs if not ref.derived}
    computed = {ref.key for ref in refs if ref.derived}
    references = {p.reference for p in template.trial_parameters if p.reference}
    values = [p.value for p in template.trial_parameters if p.value and p.name in computed]
    return reached.union(*(names_in(value, references) for value in values))


def check_passed_on(template: TrialTemplate, parameter_names: Collection[str], problems: Problems, base: Path) -> None:
    """Each search parameter needs a trial parameter: with Katib the experiment would wait for ever."""
    referenced = {p.reference for p in template.trial_parameters}
    referenced |= {name for p in template.trial_parameters if p.value for name in names_in(p.value, parameter_names)}
    places = _parameter_places(problems, base[:-1])
    for name in parameter_names:
        if name not in referenced:
            problems.add(
                "unused-parameter",
                f"no trial parameter refers to parameter {name}, so trials would never see its value",
                places.get(name, (*base[:-1], "parameters")),
                found=name,
                remedy=f"add a trial parameter with reference {name}, or remove the parameter",
            )


def check_defaults(
    template: TrialTemplate, dimensions: Mapping[str, Dimension], problems: Problems, base: Path
) -> None:
    """Each default must be a value that its search parameter could have, its range aside."""
    for i, parameter in enumerate(template.trial_parameters):
        if parameter.value and parameter.default is not None and not _is_plain(parameter.default):
            message = "the default of a derived value is a text, a number or a boolean"
            problems.add("default-does-not-fit", message, (*base, "trialParameters", i, "default"))
        dimension = dimensions.get(parameter.reference)
        if dimension and parameter.default is not None and read_default(dimension, parameter.default) is None:
            problems.add(
                "default-does-not-fit",
                f"parameter {dimension.name} is {describe(dimension)}, but the default is {parameter.default!r}",
                (*base, "trialParameters", i, "default"),
                found=str(parameter.default),
            )


def _parameter_places(problems: Problems, spec: Path) -> dict[str, Path]:
    """Where the name of each search parameter stands, the first of those that are there twice."""
    listed = get_list(problems.document.tree, *spec, "parameters") if problems.document else []
    names = [(get_string(entry, "name"), position) for position, entry in enumerate(listed)]
    return {name: (*spec, "parameters", position, "name") for name, position in reversed(names)}
