"""How long `trialmill validate` takes, as whole processes.

    python bench/validate.py [--rounds N]

A file of 100 lines alone, and 200 such files in one call. The median of the rounds is printed.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from overhead import EXPERIMENT

CLI = [sys.executable, "-m", "trialmill", "validate"]
FILES = 200
LINES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files = [str(_file(Path(name), number)) for number in range(FILES)]
        one = [_seconds([*CLI, files[0]]) for _ in range(args.rounds)]
        all_ = [_seconds([*CLI, *files]) for _ in range(max(3, args.rounds // 3))]
    print(f"{f'one file of {LINES} lines':<32}{statistics.median(one) * 1000:>8.0f} ms")
    print(f"{f'{FILES} such files at once':<32}{statistics.median(all_) * 1000:>8.0f} ms")


def _file(folder: Path, number: int) -> Path:
    """A good Experiment of that many lines, most of them variables of its container."""
    text = EXPERIMENT.replace("name: noop", f"name: noop-{number}").replace(
        'env: [{name: LR, value: "${trialParameters.lr}"}]',
        'env:\n                  - {name: LR, value: "${trialParameters.lr}"}',
    )
    missing = LINES - len(text.splitlines())
    text += "".join(f"                  - {{name: V{n}, value: text {n}}}\n" for n in range(missing))
    assert len(text.splitlines()) == LINES
    path = folder / f"{number:03}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
