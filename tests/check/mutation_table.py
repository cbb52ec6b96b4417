"""How many mistakes are found, and how many at their own line, by kind of mistake and by file.

    python tests/check/mutation_table.py [--count N] [--misses [KIND]]

Without `--count`, every mutation of every sample. A mutation counts as wrong where it is one for certain, or where an
error or a warning appears that the file as it was does not have. It is found when there is such a problem, and found
at its line when one of them is there. `--misses` lists the others.
"""

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent))

from mutation_samples import Sample, known_problems, problems_of, samples
from mutations import Mutation, mutations

from trialmill.api.problem import Problem

MANY: Final = 3
"""New problems beyond which a single mistake makes noise."""


@dataclass(slots=True)
class Tally:
    """`wrong` mutations, those of them that were `found`, found `at_line`, and that made more noise than `MANY`."""

    wrong: int = 0
    found: int = 0
    at_line: int = 0
    noisy: int = 0

    def row(self) -> str:
        share = 100 * self.at_line / self.wrong if self.wrong else 100.0
        return f"{self.wrong:6} {self.found:6} {self.at_line:8} {share:6.1f} % {self.noisy:6}"

    @property
    def share(self) -> float:
        """Of the wrong ones, how many were found at their line."""
        return self.at_line / self.wrong if self.wrong else 1.0


@dataclass(slots=True)
class Measured:
    """The tallies by kind of mistake and by sample, and what was missed: not found, or not at its line."""

    by_kind: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_sample: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    all: Tally = field(default_factory=Tally)
    misses: list[tuple[Sample, Mutation, list[Problem]]] = field(default_factory=list)
    tried: int = 0


def measure(chosen: Iterable[tuple[Sample, Mutation]]) -> Measured:
    """Check each mutated file. Whatever raises is let through: bad input is no reason to."""
    measured = Measured()
    for sample, mutation in chosen:
        measured.tried += 1
        known = known_problems(sample)
        found = problems_of(mutation.data, sample.file)
        new = [p for p in found if (p.code, p.path, p.message) not in known]
        if not new and not mutation.certain:
            continue
        at_line = any(p.line in mutation.lines or (not p.line and 1 in mutation.lines) for p in new)
        for tally in (measured.all, measured.by_kind[mutation.kind], measured.by_sample[sample.name]):
            tally.wrong += 1
            tally.found += bool(new)
            tally.at_line += at_line
            tally.noisy += len(new) > MANY
        if not at_line:
            measured.misses.append((sample, mutation, new))
    return measured


def some(count: int | None, seed: int = 0) -> list[tuple[Sample, Mutation]]:
    """All mutations of all samples, or a fixed choice of so many."""
    everything = [(sample, making) for sample in samples() for making in mutations(sample)]
    chosen = everything if count is None else random.Random(seed).sample(everything, min(count, len(everything)))
    return [(sample, mutation) for sample, making in chosen if (mutation := making()) is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int)
    parser.add_argument("--misses", nargs="?", const="", help="list what was missed, of one kind or of all")
    args = parser.parse_args()
    measured = measure(some(args.count))
    print(f"{measured.tried} mutations")
    for title, tallies in (("kind", measured.by_kind), ("file", measured.by_sample)):
        print(f"\n{title:<32}{'wrong':>6} {'found':>6} {'at line':>8} {'share':>8} {'noisy':>6}")
        for name, tally in sorted(tallies.items()):
            print(f"{name:<32}{tally.row()}")
    print(f"{'all':<32}{measured.all.row()}")
    if args.misses is not None:
        for sample, mutation, new in measured.misses:
            if args.misses in ("", mutation.kind):
                print(f"\n{sample.name}: {mutation.what}, expected at {sorted(mutation.lines)}")
                for problem in new:
                    print(f"    {problem.line}: {problem.path}: {problem.message} [{problem.code}]")


if __name__ == "__main__":
    main()
