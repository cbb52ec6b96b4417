"""What the commands that show or change stored experiments have in common."""

import argparse
import os
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from trialmill.cli.hints import Hints
from trialmill.engine.ports import Stores
from trialmill.root.interrupts import run_in_loop
from trialmill.root.lookup import Subject, find_subject
from trialmill.root.opening import open_existing, store_path

T = TypeVar("T")

EXPERIMENT: Final = "experiment.kubeflow.org"
TRIAL: Final = "trial.kubeflow.org"
"""What `-o name` puts before a name, as kubectl does."""


def store_of(args: argparse.Namespace) -> str:
    """The path of the store that the command line means."""
    return store_path(args.store, os.environ)


def with_store(args: argparse.Namespace, work: Callable[[Stores], Awaitable[T]]) -> T:
    """Do something with the store, which has to be there already."""

    results: list[T] = []

    async def opened() -> None:
        async with open_existing(store_of(args)) as stores:
            results.append(await work(stores))

    # The result is handed over beside the task: on its way out `run_in_loop` makes a repr of what the task returned,
    # which takes a quarter of a second for two thousand trials.
    run_in_loop(opened())
    return results[0]


def read_subject(args: argparse.Namespace) -> Subject:
    """The experiment that the command line names, with its trials."""
    return with_store(args, lambda stores: find_subject(stores, args.name, args.namespace))


def resume_hint(args: argparse.Namespace) -> str:
    """The command that goes on with the experiment that this command line names."""
    return Hints.of(args).command("resume", args.name)
