"""`render`: the manifest that a trial would create."""

import argparse
import sys

from trialmill.api.problem import Severity
from trialmill.api.tree import JsonObject, get_string
from trialmill.cli.failures import BAD_INPUT, OK, complain, refuse
from trialmill.cli.output import write_json, write_yaml
from trialmill.cli.reading import store_of, with_store
from trialmill.cli.validate import problem_text
from trialmill.engine.ports import Stores
from trialmill.root.lookup import experiment_of, find_experiment, find_trial
from trialmill.root.manifests import sample_manifest, stored_manifest
from trialmill.root.opening import runs_directory
from trialmill.root.prepare import Prepared, prepare


def render_command(args: argparse.Namespace) -> int:
    prepared = prepare(
        [args.file, *args.companions], name=args.name, namespace=args.namespace, allow_hydrate=args.allow_hydrate
    )
    if prepared.checked is None:
        _show_why(prepared)
        return BAD_INPUT
    if args.trial:
        if args.values:
            refuse("--set makes a new trial's manifest, --trial shows an old one's; choose one of them")
        checked = prepared.checked
        # A run may have had its namespace from a context: one that nobody wrote is not looked for.
        written = get_string(checked.document.tree, "metadata", "namespace") if checked.document else ""
        args.name, args.namespace = checked.experiment.name, args.namespace or written or None
        manifest = with_store(args, lambda stores: _of_trial(stores, args))
    else:
        manifest, warnings = sample_manifest(prepared.checked, args.corner, args.values)
        for warning in warnings:
            complain(f"warning: {warning}")
    if args.output == "json":
        write_json(manifest)
    else:
        write_yaml(manifest)
    return OK


def _show_why(prepared: Prepared) -> None:
    """What keeps the file from being rendered, on stderr, since stdout is for manifests; `validate` shows the rest."""
    for problem in prepared.problems:
        if problem.severity in (Severity.ERROR, Severity.UNAVAILABLE):
            print(problem_text(problem, prepared.lines), file=sys.stderr)


async def _of_trial(stores: Stores, args: argparse.Namespace) -> JsonObject:
    record = await find_experiment(stores, args.name, args.namespace)
    return stored_manifest(
        await find_trial(stores, record, args.trial), record, experiment_of(record), runs_directory(store_of(args))
    )
