"""Files with the mistakes that people make, and beside each what is said about it."""

import os
from pathlib import Path

import pytest
from check_samples import check

_FILES = sorted(Path(__file__).with_name("wrong").glob("*.yaml"))


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_a_wrong_file_gets_these_problems(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)  # files that it refers to are beside it
    checked, problems = check(file.read_text(), file.name)

    assert checked is None
    assert [str(problem) for problem in problems] == file.with_suffix(".txt").read_text().splitlines()


def test_there_are_wrong_files() -> None:
    assert len(_FILES) >= 80


if __name__ == "__main__":  # writes down what is said now, to be read before it is committed
    os.chdir(Path(__file__).with_name("wrong"))
    for _file in _FILES:
        _file.with_suffix(".txt").write_text(
            "".join(f"{problem}\n" for problem in check(_file.read_text(), _file.name)[1])
        )
