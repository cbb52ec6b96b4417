"""A small schema and builders for templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trialmill.api.experiment import TrialParameter, TrialTemplate
from trialmill.api.fields import Authority, Field, FieldType, Missing
from trialmill.api.problem import Problems, Severity
from trialmill.api.space import Space, Value
from trialmill.api.tree import Json, JsonObject, Path
from trialmill.template.compile import compile_template
from trialmill.template.compiled import CompiledTemplate, TrialContext


@dataclass(frozen=True)
class FakeSchema:
    """Knows kind Job of batch/v1, with the fields it was given."""

    fields: Mapping[Path, FieldType] = field(default_factory=dict)

    def knows(self, api_version: str, kind: str) -> bool:
        return (api_version, kind) == ("batch/v1", "Job")

    def field(self, api_version: str, kind: str, path: Path) -> Field | None:
        found = self.fields.get(path) if self.knows(api_version, kind) else None
        return Field(found) if found else None

    def authority(self, api_version: str, kind: str) -> Authority:
        return Authority(is_final=True)

    def why_unknown(self, api_version: str, kind: str) -> str:
        return ""

    def missing(self, api_version: str, kind: str) -> Missing | None:
        return None


NO_SCHEMA = FakeSchema()


def job(spec: Json, metadata: JsonObject | None = None, kind: str = "Job") -> JsonObject:
    manifest: JsonObject = {"apiVersion": "batch/v1", "kind": kind}
    if metadata is not None:
        manifest["metadata"] = metadata
    return manifest | {"spec": spec}


def template(trial_spec: Json, *parameters: TrialParameter | tuple[str, str]) -> TrialTemplate:
    declared = tuple(p if isinstance(p, TrialParameter) else TrialParameter(*p) for p in parameters)
    return TrialTemplate(trial_spec, declared)


def compiled(
    trial_spec: Json,
    *parameters: TrialParameter | tuple[str, str],
    schema: FakeSchema = NO_SCHEMA,
    space: Space | None = None,
) -> CompiledTemplate:
    """Compiles without an error, or fails the test."""
    problems = Problems()
    result = compile_template(template(trial_spec, *parameters), (), schema, problems, space=space)
    assert result is not None, [str(p) for p in problems]
    return result


def found(
    trial_spec: Json,
    *parameters: TrialParameter | tuple[str, str],
    names: Sequence[str] = (),
    schema: FakeSchema = NO_SCHEMA,
    space: Space | None = None,
) -> list[tuple[str, str]]:
    """Code and path of all problems but notes; none of them errors if and only if the template compiles."""
    problems = Problems()
    result = compile_template(template(trial_spec, *parameters), names, schema, problems, space=space)
    assert (result is None) == problems.has_errors
    return [(p.code, p.path) for p in problems if p.severity is not Severity.NOTE]


def context(assignments: Mapping[str, Value] | None = None, **labels: str) -> TrialContext:
    return TrialContext(assignments or {}, "exp-7-abc", "team", 7, 4242, "exp", labels)
