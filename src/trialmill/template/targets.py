"""Which type a placeholder that is a whole scalar takes on, and whether its parameter's values can have it.

The schema of the field speaks first, then `as` on the trial parameter, and without either the value is a string, as
in Katib.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trialmill.api.fields import FieldType, SchemaSource
from trialmill.api.problem import Problems
from trialmill.api.space import Categorical, Dimension, Discrete, Double, Integer, Value, format_value
from trialmill.api.tree import Path, format_path
from trialmill.template.compiled import Ref, RefKind
from trialmill.template.conversion import DESCRIPTIONS, ConversionError, convert
from trialmill.template.corners import describe
from trialmill.template.declarations import Declared

_STRUCTURED: Final = (FieldType.OBJECT, FieldType.MAP, FieldType.LIST)
_NARROWED: Final = {
    (FieldType.INT_OR_STRING, FieldType.STRING): FieldType.STRING,
    (FieldType.INT_OR_STRING, FieldType.INTEGER): FieldType.INTEGER,
    (FieldType.NUMBER, FieldType.INTEGER): FieldType.INTEGER,
    # A quantity is text here and may be written as a number: all of these are the same to Kubernetes.
    (FieldType.QUANTITY, FieldType.STRING): FieldType.QUANTITY,
    (FieldType.QUANTITY, FieldType.INTEGER): FieldType.QUANTITY,
    (FieldType.QUANTITY, FieldType.NUMBER): FieldType.QUANTITY,
}
"""(field, as) where both are right: what the value becomes."""
_SAMPLES: Final[Mapping[RefKind, Value]] = {
    RefKind.NAME: "trial-name",
    RefKind.EXPERIMENT: "experiment-name",
    RefKind.KIND: "Kind",
    RefKind.API_VERSION: "group/v1",
    RefKind.INDEX: 0,
    RefKind.SEED: 0,
}
"""Metadata whose type is certain; the text of a namespace or a label could be anything."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Types the slots of one template."""

    schema: SchemaSource
    api_version: str
    kind: str
    dimensions: Mapping[str, Dimension]
    problems: Problems

    def target(self, path: Path, ref: Ref, declared: Declared | None, place: Path) -> FieldType:
        """The type for the slot at `path`; reports what the value can never become, and where the type is a guess."""
        target = self._target(path, declared, place)
        self._check_fit(path, target, ref, declared, place)
        return target

    def _target(self, path: Path, declared: Declared | None, place: Path) -> FieldType:
        cast = declared.cast if declared else None
        known = bool(self.kind) and self.schema.knows(self.api_version, self.kind)
        field = self.schema.field(self.api_version, self.kind, path) if known else None
        if field is None or field.type is FieldType.ANY:
            if not known and cast is None and self.kind and declared:
                self._note_untyped(path, declared, place)
            return cast or FieldType.STRING
        return self._agreed(field.type, cast, path, declared, place)

    def _agreed(
        self, field: FieldType, cast: FieldType | None, path: Path, declared: Declared | None, place: Path
    ) -> FieldType:
        if cast in (None, field):
            return field
        if narrowed := _NARROWED.get((field, cast)):
            return narrowed
        if (cast is not FieldType.ANY or field not in _STRUCTURED) and declared:
            self.problems.warn(
                "contradicting-as",
                f"{format_path(path)} takes {DESCRIPTIONS[field]}, so the `as` of {declared.name} has no effect here",
                place,
                remedy="remove `as`: the type of this field is known",
            )
        return field

    def _note_untyped(self, path: Path, declared: Declared, place: Path) -> None:
        self.problems.note(
            "untyped-field",
            f"the fields of {self.kind} are not known, so {format_path(path)} gets a string",
            place,
            remedy=f"if it takes something else, say so with `as` on trial parameter {declared.name}",
        )

    def _check_fit(self, path: Path, target: FieldType, ref: Ref, declared: Declared | None, place: Path) -> None:
        if target in _STRUCTURED and (declared is None or declared.cast is not FieldType.ANY):
            self.problems.add(
                "value-does-not-fit",
                f"{format_path(path)} takes {DESCRIPTIONS[target]}",
                place,
                expected=DESCRIPTIONS[target],
                remedy="use a categorical parameter whose values are JSON, with `as: json` on the trial parameter",
            )
            return
        what, misfit = self._misfit(ref, target)
        if misfit:
            self.problems.add(
                "value-does-not-fit",
                f"{what}, but {format_path(path)} takes {DESCRIPTIONS[target]}",
                place,
                found=misfit,
                expected=DESCRIPTIONS[target],
            )

    def _misfit(self, ref: Ref, target: FieldType) -> tuple[str, str]:
        """What stands behind the placeholder, and a value of it that the target cannot take; empty where all can."""
        if ref.kind is not RefKind.PARAMETER:
            sample = _SAMPLES.get(ref.kind, "")
            misfit = ref.kind in _SAMPLES and not _fits(sample, target)
            return f"the trial's {ref.kind} is {'an integer' if sample == 0 else 'text'}", str(sample) if misfit else ""
        dimension = None if ref.derived else self.dimensions.get(ref.key)
        if dimension is None:
            return "", ""
        return f"parameter {ref.key} is {describe(dimension)}", first_misfit(dimension, target)


def first_misfit(dimension: Dimension, target: FieldType) -> str:
    """A value of the dimension that a field of this type cannot take, as text; empty when every value fits."""
    if isinstance(dimension, Double) and target is FieldType.INTEGER and not _is_whole(dimension):
        return f"{dimension.low:g} to {dimension.high:g}"
    values: tuple[Value, ...]
    match dimension:
        case Double(low=low, high=high) | Integer(low=low, high=high):
            values = (low, high)
        case Discrete(values=texts) | Categorical(choices=texts):
            values = texts
    return next((format_value(v) for v in values if not _fits(v, target)), "")


def _is_whole(dimension: Double) -> bool:
    """Whether every value of the dimension is a whole number."""
    low, width, step = float(dimension.low), dimension.high - dimension.low, dimension.step
    has_one_value = width == 0 or (step is not None and step > width)
    return low.is_integer() and (has_one_value or (step is not None and float(step).is_integer()))


def _fits(value: Value, target: FieldType) -> bool:
    try:
        convert(value, target)
    except ConversionError:
        return False
    return True
