"""What an experiment is checked for."""

from dataclasses import dataclass

from trialmill.check.hydration import Hydrators


@dataclass(frozen=True, slots=True)
class Terms:
    """Where it is to run, and what may run of its author's code.

    `on_cluster`: not on this machine, so what that lacks is no problem. `hydrators` is how functions and commands that
    make resources are called; None where that is not allowed.
    """

    on_cluster: bool = False
    hydrators: Hydrators | None = None


HERE = Terms()
