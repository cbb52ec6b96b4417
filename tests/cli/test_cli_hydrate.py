"""An Experiment whose trials a function makes, from the command line: only where that is allowed."""

import json
from pathlib import Path

import pytest

from trialmill.cli.main import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "templates"
FILE = "14-hydrate.yaml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in (FILE, "hydrate_example.py"):
        (tmp_path / name).write_text((EXAMPLES / name).read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIALMILL_ALLOW_HYDRATE", raising=False)
    monkeypatch.delenv("TRIALMILL_STORE", raising=False)
    return FILE


@pytest.mark.parametrize("command", ["validate", "render", "try", "run"])
def test_nothing_of_the_file_runs_unless_it_is_allowed(
    file: str, command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "hydrate_example.py").write_text("from pathlib import Path; Path('ran').touch()")
    assert main([command, file]) == 2
    told = "".join(capsys.readouterr())
    assert "allow it with --allow-hydrate" in told
    assert not (tmp_path / "ran").exists()


@pytest.mark.examples
def test_an_experiment_runs_with_what_the_function_makes_and_the_manifest_can_be_seen_later(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(["validate", file, "--allow-hydrate"]) == 0
    assert main(["run", file, "--allow-hydrate", "--seed", "7"]) == 0
    capsys.readouterr()
    assert main(["best", "hydrate", "-o", "json"]) == 0
    best = json.loads(capsys.readouterr().out)
    workers = next(a["value"] for a in best["spec"]["parameterAssignments"] if a["name"] == "workers")
    (tmp_path / "hydrate_example.py").unlink()
    assert main(["best", "hydrate", "-o", "manifest"]) == 0
    assert capsys.readouterr().out.count("image: python:3.12") == int(workers)
    assert main(["extend", "hydrate", "--max-trials", "4"]) == 0
    capsys.readouterr()
    assert main(["resume", "hydrate"]) == 1
    assert "allow it with --allow-hydrate" in capsys.readouterr().err
    monkeypatch.setenv("TRIALMILL_ALLOW_HYDRATE", "1")
    main(["resume", "hydrate"])
    capsys.readouterr()
    assert main(["trials", "hydrate", "-o", "json"]) == 0
    trials = json.loads(capsys.readouterr().out)["items"]
    failed = [c for c in trials[3]["status"]["conditions"] if c["type"] == "Failed"]
    assert "No module named 'hydrate_example'" in failed[0]["message"]
