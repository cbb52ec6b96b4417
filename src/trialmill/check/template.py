"""The template: compiled, with what its declarations and its fields have wrong (Katib: rules 16 to 23)."""

import re
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.space import Space
from trialmill.api.tree import Json, Path, format_path, get
from trialmill.check.hydration import is_hydrated
from trialmill.check.manifest import ANY_PLACEHOLDERS, PLACEHOLDERS, ManifestCheck
from trialmill.check.places import MANIFEST, TEMPLATE, has_error_below, is_inside, name_in, texts_with
from trialmill.forms.image_command import is_short
from trialmill.kinds.schema import BUILT_IN
from trialmill.template.compile import check_identity, compile_template
from trialmill.template.compiled import CompiledTemplate

_NAMES: Final = re.compile(r"spec\.parameters(\[\d+\](\.name)?)?")
"""Places where an error leaves the name of a parameter unknown."""
_DECLARATIONS: Path = (*TEMPLATE, "trialParameters")
_MISSED: Final = {"unused-trial-parameter": "undeclared-placeholder", "unused-parameter": "unknown-reference"}
"""What is missed, and the problem that a slip in its name makes elsewhere: one of the two is enough."""
_UNDECLARED: Final = ("unused-parameter", "undeclared-placeholder")
_GO_TEMPLATE: Final = re.compile(r"\{\{-?\s*\.(?:Value|Name|HyperParameters|Trial|NameSpace|Experiment)\b[^{}]*\}\}")
"""What prints something in the Go templates of v1alpha3."""
_LOOKALIKE: Final = re.compile(r"(?:\$?[({]+\s*|\$)trialParameters\.[^\s(){}]+[)}]*")


def is_readable(experiment: Experiment, problems: Problems) -> bool:
    """Whether there is a template in a form that this release can read; if not, that has been reported."""
    if not isinstance(experiment.spec.template.trial_spec, dict):
        return False
    place = format_path(TEMPLATE)
    return not any(p.severity is Severity.UNAVAILABLE and is_inside(p.path, place) for p in problems)


def compile_checked(
    experiment: Experiment, space: Space | None, problems: Problems, schema: SchemaSource = BUILT_IN
) -> tuple[CompiledTemplate | None, set[Path]]:
    """The compiled template, None when it has errors, and the places that a misspelt field explains.

    Of a template that is hydrated only the placeholders are looked at: nobody knows yet what becomes of the rest.
    """
    manifest = experiment.spec.template.trial_spec
    if not isinstance(manifest, dict):
        return None, set()
    names = _parameter_names(experiment, problems)
    report = Problems(problems.document)
    is_whole = not is_hydrated(experiment)
    compiled = compile_template(
        experiment.spec.template, names, schema, report, TEMPLATE, space, passes_all_on=is_whole
    )
    walk = ManifestCheck(schema, report, MANIFEST, openings=PLACEHOLDERS)
    if is_whole:
        walk.run(manifest)
    _check_lookalikes(manifest, report)
    _check_lost(manifest, report)
    causes = _Causes(experiment, problems, report)
    if not causes.declarations_missing and any(p.code in _MISSED.values() for p in report):
        from trialmill.check.slips import blame_definitions  # only mistakes pay for it

        blame_definitions(experiment, report)
    problems.found += [p for p in report if not causes.explain(p)]
    return compiled, walk.explained


def check_unread(tree: Json, problems: Problems, schema: SchemaSource = BUILT_IN) -> None:
    """What is wrong with the manifest of an Experiment whose template cannot be read as a whole."""
    manifest = get(tree, *MANIFEST)
    if isinstance(manifest, dict) and not is_short(manifest):
        for name in ("apiVersion", "kind"):
            check_identity(manifest, name, problems, MANIFEST)
        ManifestCheck(schema, problems, MANIFEST, openings=ANY_PLACEHOLDERS).run(manifest)


def _parameter_names(experiment: Experiment, problems: Problems) -> tuple[str, ...]:
    """Empty, which allows any name, where not all names could be read."""
    if any(_is_about_a_name(p) for p in problems):
        return ()
    return tuple(dict.fromkeys(p.name for p in experiment.spec.parameters))


def _is_about_a_name(problem: Problem) -> bool:
    """Whether a parameter's own name, or parameters as a whole, could not be read."""
    return problem.severity is Severity.ERROR and _NAMES.fullmatch(problem.path) is not None


def _check_lookalikes(manifest: Json, problems: Problems) -> None:
    """`$(trialParameters.lr)` and its like stay in the text as they are; Katib does not see them either."""
    for path, text in texts_with(manifest, "trialParameters."):
        for match in _LOOKALIKE.finditer(text):
            if not match[0].startswith("${trialParameters."):
                name = match[0].partition("trialParameters.")[2].rstrip(")}")
                message = f"{match[0]} stays as it is: placeholders are written with one pair of braces"
                remedy = f"write ${{trialParameters.{name}}}"
                problems.warn("placeholder-lookalike", message, (*MANIFEST, *path), remedy=remedy)


def _check_lost(manifest: Json, problems: Problems) -> None:
    """Where the value of a trial parameter that nothing uses was probably meant to be."""
    unused = [p.found for p in problems if p.code == "unused-trial-parameter"]
    lost = list(unused)
    for name in unused:
        written = f"${{trialParameters.{name}}}"
        for path, _ in texts_with(manifest, f"${written}"):
            message = f"${written} stays text, with one $ less: the first $ takes the placeholder back"
            problems.warn("placeholder-lookalike", message, (*MANIFEST, *path), remedy=f"write {written}")
            lost = [other for other in lost if other != name]
    for path, text in texts_with(manifest, "{{") if lost else ():
        for match in dict.fromkeys(found[0] for found in _GO_TEMPLATE.finditer(text)):
            message = f"{match} stays as it is: a trialSpec is no Go template"
            remedy = f"write ${{trialParameters.{lost[0] if len(lost) == 1 else 'NAME'}}}"
            problems.warn("placeholder-lookalike", message, (*MANIFEST, *path), remedy=remedy)


class _Causes:
    """Knows what was reported already, and so which further problems only follow from it."""

    def __init__(self, experiment: Experiment, problems: Problems, report: Problems) -> None:
        self.known = {p.path for p in problems if p.code in ("wrong-type", "required", "unknown-value")}
        self.report = report
        self.seen: set[tuple[str, str, str]] = set()
        self.declarations_missing = has_error_below(problems, _DECLARATIONS)
        self.kind_is_wrong = any(problems.has_error_at((*MANIFEST, name)) for name in ("apiVersion", "kind"))
        has_declarations = experiment.spec.template.trial_parameters or is_hydrated(experiment)
        if not has_declarations and experiment.spec.parameters:
            self._report_no_declarations(problems)

    def explain(self, problem: Problem) -> bool:
        """Whether the problem says nothing new."""
        identity = (problem.code, problem.path, problem.found)
        if problem.path in self.known or identity in self.seen:
            return True
        if problem.code == "untyped-field" and self.kind_is_wrong:
            return True
        if problem.code == "unused-trial-parameter" and any(p.code == "unclosed-placeholder" for p in self.report):
            return True  # nobody knows which one the open placeholder was to be
        self.seen.add(identity)
        if self.declarations_missing and problem.code in _UNDECLARED:
            return True
        slips = [name_in(p.found) for p in self.report if p.code == _MISSED.get(problem.code)]
        return any(nearest(slip, [problem.found]) for slip in slips)

    def _report_no_declarations(self, problems: Problems) -> None:
        """One problem in the place of one for each parameter and each placeholder."""
        if not self.declarations_missing:
            problems.add(
                "required",
                "trialParameters is missing, so no parameter would reach a trial",
                _DECLARATIONS,
                expected="a list of trial parameters",
                remedy="declare one for each parameter, and write ${trialParameters.NAME} where its value belongs",
                at_key=True,
            )
        self.declarations_missing = True
