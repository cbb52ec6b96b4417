"""What a Job's spec says about its pods as a whole: how many, how often again, and when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialmill.kinds.lowering.container_run import PodRules, Progress, Stage
from trialmill.kinds.plan import Exited, Role, Unstartable

UNLIMITED = 2**31 - 1
START_ERROR = 128
"""The exit code that Kubernetes reports of a container that could not be started."""


@dataclass(frozen=True, slots=True)
class FailureRule:
    """A rule of `podFailurePolicy` on exit codes. `container` is empty for any."""

    index: int
    action: str
    codes: frozenset[int]
    is_in: bool = True
    container: str = ""

    def match(self, progress: Progress) -> tuple[str, int] | None:
        """The first failed container that the rule is about, and its exit code; init containers come last."""
        states = sorted(progress.containers, key=lambda s: s.role is not Role.MAIN)
        for state in states:
            if state.stage in (Stage.NEW, Stage.RUNNING) or (self.container and self.container != state.name):
                continue
            code = exit_code(state.fact) if isinstance(state.fact, Exited | Unstartable) else 0
            if code != 0 and (code in self.codes) is self.is_in:
                return state.name, code
        return None


def exit_code(fact: Exited | Unstartable) -> int:
    return fact.code if isinstance(fact, Exited) else START_ERROR


@dataclass(frozen=True, slots=True)
class SuccessRule:
    """A rule of `successPolicy`: so many of the indexes (None: all of them) have succeeded; no indexes: of any."""

    indexes: frozenset[int] | None = None
    count: int | None = None

    def is_met(self, succeeded: set[int]) -> bool:
        if self.indexes is None:
            return self.count is not None and len(succeeded) >= self.count
        reached = len(self.indexes & succeeded)
        return reached == len(self.indexes) or (self.count is not None and reached >= self.count)


@dataclass(frozen=True, slots=True)
class JobRules:
    """A Job's spec without its template. `completions` is None for a work queue; `deadline` is in seconds."""

    name: str
    namespace: str
    pod: PodRules
    parallelism: int = 1
    completions: int | None = 1
    indexed: bool = False
    backoff_limit: int = 6
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    deadline: float | None = None
    failure_policy: Sequence[FailureRule] = ()
    success_policy: Sequence[SuccessRule] = ()
