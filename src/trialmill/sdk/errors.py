"""What calls raise. The texts are whole: they name every problem, and what would help."""

from collections.abc import Sequence

from trialmill.api.problem import Problem, Severity

_AGAINST = (Severity.ERROR, Severity.UNAVAILABLE)


class ValidationError(ValueError):
    """An Experiment that cannot run. `problems` are all that were found, warnings and notes among them."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        self.name = name
        against = [problem for problem in problems if is_against(problem)]
        many = f"{len(against)} problems" if len(against) != 1 else "1 problem"
        title = f"experiment {name} cannot run: {many}" if name else f"this Experiment cannot run: {many}"
        super().__init__("\n".join([title, *(f"  {problem}" for problem in against)]))

    def __reduce__(self) -> tuple[type["ValidationError"], tuple[str, tuple[Problem, ...]]]:
        return type(self), (self.name, self.problems)


class ExperimentWarning(UserWarning):
    """Something about an Experiment that runs, and may not do what was meant."""


def is_against(problem: Problem) -> bool:
    """Whether the problem keeps an Experiment from running."""
    return problem.severity in _AGAINST
