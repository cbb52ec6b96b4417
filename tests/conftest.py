"""What holds for all tests is written in `every_test`, since mypy takes only one file of this name."""

import every_test  # noqa: F401
