"""Files to the normal form, for people and for Katib."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialmill.api.load import read_source
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import get_string
from trialmill.root.prepare import Lines, lines_of


@dataclass(frozen=True, slots=True)
class Converted:
    """The documents of some files in the normal form, as YAML; empty where that failed, and `problems` say why."""

    text: str
    problems: tuple[Problem, ...]
    lines: Lines

    @property
    def has_failed(self) -> bool:
        return any(p.severity in (Severity.ERROR, Severity.UNAVAILABLE) for p in self.problems)


def convert(files: Sequence[str]) -> Converted:
    """Each Experiment in the normal form, and what was given with it and did not go into one."""
    from trialmill.api.yaml_commented import commented_yaml
    from trialmill.forms.normalize import normalize

    problems: list[Problem] = []
    documents = [document for file in files for document in read_source(file, problems)]
    experiments = [d for d in documents if get_string(d.tree, "kind") == "Experiment"]
    if not experiments and not problems:
        message = "there is no Experiment here"
        problems.append(Problem("no-experiment", Severity.ERROR, message, file=", ".join(files)))
    own = {id(document) for document in experiments}
    normal = [normalize(document, [d for d in documents if id(d) not in own]) for document in experiments]
    problems += [problem for each in normal for problem in each.problems]
    used = [document for each in normal for document in each.used]
    lines = lines_of([*documents, *used])
    gone = own | {id(document) for document in used}
    kept = [each.document for each in normal] + [d for d in documents if id(d) not in gone]
    text = "---\n".join(commented_yaml(document, lines) for document in kept)
    converted = Converted(text, tuple(problems), lines)
    return converted if not converted.has_failed else Converted("", converted.problems, lines)
