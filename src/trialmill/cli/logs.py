"""`logs`: what a trial printed, as it was printed."""

import argparse

from trialmill.cli.failures import OK, complain
from trialmill.cli.kept_logs import Printer, print_kept
from trialmill.cli.reading import store_of, with_store
from trialmill.engine.ports import Stores
from trialmill.engine.records import TrialRecord
from trialmill.root.creating import cluster_of
from trialmill.root.errors import InputError, NextStep
from trialmill.root.logs import containers, outputs
from trialmill.root.lookup import Subject, find_subject, find_trial
from trialmill.root.opening import runs_directory


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


def _explain_silence(trial: TrialRecord, printer: Printer) -> None:
    others = containers(outputs(printer.runs, trial.key))
    if others and printer.previous:
        complain(f"no container of {trial.name} was restarted, so there is no previous run")
    elif others:
        complain(f"{trial.name} has no output of container {printer.container}; there are {', '.join(others)}")
    else:
        complain(f"{trial.name} has printed nothing{'' if trial.phase.is_over else ' yet'}")
