"""`logs` of what is not kept beside the store: from the pods that are still on the cluster."""

import argparse
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

from trialmill.cli.failures import OK, complain
from trialmill.cli.kept_logs import Printer, print_kept
from trialmill.engine.ports import Stores
from trialmill.engine.records import ExperimentRef, TrialRecord
from trialmill.root.errors import RefusedError
from trialmill.root.logs import containers, outputs
from trialmill.root.lookup import Subject
from trialmill.root.pod_logs import Piece, PodLogs, Wanted, logs_there
from trialmill.root.waiting import wait_of


async def print_from_cluster(
    stores: Stores, subject: Subject, trial: TrialRecord, args: argparse.Namespace, printer: Printer
) -> int:
    """The outputs that the command line wants; the copy that is kept of them where the pods are gone. Raises InputError
    for a container that is not there, RefusedError where nothing can be shown.
    """
    wanted = Wanted(args.container or "", args.all_containers, args.previous)
    record = subject.record
    try:
        async with logs_there(record, subject.experiment) as there:
            follow = args.follow and not wanted.previous
            if await _print_pods(there, stores, record.ref, trial, wanted, follow=follow):
                return OK
    except RefusedError as error:
        if wanted.previous or not outputs(printer.runs, trial.key, printer.container):
            raise
        complain(str(error))
    kept = containers(outputs(printer.runs, trial.key))
    if wanted.previous or (kept and printer.container not in (None, *kept)):
        rest = f"; kept is what container {', '.join(kept)} printed" if kept else ""
        raise RefusedError(f"{trial.name} has no pods on the cluster (any more){rest}")
    if kept:
        complain(f"this is the copy of what was read of {trial.name}: its pods are gone, or cannot be seen")
        await print_kept(stores, record, trial, args, printer)
        return OK
    wait = wait_of(trial)
    because = f": it waits, {wait.reason}: {wait.message}" if wait else ""
    complain(f"{trial.name} has printed nothing yet{because}")
    return OK


async def _print_pods(
    there: PodLogs, stores: Stores, ref: ExperimentRef, trial: TrialRecord, wanted: Wanted, *, follow: bool
) -> bool:
    """Whether there was a pod to read."""
    found = await there.find(trial, wanted)
    if not found and (trial.phase.is_over or not follow):
        return False

    async def look() -> tuple[TrialRecord, bool]:
        driven = await stores.trials.holder(ref) is not None
        now = await stores.trials.trial(trial.experiment_uid, trial.name)
        return now, driven and not now.phase.is_over

    pieces = there.followed(wanted, look) if follow else there.printed(found, wanted)
    await _write(pieces, titled=len(found) != 1)
    return True


async def _write(pieces: AsyncGenerator[Piece, None], *, titled: bool) -> None:
    """Bytes as they are: a log need not be text. A title where another output goes on."""
    last = ""
    async with aclosing(pieces):
        async for piece in pieces:
            if titled and piece.title != last:
                sys.stdout.buffer.write(f"==> {piece.title} <==\n".encode())
                last = piece.title
            sys.stdout.buffer.write(piece.data)
            sys.stdout.flush()
