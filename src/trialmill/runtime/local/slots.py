"""Resource requests as slots of this machine: attempts start when what they ask for is free, in the order they came."""

import os
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trialmill.kinds.plan import Resources

_NOTHING: Final = Resources()


@dataclass(slots=True)
class Slots:
    """What the machine has, who holds how much of it, and who waits.

    Nobody overtakes the first in the queue, so a large request is not starved by small ones. A request for more than
    there is counts as a request for all: it runs alone. What asks for nothing never waits.
    """

    cpu: float
    memory: int
    gpus: tuple[str, ...] = ()
    _held: dict[Hashable, Resources] = field(default_factory=dict)
    _queue: dict[Hashable, Resources] = field(default_factory=dict)
    _gpus_in_use: dict[Hashable, tuple[str, ...]] = field(default_factory=dict)

    def request(self, holder: Hashable, wanted: Resources) -> bool:
        """Whether the holder may start now; if not, it is in the queue. Safe to repeat."""
        if wanted == _NOTHING or holder in self._held:
            return True
        if holder not in self._queue and not self._queue and self._fits(wanted):
            self._held[holder] = wanted
            return True
        self._queue.setdefault(holder, wanted)
        return False

    def hold(self, holder: Hashable, wanted: Resources) -> None:
        """Count what runs already, found after a crash, whether it fits or not."""
        if wanted != _NOTHING:
            self._queue.pop(holder, None)
            self._held[holder] = wanted

    def release(self, holder: Hashable) -> list[Hashable]:
        """Give back what the holder has, or its place in the queue; returns who may start now."""
        if self._held.pop(holder, None) is None and self._queue.pop(holder, None) is None:
            return []
        admitted = []
        for waiting, wanted in list(self._queue.items()):
            if not self._fits(wanted):
                break
            self._held[waiting] = self._queue.pop(waiting)
            admitted.append(waiting)
        return admitted

    def take_gpus(self, run: Hashable, count: int) -> tuple[str, ...]:
        """Devices for one run of a holder: as many as it asks for, or as there are left."""
        used = {gpu for gpus in self._gpus_in_use.values() for gpu in gpus}
        taken = tuple(gpu for gpu in self.gpus if gpu not in used)[:count]
        self._gpus_in_use[run] = taken
        return taken

    def keep_gpus(self, run: Hashable, gpus: tuple[str, ...]) -> None:
        """Count the devices of a run that was found after a crash."""
        self._gpus_in_use[run] = gpus

    def return_gpus(self, run: Hashable) -> None:
        self._gpus_in_use.pop(run, None)

    def _fits(self, wanted: Resources) -> bool:
        held = [*self._held.values(), wanted]
        return (
            _sum_fits([r.cpu for r in held], self.cpu)
            and _sum_fits([r.memory for r in held], self.memory)
            and _sum_fits([r.gpus for r in held], len(self.gpus))
        )


def _sum_fits(wanted: list[float] | list[int], available: float) -> bool:
    # The last one is the question: who asks for nothing of this fits, however much the others have.
    return wanted[-1] == 0 or sum(min(amount, available) for amount in wanted) <= available + 1e-9


def slots_of_this_machine() -> Slots:
    """CPUs this process may use, the memory that is built in, and the GPUs that can be seen."""
    return Slots(cpu=float(_cpus()), memory=_memory(), gpus=_gpus())


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 1 << 62  # unknown: memory never makes anybody wait


def _gpus() -> tuple[str, ...]:
    """What CUDA_VISIBLE_DEVICES names, else the device files of the NVIDIA driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1", "NoDevFiles"))
    numbers = (path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))
    return tuple(sorted((n for n in numbers if n.isdigit()), key=int))
