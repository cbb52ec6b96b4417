"""What an experiment is checked for."""

from dataclasses import dataclass

from trialmill.api.fields import SchemaSource
from trialmill.check.hydration import Hydrators
from trialmill.kinds.schema import BUILT_IN


@dataclass(frozen=True, slots=True)
class Terms:
    """Where it is to run, and what may run of its author's code.

    `on_cluster`: not on this machine, so what that lacks is no problem. `hydrators` is how functions and commands that
    make resources are called; None where that is not allowed. `schema` knows the fields of kinds.
    """

    on_cluster: bool = False
    hydrators: Hydrators | None = None
    schema: SchemaSource = BUILT_IN


HERE = Terms()
