"""Whether users' functions and commands may make the resources of trials on this machine, and how they are called."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trialmill.api.experiment import Experiment
from trialmill.api.problem import Problems
from trialmill.root.errors import RefusedError
from trialmill.template.hydration import Hydrate, Hydration

if TYPE_CHECKING:
    from trialmill.check.hydration import Hydrators

VARIABLE: Final = "TRIALMILL_ALLOW_HYDRATE"
_YES: Final = ("1", "true", "yes")


def is_allowed(flag: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """Only by whoever starts the program: no file can say it."""
    return flag or environment.get(VARIABLE, "").lower() in _YES


def hydrators_in(base: str | Path, *, allowed: bool) -> "Hydrators | None":
    """How they are called, started in the folder `base`; None where they may not be."""
    if not is_allowed(allowed):
        return None

    def hydrator(hydration: Hydration) -> Hydrate:
        from trialmill.runtime.local.hydration import Hydrator

        return Hydrator(hydration, str(base))

    return hydrator


def hydrate_of(experiment: Experiment, base: str | Path, *, allowed: bool, on_cluster: bool = False) -> Hydrate | None:
    """What makes the resources of a stored experiment, None where nothing does. Raises RefusedError."""
    from trialmill.check.hydration import check_hydration, checking

    problems = Problems()
    hydrate = check_hydration(experiment, hydrators_in(base, allowed=allowed), problems)
    for problem in problems:
        raise RefusedError(problem.message, problem.remedy)
    return None if hydrate is None else checking(experiment, hydrate, on_cluster=on_cluster)
