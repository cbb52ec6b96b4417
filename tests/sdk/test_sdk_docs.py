"""What docstrings, the page and the example show is so."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import trialmill
from trialmill import sdk

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(trialmill.__file__).parents[1])}


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(sdk.__path__)])
def test_examples_in_docstrings_are_right(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"trialmill.sdk.{name}"))
    assert found.failed == 0


def test_docstrings_have_examples() -> None:
    modules = ("placeholders", "spaces", "words", "experiments")
    counts = [doctest.testmod(importlib.import_module(f"trialmill.sdk.{name}")).attempted for name in modules]
    assert min(counts) > 0


def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    whole = [block for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if "client." not in block]
    assert len(whole) == 2
    told = subprocess.run(
        [sys.executable, "-c", "\n".join(whole)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("Succeeded") == 6


@pytest.mark.examples
def test_the_example_tunes_a_script(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    told = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "python" / "tune.py"), "2"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "best accuracy 0." in told.stdout
