"""The picture of the parts is the code's."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "trialmill"


def parts() -> set[str]:
    return {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}


def imports() -> set[tuple[str, str]]:
    """Which part imports which, for real."""
    found = set()
    for part in parts():
        for file in (PACKAGE / part).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                modules = [node.module] if isinstance(node, ast.ImportFrom) else []
                modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                found |= {(part, m.split(".")[1]) for m in modules if m and m.startswith("trialmill.")}
    return {(a, b) for a, b in found if a != b}


def drawn() -> set[tuple[str, str]]:
    """The arrows of the page's picture."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = re.search(r"```mermaid\n(.*?)```", page, re.DOTALL)
    assert picture is not None
    arrows = set()
    for left, right in re.findall(r"^ *([\w &]+) --> ([\w &]+)$", picture[1], re.MULTILINE):
        arrows |= {(a.strip(), b.strip()) for a in left.split("&") for b in right.split("&")}
    return arrows


@pytest.mark.parametrize("folder", ["kube", "runtime/kubernetes"])
def test_the_table_of_a_folder_has_each_of_its_files_once(folder: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    _, _, after = page.partition(f"| files of `{folder}` |")
    table, _, _ = after.partition("\n\n")
    there = {file.name for file in (PACKAGE / folder).glob("*.py")} - {"__init__.py"}
    assert sorted(re.findall(r"`(\w+\.py)`", table)) == sorted(there)


def test_every_arrow_is_an_import_and_every_import_an_arrow() -> None:
    assert drawn() == imports()


def test_every_part_is_in_the_picture() -> None:
    assert {name for arrow in drawn() for name in arrow} == parts()
