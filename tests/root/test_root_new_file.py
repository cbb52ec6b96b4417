"""Files that come into being whole, or not at all."""

from pathlib import Path

import pytest

from trialmill.root.errors import InputError
from trialmill.root.new_file import write_new_file


def test_a_new_file_is_there_with_its_text_and_nothing_else(tmp_path: Path) -> None:
    write_new_file(tmp_path / "a.yaml", "text\n", replaces=False)
    assert (tmp_path / "a.yaml").read_text() == "text\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        write_new_file(tmp_path / "a.yaml", "text", replaces=False)
    assert (tmp_path / "a.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_it_is_replaced_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("mine")
    write_new_file(tmp_path / "a.yaml", "text", replaces=True)
    assert (tmp_path / "a.yaml").read_text() == "text"


def test_a_folder_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        write_new_file(tmp_path / "no" / "a.yaml", "text", replaces=False)
