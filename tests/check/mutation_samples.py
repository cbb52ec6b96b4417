"""The good files that are mutated: one for each form of template, and Katib's own examples where they are at hand."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from check_samples import GOOD

from trialmill.api.document import Document
from trialmill.api.load import load_documents
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import get_string
from trialmill.check.documents import check_documents

_ROOT: Final = Path(__file__).parents[2]
_EXPERIMENT: Final = "Experiment"
_NEWS: Final = (Severity.ERROR, Severity.WARNING, Severity.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Sample:
    """A file without a fault. `file` is the name that it goes by, so that files beside it are found."""

    name: str
    file: str
    text: str

    @property
    def documents(self) -> list[Document]:
        return load_documents(self.text.encode(), self.file, [])


def problems_of(data: bytes, file: str) -> list[Problem]:
    """What `validate` says of a file with this content, notes aside."""
    problems: list[Problem] = []
    documents = load_documents(data, file, problems)
    if documents:
        check_documents(documents, problems)
    return [problem for problem in problems if problem.severity in _NEWS]


@cache
def known_problems(sample: Sample) -> frozenset[tuple[str, str, str]]:
    """What is said of the file as it is: a kind that only runs on a cluster, a field that is missing in no release."""
    return frozenset((p.code, p.path, p.message) for p in problems_of(sample.text.encode(), sample.file))


def samples() -> list[Sample]:
    """All of them, in a fixed order."""
    files = sorted((_ROOT / "examples" / "templates").glob("*.yaml"))
    files += [_ROOT / "examples" / "digits" / "experiment.yaml"]
    files += sorted((_ROOT / "tests" / "forms" / "v1alpha3").glob("*.yaml"))
    folder = os.environ.get("KATIB_EXAMPLES", "")
    files += sorted(Path(folder).glob("*.yaml")) if folder else []
    found = [Sample("checks", "file.yaml", GOOD)]
    for file in files:
        sample = Sample(file.stem, str(file), file.read_text(encoding="utf-8"))
        is_experiment = any(get_string(d.tree, "kind") == _EXPERIMENT for d in sample.documents)
        has_errors = any(p.severity is Severity.ERROR for p in problems_of(sample.text.encode(), sample.file))
        if is_experiment and not has_errors:
            found.append(sample)
    return found
