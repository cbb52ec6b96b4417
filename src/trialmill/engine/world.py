"""What a driver is given: the experiment as it is to be driven, and everything outside that it works with."""

from dataclasses import dataclass
from typing import Protocol

from trialmill.api.experiment import Experiment
from trialmill.api.space import Space
from trialmill.engine.ports import Clock, Runtime, Searcher, Stopper, Stores
from trialmill.engine.state import State
from trialmill.kinds.verdict import Policy
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.hydration import Hydrate


class Watcher(Protocol):
    """Somebody who looks on: told after each save, and must be quick."""

    def changed(self, state: State) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """All that a driver works with. `offload` runs the algorithm beside the loop, for algorithms that compute for
    long. `hydrate` makes resources out of rendered templates, beside the loop too.
    """

    stores: Stores
    runtime: Runtime
    searcher: Searcher
    clock: Clock
    stopper: Stopper | None = None
    watcher: Watcher | None = None
    offload: bool = False
    hydrate: Hydrate | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The experiment as it is driven: its file's contents, typed and compiled."""

    experiment: Experiment
    space: Space
    template: CompiledTemplate
    policy: Policy
