"""A trial as templates see it, for Trialmill and for Go."""

from typing import Final

from trialmill.api.tree import JsonObject
from trialmill.forms.go_template import Opaque, Record

PARAMETERS: Final = {"--lr": "<lr>", "--opt": "<opt>"}
VALUES: Final[JsonObject] = {
    "trial": "<trial>",
    "nameSpace": "<namespace>",
    "experiment": "<experiment>",
    "hyperParameters": [{"name": name, "value": value} for name, value in PARAMETERS.items()],
}


def _parameter(name: str, value: str) -> Record:
    return Record("a hyperparameter", {"Name": name, "Value": Opaque(value, f"the value of {name}")})


TRIAL: Final = Record(
    "the trial",
    {
        "Trial": Opaque("<trial>", "the trial's name", never_empty=True),
        "NameSpace": Opaque("<namespace>", "the trial's namespace", never_empty=True),
        "Experiment": Opaque("<experiment>", "the experiment's name", never_empty=True),
        "HyperParameters": tuple(_parameter(name, value) for name, value in PARAMETERS.items()),
    },
)
