"""`logs`: what a trial printed, as it was printed."""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trialmill.cli.failures import OK, complain
from trialmill.cli.reading import resume_hint, store_of, with_store
from trialmill.engine.ports import Stores
from trialmill.engine.records import ExperimentRecord, TrialRecord
from trialmill.root.creating import cluster_of
from trialmill.root.errors import InputError, NextStep
from trialmill.root.logs import Output, containers, outputs, previous_runs
from trialmill.root.lookup import Subject, find_subject, find_trial
from trialmill.root.opening import runs_directory

_CHUNK: Final = 1 << 16
_POLL: Final = 0.2
"""Seconds between two looks at files that grow."""


def logs_command(args: argparse.Namespace) -> int:
    return with_store(args, lambda stores: _print(stores, args))


async def _print(stores: Stores, args: argparse.Namespace) -> int:
    subject, trial = await _choose(stores, args)
    usual = subject.experiment.spec.template.primary_container or None
    container = None if args.all_containers else args.container or usual
    printer = Printer(runs_directory(store_of(args)), container, previous=args.previous)
    if cluster_of(subject.record) is not None:
        from trialmill.cli.pod_logs import print_from_cluster

        driven = await stores.trials.holder(subject.record.ref) is not None
        is_kept = bool(outputs(printer.runs, trial.key, container)) and (driven or trial.phase.is_over)
        will_be_kept = args.follow and driven and args.container in (None, usual)
        if args.all_containers or args.previous or not (is_kept or will_be_kept):
            return await print_from_cluster(stores, subject, trial, args, printer)
    await print_kept(stores, subject.record, trial, args, printer)
    if not printer.has_seen_any:
        _explain_silence(trial, printer)
    return OK


async def print_kept(
    stores: Stores, record: ExperimentRecord, trial: TrialRecord, args: argparse.Namespace, printer: "Printer"
) -> None:
    """What is in files beside the store, to the end where it is to be followed."""
    if args.follow and not args.previous:
        await _follow(stores, record, trial, printer, resume_hint(args))
    else:
        printer.print_new(trial)


async def _choose(stores: Stores, args: argparse.Namespace) -> tuple[Subject, TrialRecord]:
    """The named trial, else the best, else the latest. Where the output is to be followed, the latest trial that is not
    over comes first.
    """
    subject = await find_subject(stores, args.name, args.namespace)
    record = subject.record
    if args.trial:
        return subject, await find_trial(stores, record, args.trial)
    if not subject.trials:
        raise InputError(f"{record.name} has no trials yet", steps=[NextStep("see", "describe", record.name)])
    growing = [trial for trial in subject.trials if args.follow and not trial.phase.is_over]
    best = None if growing else subject.best()
    trial = best or [*subject.trials, *growing][-1]
    complain(f"{'the best' if best else 'the latest'} trial, {trial.name}:")
    return subject, trial


async def _follow(stores: Stores, record: ExperimentRecord, trial: TrialRecord, printer: "Printer", hint: str) -> None:
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


def _explain_silence(trial: TrialRecord, printer: "Printer") -> None:
    others = containers(outputs(printer.runs, trial.key))
    if others and printer.previous:
        complain(f"no container of {trial.name} was restarted, so there is no previous run")
    elif others:
        complain(f"{trial.name} has no output of container {printer.container}; there are {', '.join(others)}")
    else:
        complain(f"{trial.name} has printed nothing yet")


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
