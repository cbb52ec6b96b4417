"""The experiment's name and namespace (Katib: rule 1)."""

import re
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.problem import Problems

LONGEST_NAME: Final = 54
"""A trial is called `<experiment>-<8 characters>`, and 63 is the longest name that a Job's pods can carry as label."""
KATIB_LONGEST_NAME: Final = 40
_NAME: Final = ("metadata", "name")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME_PATTERN: Final = rf"{_LABEL.pattern}(\.{_LABEL.pattern})*"
_SUBDOMAIN: Final = re.compile(NAME_PATTERN)
_EXPECTED: Final = "lower-case letters, digits and '-', with a letter first and no '-' at the end"
_OF_NAMESPACES: Final = "lower-case letters, digits and '-', with no '-' at either end"


def check_metadata(experiment: Experiment, problems: Problems) -> None:
    """The name must do as a part of the names of Kubernetes resources; the namespace must be one."""
    if experiment.name and not problems.has_error_at(_NAME):
        _check_name(experiment.name, problems)
    place = ("metadata", "namespace")
    if not _LABEL.fullmatch(experiment.namespace) and not problems.has_error_at(place):
        message = f"{experiment.namespace!r} cannot be the name of a namespace; it takes {_OF_NAMESPACES}"
        problems.add("invalid-name", message, place, found=experiment.namespace, expected=_OF_NAMESPACES)


def _check_name(name: str, problems: Problems) -> None:
    if not _SUBDOMAIN.fullmatch(name):
        remedy = f"name it {suggestion}" if (suggestion := _valid(name)) else ""
        message = f"{name!r} cannot be the name of an Experiment; it takes {_EXPECTED}"
        problems.add("invalid-name", message, _NAME, found=name, expected=_EXPECTED, remedy=remedy)
    elif len(name) > LONGEST_NAME:
        message = f"the name has {len(name)} characters, and {LONGEST_NAME} at most leave room for the names of trials"
        problems.add("name-too-long", message, _NAME, found=name, expected=f"{LONGEST_NAME} characters at most")
    elif len(name) > KATIB_LONGEST_NAME:
        problems.note("name-too-long", f"Katib would refuse a name of more than {KATIB_LONGEST_NAME} characters", _NAME)
    elif not name[0].isalpha():
        problems.note("invalid-name", "Katib would refuse a name that does not begin with a letter", _NAME)
    elif "." in name:
        message = "the pods of trials take their host names from this name, and a host name has no dots"
        problems.warn("invalid-name", message, _NAME, remedy=f"name it {_valid(name)}")


def _valid(name: str) -> str:
    """The most similar name that is valid, empty when nothing of it is."""
    return re.sub("[^a-z0-9]+", "-", name.lower())[:KATIB_LONGEST_NAME].strip("-")
