"""Trials as they would be: the template rendered at the corners of the space, checked and lowered.

What a value makes of a manifest shows only here: a Job of no pods, a request for memory above its limit.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from trialmill.api.experiment import Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problem, Problems
from trialmill.api.space import Categorical, Discrete, Space, Value, format_value
from trialmill.api.tree import JsonObject, Path, format_path, get_string
from trialmill.check.hydration import in_what_was_made
from trialmill.check.manifest import ManifestCheck
from trialmill.check.places import MANIFEST, TEMPLATE, is_inside, is_refusal, texts_with
from trialmill.check.rehearsal import check_rehearsal
from trialmill.check.restarts import check_restarts
from trialmill.check.words import check_words
from trialmill.kinds.lowering import lower
from trialmill.kinds.profile import profile_of
from trialmill.kinds.schema import BUILT_IN
from trialmill.kinds.verdict import Policy
from trialmill.template.compiled import CompiledTemplate, Derived, TrialContext
from trialmill.template.corners import Corner, corner
from trialmill.template.expressions import ExpressionError, derive, evaluate
from trialmill.template.hydration import PLACE, Hydrate, HydrationError, hydrated
from trialmill.template.render import RenderError, render_parts

_PARTS: Path = (*TEMPLATE, "additionalResources")
_MOST_ROWS: Final = 24
"""Of a longer list only so many values are tried, to stay within a moment."""
_MOST_CONDITIONAL: Final = 24
"""The same for conditional parameters."""
MOST_HYDRATED: Final = 6
"""The same for trials that a function or command makes: each costs the start of a process."""
_SHOWN_VALUES: Final = 4
_LONGEST_QUOTE: Final = 60
_Found: TypeAlias = dict[tuple[str, str], list[tuple[Problem, Mapping[str, Value]]]]
"""By code and path: the problem, as each trial has it, with the trial's values."""


@dataclass(frozen=True, slots=True)
class SampleTrials:
    """What sample trials are made of."""

    experiment: Experiment
    companions: Sequence[JsonObject]
    policy: Policy
    template: CompiledTemplate
    hydrate: Hydrate | None = None
    on_cluster: bool = False
    schema: SchemaSource = BUILT_IN

    def resource(self, assignments: Mapping[str, Value]) -> JsonObject:
        """The resource of a trial. Raises RenderError."""
        return hydrated(self.template, self._context(assignments), self.hydrate)

    def parts(self, assignments: Mapping[str, Value]) -> tuple[JsonObject, ...]:
        """What is made with the resource, which may refer to it as to the companions. Raises RenderError."""
        return render_parts(self.template, self._context(assignments))

    def _context(self, assignments: Mapping[str, Value]) -> TrialContext:
        experiment = self.experiment
        name = f"{experiment.name}-00000000"
        return TrialContext(assignments, name, experiment.namespace, 0, 0, experiment.name, experiment.labels)


def check_corners(trials: SampleTrials, space: Space, explained: Collection[Path], problems: Problems) -> None:
    """Report what is wrong with any of the rendered trials: each problem once, with values that show it.

    `explained` are the places in the manifest of fields that are there under a misspelt name.
    """
    rows = list(corners(space))[: None if trials.hydrate is None else MOST_HYDRATED]
    found: _Found = {}
    for assignments in rows:
        report = Problems(problems.document)
        _check_trial(trials, assignments, report)
        _collect(report, assignments, found)
        if any(problem.code == "hydrate-failed" for problem in report):
            break  # it may take its time, and each further call as long
    silent = _silent_places(explained, problems)
    for cases in found.values():
        problem = cases[0][0]
        if not any(is_inside(problem.path, place) for place in silent):
            problem = _with_example(cases, len(rows))
            problems.found.append(problem if trials.hydrate is None else in_what_was_made(problem, problems))
    if not any(is_refusal(cases[0][0]) for cases in found.values()):
        _rehearse(trials, rows[0], problems)


def _rehearse(trials: SampleTrials, assignments: Mapping[str, Value], problems: Problems) -> None:
    resource = trials.resource(assignments)
    if not _runs_here(resource):
        return
    workload = lower(resource, (*trials.companions, *trials.parts(assignments)), Problems(), MANIFEST)
    if workload is not None:
        check_rehearsal(resource, workload, trials.policy, problems)


def check_unrendered(
    experiment: Experiment,
    companions: Sequence[JsonObject],
    policy: Policy,
    explained: Collection[Path],
    problems: Problems,
    *,
    on_cluster: bool = False,
) -> None:
    """Where other errors keep trials from being rendered: what the manifest has wrong apart from its placeholders."""
    manifest = experiment.spec.template.trial_spec
    if not isinstance(manifest, dict):
        return
    report = Problems(problems.document)
    check_restarts(manifest, policy, report, on_cluster=on_cluster)
    if _runs_here(manifest) and not on_cluster:
        said = list(report)
        lowered = Problems(problems.document)
        lower(manifest, companions, lowered, MANIFEST)
        report.found += [p for p in lowered if not any(_says_the_same(p, known) for known in said)]
    silent = _silent_places(explained, problems)
    open_places = [format_path((*MANIFEST, *path)) for path, _ in texts_with(manifest, "${")]
    for problem in report:
        is_open = any(is_inside(place, problem.path) for place in open_places)
        is_said = any(is_inside(problem.path, place) for place in silent)
        if not is_open and not is_said and not any(_says_the_same(problem, p) for p in problems if is_refusal(p)):
            problems.found.append(replace(problem, message=problem.message.removesuffix(".")))


def check_expressions(experiment: Experiment, space: Space, problems: Problems) -> None:
    """Where other errors keep trials from being rendered: what the expressions of trial parameters have wrong."""
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    expressions: list[Derived] = []
    for parameter in experiment.spec.template.trial_parameters:
        try:
            expressions += [derive(parameter.name, parameter.value, dimensions)] if parameter.value else []
        except ExpressionError:
            continue  # reported where the template was compiled
    found: _Found = {}
    rows = list(corners(space)) if expressions else []
    for assignments in rows:
        report = Problems(problems.document)
        _check_derived(experiment, expressions, assignments, report)
        _collect(report, assignments, found)
    problems.found += [_with_example(cases, len(rows)) for cases in found.values()]


def _collect(report: Problems, assignments: Mapping[str, Value], found: _Found) -> None:
    """Add what one trial has wrong to what others have."""
    for key, problem in {(p.code, p.path): p for p in report}.items():
        found.setdefault(key, []).append((problem, assignments))


def _with_example(cases: Sequence[tuple[Problem, Mapping[str, Value]]], rows: int) -> Problem:
    """One problem for all trials that have it, with the values of one where others of the `rows` have it not."""
    problem, assignments = cases[0]
    example = f" ({shown(assignments)})" if len(cases) < rows else ""
    return replace(problem, message=problem.message.removesuffix(".") + example)


def _silent_places(explained: Collection[Path], problems: Problems) -> set[str]:
    """Where nothing more needs to be said."""
    return {format_path((*MANIFEST, *path)) for path in explained} | {p.path for p in problems if is_refusal(p)}


def corners(space: Space) -> Iterator[Mapping[str, Value]]:
    """All minima, all maxima, each listed value at least once, and each conditional parameter both active and inactive,
    in as few assignments as that takes. Without the values of inactive parameters.
    """
    found: list[dict[str, Value]] = []
    for row in _rows(space):
        active = space.active(row)
        if active not in found:
            found.append(active)
            yield active


def _rows(space: Space) -> Iterator[dict[str, Value]]:
    ends = corner(space, Corner.MIN), corner(space, Corner.MAX)
    yield from ends
    for name in sorted(space.conditional, key=space.names.index)[:_MOST_CONDITIONAL]:
        yield from (_made_active(space, end, name) for end in ends)
        yield from _made_inactive(space, ends[0], name)
    listed = {d.name: _values(d) for d in space.dimensions if isinstance(d, Categorical | Discrete)}
    longest = max((len(values) for values in listed.values()), default=0)
    for number in range(min(longest, _MOST_ROWS)):
        yield ends[number % 2] | {name: values[number % len(values)] for name, values in listed.items()}


def _made_active(space: Space, row: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The row, changed so that all conditions on the parameter hold, and those on the parameters in them."""
    changed = dict(row)
    waiting, seen = [name], {name}
    allowed: dict[str, list[Value]] = {}
    while waiting:
        subject = waiting.pop()
        for condition in (c for c in space.conditions if c.parameter == subject):
            values = allowed.get(condition.on, condition.values)
            allowed[condition.on] = [value for value in values if value in condition.values]
            if condition.on not in seen:
                seen.add(condition.on)
                waiting.append(condition.on)
    for on, values in allowed.items():
        if values and changed[on] not in values:
            changed[on] = values[0]
    return changed


def _made_inactive(space: Space, row: Mapping[str, Value], name: str) -> Iterator[dict[str, Value]]:
    """The row with another value of what the parameter depends on, one for each condition that can fail."""
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    for condition in space.conditions:
        if condition.parameter == name:
            dimension = dimensions[condition.on]
            listed = _values(dimension) if isinstance(dimension, Categorical | Discrete) else ()
            ends = (corner(space, which)[condition.on] for which in Corner)
            other = next((value for value in (*listed, *ends) if value not in condition.values), None)
            if other is not None:
                yield _made_active(space, row, condition.on) | {condition.on: other}


def _values(dimension: Categorical | Discrete) -> tuple[str, ...]:
    return dimension.choices if isinstance(dimension, Categorical) else dimension.values


def _check_trial(trials: SampleTrials, assignments: Mapping[str, Value], report: Problems) -> None:
    if _check_derived(trials.experiment, trials.template.derived, assignments, report):
        return
    try:
        resource = trials.resource(assignments)
    except HydrationError as error:
        report.add("hydrate-failed", error.message, PLACE)
        return
    except RenderError as error:
        report.add("cannot-render", error.message, (*MANIFEST, *error.path))
        return
    try:
        parts = trials.parts(assignments)
    except RenderError as error:
        report.add("cannot-render", error.message, (*_PARTS, *error.path))
        return
    ManifestCheck(trials.schema, report, MANIFEST).run(resource)
    for position, part in enumerate(parts):
        ManifestCheck(trials.schema, report, (*_PARTS, position)).run(part)
    check_words(resource, report)
    check_restarts(resource, trials.policy, report, on_cluster=trials.on_cluster)
    if trials.on_cluster or not _runs_here(resource):
        return
    refused = [p for p in report if is_refusal(p)]
    lowered = Problems(report.document)
    lower(resource, (*trials.companions, *parts), lowered, MANIFEST)
    report.found += [p for p in lowered if not any(_says_the_same(p, known) for known in refused)]


def _check_derived(
    experiment: Experiment, expressions: Sequence[Derived], assignments: Mapping[str, Value], report: Problems
) -> bool:
    """Whether an expression has no value; reported where it is written, not where it is used."""
    declared = [parameter.name for parameter in experiment.spec.template.trial_parameters]
    has_failed = False
    for derived in expressions:
        if all(name in assignments for name, _ in derived.variables):
            try:
                evaluate(derived, assignments)
            except ExpressionError as error:
                place = (*TEMPLATE, "trialParameters", declared.index(derived.name), "value")
                report.add("expression-fails", f"{derived.name} has no value: {error}", place, found=derived.text)
                has_failed = True
    return has_failed


def _runs_here(manifest: JsonObject) -> bool:
    """Whether it is of a kind that runs on this machine, in a version that is known."""
    api_version, kind = get_string(manifest, "apiVersion"), get_string(manifest, "kind")
    profile = profile_of(api_version, kind)
    return profile is not None and profile.runs_here and api_version.rpartition("/")[2] in profile.versions


def _says_the_same(later: Problem, known: Problem) -> bool:
    """Whether a problem follows from one with the schema: in the same place, or for want of the same field."""
    return is_inside(later.path, known.path) or (known.code == "required" and later.path == _parent(known.path))


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def shown(assignments: Mapping[str, Value]) -> str:
    """The values with which a trial has a problem that others have not, for its message."""
    texts = [f"{name}={_shortened(format_value(value))}" for name, value in assignments.items()]
    more = ", ..." if len(texts) > _SHOWN_VALUES else ""
    return f"for example with {', '.join(texts[:_SHOWN_VALUES])}{more}"


def _shortened(text: str) -> str:
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "..."
