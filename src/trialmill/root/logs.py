"""What trials printed: the output files that the local runtime keeps, and the copies of what was read on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trialmill.engine.records import AttemptKey
from trialmill.runtime.local import layout
from trialmill.runtime.local.recovery import lock_is_held
from trialmill.runtime.local.wrapper import read_code


@dataclass(frozen=True, slots=True)
class Output:
    """The output of one run of a container: `title` tells it from others of its attempt."""

    title: str
    container: str
    stem: str
    pod: str = ""
    run: int = 0

    @property
    def path(self) -> Path:
        return Path(layout.log_of(self.stem))

    @property
    def is_over(self) -> bool:
        """Whether nothing is added to its output any more: it has left its exit code, or nothing of it is alive."""
        return read_code(self.stem) is not None or not lock_is_held(self.stem)


def outputs(runs: Path, key: AttemptKey, container: str | None = None) -> list[Output]:
    """The outputs of an attempt, oldest first, all or one container's; empty before it has started."""
    attempt = layout.attempt_directory(str(runs), key)
    try:
        found = layout.runs_on_disk(attempt)
    except FileNotFoundError:
        return []
    copies = [_copy(path) for path in sorted(Path(attempt).glob("*.log"))] if not found else []
    all_outputs = [
        Output(
            _title(each.id.pod.completion, each.id.pod.retry, each.id.container, each.id.run),
            each.id.container,
            each.stem,
            f"{each.id.pod.completion}-{each.id.pod.retry}",
            each.id.run,
        )
        for each in found
    ] + copies
    return [output for output in all_outputs if container in (None, output.container)]


def _copy(path: Path) -> Output:
    """Of a pod on a cluster; the names of containers have no dots."""
    stem = str(path).removesuffix(".log")
    pod, _, container = path.name.removesuffix(".log").rpartition(".")
    return Output(f"pod {pod}, container {container}", container, stem, pod)


def previous_runs(outputs: Sequence[Output]) -> list[Output]:
    """Of each container the run before its last one; none of those that were not restarted."""
    last = {(output.pod, output.container): output.run for output in outputs}
    return [output for output in outputs if output.run == last[output.pod, output.container] - 1]


def containers(outputs: Sequence[Output]) -> list[str]:
    """The names of their containers, each once."""
    return list(dict.fromkeys(output.container for output in outputs))


def _title(completion: int, retry: int, container: str, run: int) -> str:
    again = f", restart {run}" if run else ""
    return f"pod {completion}-{retry}, container {container}{again}"
