"""The commands of the pages work, in the order in which a reader types them, and print what the pages show."""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import trialmill

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in (ROOT / "docs").rglob("*.md") if "```console" in page.read_text(encoding="utf-8")]
BLOCK = re.compile(r"^```(?P<info>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\bfile=(\S+)")
PART = re.compile(r"\bin=(\S+)")
FOLDER = re.compile(r"<!-- commands run in a copy of (\S+) -->")
CODE = re.compile(r"\s+# exits with (\d+)$")
PROGRAMS: Mapping[str, list[str]] = {
    "trialmill": [sys.executable, "-m", "trialmill"],
    "python": [sys.executable],
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(trialmill.__file__).parents[1])}


@dataclass(frozen=True)
class Shown:
    """A command of a page, the code it ends with, and what the page says it prints; empty where it says nothing."""

    line: str
    code: int
    output: str

    def check_in(self, folder: Path) -> None:
        program, *words = shlex.split(self.line)
        told = subprocess.run(
            [*PROGRAMS[program], *words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        got = told.stdout + told.stderr
        assert told.returncode == self.code, f"{self.line}: {got}"
        if self.output:
            same = doctest.OutputChecker().check_output(self.output, got, doctest.ELLIPSIS)
            assert same, f"{self.line} prints\n{got}\nand the page says\n{self.output}"


def shown_in(block: str) -> Iterator[Shown]:
    """The commands of one block, each with the lines up to the next."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        code = CODE.search(line)
        yield Shown(CODE.sub("", line), int(code[1]) if code else 0, output)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.examples
@pytest.mark.timeout(400)  # some pages have dozens of commands
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_pages_commands_work_in_their_order(page: Path, tmp_path: Path) -> None:
    folder = FOLDER.search(text_of(page))
    if folder:
        shutil.copytree(ROOT / folder[1], tmp_path, dirs_exist_ok=True)
    ran = 0
    for block in BLOCK.finditer(text_of(page)):
        if file := FILE.search(block["info"]):
            (tmp_path / file[1]).write_text(block["text"], encoding="utf-8")
        elif block["info"] == "console":
            for shown in shown_in(block["text"]):
                shown.check_in(tmp_path)
                ran += 1
    assert ran > 0


def parts_of_files() -> Iterator[object]:
    """The pieces of YAML that pages show of a file, each with that file."""
    for page in PAGES:
        folder = FOLDER.search(text_of(page))
        for block in BLOCK.finditer(text_of(page)):
            if folder and (file := PART.search(block["info"])):
                yield pytest.param(block["text"], ROOT / folder[1] / file[1], id=file[1])


@pytest.mark.parametrize(("part", "file"), list(parts_of_files()))
def test_what_a_page_shows_of_a_file_is_in_it(part: str, file: Path) -> None:
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    specs = [document.get("spec", {}) for document in documents]
    wholes = [*documents, *specs, *(spec.get("trialTemplate") for spec in specs)]
    assert any(is_part(yaml.safe_load(part), whole) for whole in wholes)


def is_part(part: object, whole: object) -> bool:
    """Whether a tree has all of another: of mappings some entries, of lists every item."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_part, part, whole))
    return part == whole


def test_there_are_pages_with_commands() -> None:
    assert PAGES
