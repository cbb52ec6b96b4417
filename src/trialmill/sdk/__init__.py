"""The door for Python programs: Experiments written, checked and run without a file.

`placeholders`, `spaces` and `words` are what users write with; `trees` turns what they hand over into JSON; `writing`
puts it together; `experiments` has the Experiment, `running` drives it through `root`, and `result` shows what became
of it. All names here are those of the package itself: `from trialmill import Experiment, param`.
"""

from trialmill.api.problem import Problem, Severity
from trialmill.root.errors import EditedError, InputError, RefusedError
from trialmill.sdk.errors import ExperimentWarning, ValidationError
from trialmill.sdk.experiments import Experiment
from trialmill.sdk.placeholders import Placeholder, experiment, literal, param, trial
from trialmill.sdk.result import Result, TrialResult
from trialmill.sdk.spaces import FeasibleSpace, choice, discrete, double, integer
from trialmill.sdk.words import (
    Algorithm,
    Metrics,
    Objective,
    Retry,
    Template,
    maximize,
    metrics_from_file,
    metrics_from_stdout,
    minimize,
)

__all__ = [
    "Algorithm",
    "EditedError",
    "Experiment",
    "ExperimentWarning",
    "FeasibleSpace",
    "InputError",
    "Metrics",
    "Objective",
    "Placeholder",
    "Problem",
    "RefusedError",
    "Result",
    "Retry",
    "Severity",
    "Template",
    "TrialResult",
    "ValidationError",
    "choice",
    "discrete",
    "double",
    "experiment",
    "integer",
    "literal",
    "maximize",
    "metrics_from_file",
    "metrics_from_stdout",
    "minimize",
    "param",
    "trial",
]
