"""Katib's objects on stdout. Apart from the tables, which people wait for: those do without templates and YAML."""

import argparse
from collections.abc import Sequence

from trialmill.api.tree import JsonObject
from trialmill.cli.output import write_json, write_yaml
from trialmill.cli.reading import store_of
from trialmill.engine.records import TrialRecord
from trialmill.root.lookup import Subject
from trialmill.root.manifests import stored_manifest
from trialmill.root.objects import experiment_object, list_object, trial_objects
from trialmill.root.opening import runs_directory
from trialmill.root.overview import Overview


def write_experiments(found: Sequence[Overview], args: argparse.Namespace) -> None:
    """An ExperimentList; what cannot be read is left out."""
    items = [experiment_object(each.record, each.trials, each.experiment) for each in found if each.experiment]
    _write(list_object("Experiment", items), args)


def write_experiment(subject: Subject, args: argparse.Namespace) -> None:
    """One Experiment."""
    _write(experiment_object(subject.record, subject.trials, subject.experiment), args)


def write_trials(subject: Subject, args: argparse.Namespace) -> None:
    """A TrialList."""
    _write(list_object("Trial", trial_objects(subject, subject.trials)), args)


def write_trial(subject: Subject, trial: TrialRecord, args: argparse.Namespace) -> None:
    """One Trial, or with `-o manifest` its resource alone."""
    if args.output == "manifest":
        write_yaml(stored_manifest(trial, subject.record, subject.experiment, runs_directory(store_of(args))))
    else:
        _write(trial_objects(subject, [trial])[0], args)


def _write(tree: JsonObject, args: argparse.Namespace) -> None:
    if args.output == "yaml":
        write_yaml(tree)
    else:
        write_json(tree)
