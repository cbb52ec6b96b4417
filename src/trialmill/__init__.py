"""Trialmill: hyperparameter tuning from one file, with any Kubernetes resource as the trial.

The parts, from the outside in: `cli` and `sdk` are the doors, `root` puts the parts together, `runtime` and `store` are
adapters of the ports in `engine.ports`, `engine` decides and acts, `check` finds mistakes before the first trial, and
`search`, `template`, `kinds` and `metrics` are four bodies of knowledge that do not know each other. `api` is what
users write.

The names here are those of `sdk`, for programs: `from trialmill import Experiment, double, maximize, param`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # of our own, since the command line does without `typing` here
    from trialmill.sdk import Algorithm as Algorithm
    from trialmill.sdk import EditedError as EditedError
    from trialmill.sdk import Experiment as Experiment
    from trialmill.sdk import ExperimentWarning as ExperimentWarning
    from trialmill.sdk import FeasibleSpace as FeasibleSpace
    from trialmill.sdk import InputError as InputError
    from trialmill.sdk import Metrics as Metrics
    from trialmill.sdk import Objective as Objective
    from trialmill.sdk import Placeholder as Placeholder
    from trialmill.sdk import Problem as Problem
    from trialmill.sdk import RefusedError as RefusedError
    from trialmill.sdk import Result as Result
    from trialmill.sdk import Retry as Retry
    from trialmill.sdk import Severity as Severity
    from trialmill.sdk import Template as Template
    from trialmill.sdk import TrialResult as TrialResult
    from trialmill.sdk import ValidationError as ValidationError
    from trialmill.sdk import choice as choice
    from trialmill.sdk import discrete as discrete
    from trialmill.sdk import double as double
    from trialmill.sdk import experiment as experiment
    from trialmill.sdk import integer as integer
    from trialmill.sdk import literal as literal
    from trialmill.sdk import maximize as maximize
    from trialmill.sdk import metrics_from_file as metrics_from_file
    from trialmill.sdk import metrics_from_stdout as metrics_from_stdout
    from trialmill.sdk import minimize as minimize
    from trialmill.sdk import param as param
    from trialmill.sdk import trial as trial

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
    "__version__",
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


def __getattr__(name: str) -> object:
    """The names of the Python door, which is imported when the first of them is wanted."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trialmill import sdk

    value: object = getattr(sdk, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
