"""Names that are defined in one place and used in another: which of the two is the slip.

Where both could be, the use is blamed. The definition is where all uses agree against it, and the list of definitions
where one is missing from it altogether.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from trialmill.api.experiment import Experiment
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem, Problems
from trialmill.api.tree import Path
from trialmill.check.places import SPEC, TEMPLATE, entries, name_in

_PARAMETERS: Path = (*SPEC, "parameters")
_DECLARATIONS: Path = (*TEMPLATE, "trialParameters")
_UNDECLARED = "undeclared-placeholder"
_UNKNOWN = "unknown-reference"


def blame_definitions(experiment: Experiment, report: Problems) -> None:
    """Replace what `report` says of uses by one problem with each definition that is wrong or missing."""
    for slip in [*_wrong_definitions(experiment, report), *_missing_declarations(experiment, report)]:
        report.found[:] = [p for p in report if not slip.explains(p)]
        report.add(slip.code, slip.message, slip.path, found=slip.found, remedy=slip.remedy, at_key=slip.at_key)


@dataclass(frozen=True, slots=True)
class _Slip:
    """One problem in the place of those of `code` that found `used`, and of those that miss `defined`."""

    code: str
    used: str
    defined: str
    message: str
    path: Path
    remedy: str
    at_key: bool = False

    @property
    def found(self) -> str:
        return self.defined or self.used

    def explains(self, problem: Problem) -> bool:
        missed = problem.code in ("unused-trial-parameter", "unused-parameter") and problem.found == self.defined
        return missed or (problem.code == self.code and name_in(problem.found) == self.used)


def _wrong_definitions(experiment: Experiment, report: Problems) -> Iterator[_Slip]:
    """Definitions that nothing uses under their name, while what is used is their name but for a slip."""
    unused = {
        code: [p.found for p in report if p.code == code] for code in ("unused-trial-parameter", "unused-parameter")
    }
    declared = experiment.spec.template.trial_parameters
    for name, uses in _uses(report, _UNDECLARED).items():
        meant = nearest(name, unused["unused-trial-parameter"])
        position = next((i for i, p in enumerate(declared) if p.name == meant), None)
        if meant and position is not None and (uses > 1 or declared[position].reference == name):
            message = f"the template uses ${{trialParameters.{name}}}, but this trial parameter is named {meant}"
            place = (*_places(experiment, report)[position], "name")
            yield _Slip(_UNDECLARED, name, meant, message, place, f"did you mean {name!r}?")
    for name in _uses(report, _UNKNOWN):
        meant = nearest(name, unused["unused-parameter"])
        position = next((i for i, p in enumerate(experiment.spec.parameters) if p.name == meant), None)
        if meant and position is not None and any(p.name == p.reference == name for p in declared):
            message = f"trial parameter {name} refers to {name}, but this parameter is named {meant}"
            tree = report.document.tree if report.document else None
            place = (*entries(tree, _PARAMETERS, len(experiment.spec.parameters))[position], "name")
            yield _Slip(_UNKNOWN, name, meant, message, place, f"did you mean {name!r}?")


def _missing_declarations(experiment: Experiment, report: Problems) -> Iterator[_Slip]:
    """Placeholders without a trial parameter, where just as many parameters are passed on by none."""
    used = list(_uses(report, _UNDECLARED))
    missed = [p.found for p in report if p.code == "unused-parameter"]
    names = [p.name for p in experiment.spec.template.trial_parameters]
    for name in used:
        parameter = name if name in missed else missed[0] if len(missed) == len(used) == 1 else ""
        if parameter and names and not nearest(name, names):
            message = f"there is no trial parameter {name}, which the template uses as ${{trialParameters.{name}}}"
            remedy = f"add one with `name: {name}` and `reference: {parameter}`"
            yield _Slip(_UNDECLARED, name, parameter, message, _DECLARATIONS, remedy, at_key=True)


def _uses(report: Problems, code: str) -> Counter[str]:
    """How often each name is used that nothing defines."""
    return Counter(name_in(p.found) for p in report if p.code == code)


def _places(experiment: Experiment, report: Problems) -> list[Path]:
    tree = report.document.tree if report.document else None
    return entries(tree, _DECLARATIONS, len(experiment.spec.template.trial_parameters))
