"""The comments of a first Experiment: what each part is for, and what to do next."""

from dataclasses import dataclass
from typing import Final

from trialmill.api.tree import JsonObject, get_string
from trialmill.api.yaml_text import yaml_text

_ABOVE: Final = {
    "  objective:": [
        "The metric that training prints on lines such as `{metric}=0.93`, and whether more or less of it is better.",
        "With `goal: NUMBER` the experiment ends as soon as a trial gets there.",
    ],
    "  algorithm:": ["How the next values are chosen; random, grid and sobol are others."],
    "  maxTrialCount:": ["How many trials there are in all, how many run at a time, and how many may fail."],
    "  parameters:": ["What is varied. Katib wants the numbers of a feasible space in quotes."],
    "    primaryContainerName:": ["The container whose output has the metric."],
    "    trialParameters:": [
        "The names by which the manifest below uses the parameters, and the values that `trialmill try` takes."
    ],
    "    trialSpec:": ["{source}, with ${{trialParameters.NAME}} in the places that vary."],
}
"""By the line that they stand above."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """`source` is the file that the Experiment is made from, `file` the one that it will be in."""

    source: str
    file: str

    def text(self, experiment: JsonObject) -> str:
        """The Experiment as YAML with comments."""
        metric = _metric(experiment)
        lines = [
            f"# Tunes {self.source}. See first that one trial works, then run them all:",
            f"#   trialmill try {self.file}",
            f"#   trialmill run {self.file}",
        ]
        for line in yaml_text(experiment).splitlines():
            above = next((texts for start, texts in _ABOVE.items() if line.startswith(start)), [])
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}# {text.format(metric=metric, source=self.source)}" for text in above]
            lines.append(line)
        return "\n".join(lines) + "\n"


def _metric(experiment: JsonObject) -> str:
    return get_string(experiment, "spec", "objective", "objectiveMetricName")
