"""How long the commands take that a user waits for, and how a long experiment is reopened.

    python bench/startup.py [--rounds N] [--trials N]

Prints the median of several runs, whole processes: `--help`, `validate` of a 100-line file, the time from the command
to the start of the first trial, and the reopening of a finished experiment of N trials with its peak memory.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from overhead import EXPERIMENT

CLI = [sys.executable, "-m", "trialmill"]
FIRST = EXPERIMENT.replace("echo loss=1", "date +%s.%N > first; echo loss=1")
LONG = EXPERIMENT + "".join(f"                  # line {number}\n" for number in range(75))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--trials", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "noop.yaml").write_text(EXPERIMENT)
        (folder / "long.yaml").write_text(LONG)
        (folder / "first.yaml").write_text(FIRST)
        _print("bare Python", _median(lambda: _call([sys.executable, "-c", "pass"], folder), args.rounds))
        _print("--help", _median(lambda: _call([*CLI, "--help"], folder), args.rounds))
        _print("validate, 100 lines", _median(lambda: _call([*CLI, "validate", "long.yaml"], folder), args.rounds))
        firsts = [_first_trial(folder) for _ in range(args.rounds)]
        _print("command to first trial's start", statistics.median(firsts))
        _call([*CLI, "run", "noop.yaml", "--max-trials", str(args.trials), "--name", "many"], folder)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        again = [*CLI, "run", "noop.yaml", "--max-trials", str(args.trials), "--name", "many"]
        _print(f"reopening {args.trials} trials", _median(lambda: _call(again, folder), 3))
        print(f"{'peak memory of the largest process':<40}{before / 1024:>10.0f} MB")


def _first_trial(folder: Path) -> float:
    shutil.rmtree(folder / ".trialmill", ignore_errors=True)
    start = time.time()
    _call([*CLI, "run", "first.yaml", "--max-trials", "1"], folder)
    return float((folder / "first").read_text()) - start


def _median(run: Callable[[], None], rounds: int) -> float:
    taken = []
    run()
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _call(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _print(what: str, seconds: float) -> None:
    print(f"{what:<40}{seconds * 1000:>10.0f} ms", flush=True)


if __name__ == "__main__":
    main()
