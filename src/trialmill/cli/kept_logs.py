"""`logs` of what is kept beside the store, to its end where that is to be followed."""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trialmill.cli.failures import complain
from trialmill.cli.reading import resume_hint
from trialmill.engine.ports import Stores
from trialmill.engine.records import ExperimentRecord, TrialRecord
from trialmill.root.logs import Output, outputs, previous_runs

_CHUNK: Final = 1 << 16
_POLL: Final = 0.2
"""Seconds between two looks at files that grow."""


@dataclass(slots=True)
class Printer:
    """Prints outputs from where it stopped the last time."""

    runs: Path
    container: str | None
    previous: bool = False
    positions: dict[str, int] = field(default_factory=dict)
    last: str = ""
    is_growing: bool = False
    """Whether one of the outputs last looked at belongs to a run that is not over."""

    @property
    def has_seen_any(self) -> bool:
        return bool(self.positions)

    def print_new(self, trial: TrialRecord) -> None:
        """What was added to the outputs of the trial's latest attempt."""
        found = outputs(self.runs, trial.key, self.container)
        if self.previous:
            found = previous_runs(found)
        self.is_growing = any(not output.is_over for output in found)
        for output in found:
            self._print_new(output, titled=len(found) > 1)
        sys.stdout.flush()

    def _print_new(self, output: Output, *, titled: bool) -> None:
        try:
            descriptor = os.open(output.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            position = self.positions.setdefault(output.stem, 0)
            while data := os.pread(descriptor, _CHUNK, position):
                if titled and self.last != output.stem:
                    self._write(f"==> {output.title} <==\n".encode())
                self.last = output.stem
                self._write(data)
                position += len(data)
            self.positions[output.stem] = position
        finally:
            os.close(descriptor)

    def _write(self, data: bytes) -> None:
        """Bytes as they are: a log need not be text."""
        sys.stdout.buffer.write(data)


async def print_kept(
    stores: Stores, record: ExperimentRecord, trial: TrialRecord, args: argparse.Namespace, printer: Printer
) -> None:
    """What is in files beside the store, to the end where it is to be followed."""
    if args.follow and not args.previous:
        await _follow(stores, record, trial, printer, resume_hint(args))
    else:
        printer.print_new(trial)


async def _follow(stores: Stores, record: ExperimentRecord, trial: TrialRecord, printer: Printer, hint: str) -> None:
    """Print what is added until the trial is over, or nobody is left to bring it there."""
    while True:
        # In this order: neither an end that was saved before nobody drove it any more is missed, nor what was printed
        # before the trial was seen to be over.
        driven = await stores.trials.holder(record.ref) is not None
        trial = await stores.trials.trial(record.uid, trial.name)
        printer.print_new(trial)
        if trial.phase.is_over:
            return
        if not driven and not printer.is_growing:
            complain(f"nobody runs {record.name} now, so nothing is added; go on with: {hint}")
            return
        await asyncio.sleep(_POLL)
