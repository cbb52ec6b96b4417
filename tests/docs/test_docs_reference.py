"""The reference pages say what the code does."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from trialmill.search.catalogue import ALGORITHMS, EARLY_STOPPING

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_command_line_is_the_parsers() -> None:
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    assert page == tool("make_cli_reference").reference(), "run: python tools/make_cli_reference.py"


def test_the_page_of_algorithms_names_each_with_all_its_settings() -> None:
    page = (REFERENCE / "algorithms.md").read_text(encoding="utf-8")
    algorithms = [(a.name, a.settings if a.available else ()) for a in ALGORITHMS.values()]
    stopping = [(s.name, s.settings if s.available else ()) for s in EARLY_STOPPING.values()]
    for name, settings in (*algorithms, *stopping):
        assert f"`{name}`" in page
        assert [s.name for s in settings if f"`{s.name}`" not in page] == []


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "bench" / "README.md"]
    broken = [
        (str(page.relative_to(ROOT)), target)
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
