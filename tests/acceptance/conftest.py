"""Every test gets a folder of its own, and leaves no process behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.clean()
