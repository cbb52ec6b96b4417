"""Draw docs/images/run.svg, the picture of a run: what `trialmill run` really prints for examples/digits.

python tools/make_picture.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "images" / "run.svg"
COMMAND = "trialmill run examples/digits/experiment.yaml"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, "-m", "trialmill", "run", str(ROOT / "examples" / "digits" / "experiment.yaml")],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=112, file=nowhere)
        console.print(Text(f"$ {COMMAND}", style="bold"))
        for line in run.stdout.splitlines():
            console.print(Text(line, style="green" if line.startswith("best ") else ""))
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        console.save_svg(str(TARGET), title="trialmill")


if __name__ == "__main__":
    main()
