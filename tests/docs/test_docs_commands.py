"""The commands of the pages work, in the order in which a reader types them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in (ROOT / "docs").rglob("*.md") if "```console" in page.read_text(encoding="utf-8")]
BLOCK = re.compile(r"^```(?P<info>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\bfile=(\S+)")


@pytest.mark.examples
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_pages_commands_work_in_their_order(page: Path, tmp_path: Path) -> None:
    ran = 0
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if file := FILE.search(block["info"]):
            (tmp_path / file[1]).write_text(block["text"], encoding="utf-8")
        elif block["info"] == "console":
            for line in block["text"].splitlines():
                command = shlex.split(line.removeprefix("$ "))
                assert command[0] == "trialmill"
                told = subprocess.run(
                    [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
                )
                assert told.returncode == 0, f"{line}: {told.stdout}{told.stderr}"
                ran += 1
    assert ran > 0


def test_there_are_pages_with_commands() -> None:
    assert PAGES
