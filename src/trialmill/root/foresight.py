"""What `run` would refuse on this machine, told of a file that has no errors of its own.

The same is looked at as before a run, by the same code, but without its event loop and its runtime, which take longer
to load than a file takes to be checked.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.tree import JsonObject, get_string
from trialmill.check.documents import Checked
from trialmill.kinds.lowering import lower
from trialmill.kinds.plan import Workload
from trialmill.kinds.profile import profile_of
from trialmill.root.errors import InputError
from trialmill.root.placing import in_the_file
from trialmill.root.sampling import sample


def refused_here(checked: Checked, base: Path) -> list[Problem]:
    """What keeps trials from running on this machine, as notes: on another, or on a cluster, it may not.

    `base` is the folder that commands would start in. Nothing is said of kinds that run on a cluster only, nor of
    trials that a function or command makes.
    """
    if checked.hydrate is not None:
        return []
    try:
        resource, parts = sample(checked)
    except InputError:
        return []  # `run` would not come so far
    profile = profile_of(get_string(resource, "apiVersion"), get_string(resource, "kind"))
    if profile is None or not profile.runs_here:
        return []
    lowered = Problems()
    workload = lower(resource, (*checked.companions, *parts), lowered)
    found = [*lowered, *(_inspected(resource, workload, checked, base) if workload else ())]
    return [_as_note(problem, checked) for problem in found if problem.severity is Severity.ERROR]


def _inspected(resource: JsonObject, workload: Workload, checked: Checked, base: Path) -> Problems:
    from trialmill.runtime.local.commands import Commands
    from trialmill.runtime.local.inspection import inspect
    from trialmill.runtime.local.slots import slots_of_this_machine
    from trialmill.runtime.local.stand_ins import StandIns

    paths = checked.experiment.spec.collector.paths
    commands = Commands(os.path.abspath(base), StandIns({}), paths, dict(os.environ))
    problems = Problems()
    inspect(resource, workload, commands, slots_of_this_machine(), time.time(), problems)
    return problems


def _as_note(problem: Problem, checked: Checked) -> Problem:
    placed = in_the_file(problem, checked)
    file = placed.file or (checked.document.file if checked.document else "")
    message = f"`run` would refuse this on this machine: {problem.message}"
    return replace(placed, severity=Severity.NOTE, message=message, file=file)
