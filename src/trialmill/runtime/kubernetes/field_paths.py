"""The paths of fields as an API server writes them, and as problems have them."""

import re
from typing import Final

from trialmill.api.tree import Path

_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


def path_of(text: str) -> Path:
    """`spec.containers[0].env[name]` as steps; numbers in brackets are positions in lists."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(text):
        if name:
            steps.append(name)
        else:
            steps.append(int(index) if index.isdecimal() else index.strip("'\""))
    return tuple(steps)
