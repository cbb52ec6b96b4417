"""`validate`, `render` and `convert` of mutated files: exit code 0 or 2, and never a traceback."""

import random
import sys
from pathlib import Path

import pytest

from trialmill.cli.main import main

sys.path.insert(0, str(Path(__file__).parents[1] / "check"))

from mutation_samples import Sample
from mutation_table import some
from mutations import Mutation

_ALL = some(600, seed=1)
_CHOSEN = random.Random(1).sample(_ALL, 150)


@pytest.mark.parametrize("command", ["validate", "render", "convert"])
def test_a_mutated_file_is_taken_or_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for sample, mutation in _CHOSEN:
        _check(command, sample, mutation, tmp_path)
        capsys.readouterr()


def _check(command: str, sample: Sample, mutation: Mutation, folder: Path) -> None:
    beside = Path(sample.file).parent
    for file in beside.glob("09-*.yaml") if sample.name.startswith("09") else ():
        (folder / file.name).write_bytes(file.read_bytes())
    file = folder / "mutated.yaml"
    file.write_bytes(mutation.data)

    assert main([command, str(file)]) in (0, 2), f"{sample.name}: {mutation.what}"
