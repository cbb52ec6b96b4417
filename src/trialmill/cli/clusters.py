"""`check-cluster`, and what the command line says about clusters."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

from trialmill.api.problem import Severity
from trialmill.api.tree import JsonObject
from trialmill.cli.failures import BAD_INPUT, OK, complain, refuse
from trialmill.cli.output import write_json, write_line, write_yaml
from trialmill.cli.validate import SHOWN_NOTES, problem_object, problem_text
from trialmill.root.clusters import Found, check_cluster, check_there, chosen_cluster, cluster_schema, roles_for
from trialmill.root.creating import ClusterChoice
from trialmill.root.interrupts import run_in_loop
from trialmill.root.prepare import Lines, prepare

Duration: TypeAlias = Callable[[str | None, str], timedelta | None]


def cluster_choice(args: argparse.Namespace, duration: Duration) -> tuple[ClusterChoice, str]:
    """The cluster that `--runtime kubernetes` means, and its context's namespace."""
    if args.images:
        refuse("--image is for this machine: a cluster pulls images by their names")
    choice = ClusterChoice(
        context=args.context or "",
        printer_image=args.printer_image or "",
        pending_timeout=duration(args.pending_timeout, "--pending-timeout"),
    )
    return chosen_cluster(choice, os.environ)


def check_command(args: argparse.Namespace) -> int:
    choice = ClusterChoice(context=args.context or "", printer_image=args.printer_image or "")
    choice, namespace = chosen_cluster(choice, os.environ)
    if args.file is None:
        if args.role:
            return _show_roles(run_in_loop(roles_for(choice, args.namespace or namespace)))
        return _show(run_in_loop(check_cluster(choice, args.namespace or namespace)), {}, args.output)
    schema = cluster_schema(choice)
    prepared = prepare(
        [args.file],
        namespace=args.namespace,
        cluster_namespace=namespace,
        schema=schema,
        allow_hydrate=args.allow_hydrate,
    )
    if prepared.checked is None:
        _show_problems(Found("", "", prepared.problems), prepared.lines, args.output)
        complain("the file must be right before the cluster is asked about its trials")
        return BAD_INPUT
    if args.role:
        return _show_roles(run_in_loop(roles_for(choice, namespace, prepared.checked)))
    found = run_in_loop(check_there(prepared.checked, choice))
    told = [p for p in prepared.problems if p.severity is Severity.WARNING or p.code in SHOWN_NOTES]
    return _show(replace(found, problems=(*told, *found.problems)), prepared.lines, args.output)


def _show_roles(roles: Sequence[JsonObject]) -> int:
    for position, role in enumerate(roles):
        if position:
            write_line("---")
        write_yaml(role)
    return OK


def _show(found: Found, lines: Lines, output: str) -> int:
    errors = _show_problems(found, lines, output)
    if output != "json":
        verdict = f"{errors} problem{'' if errors == 1 else 's'} to solve first" if errors else "ready for trials"
        write_line(f"Kubernetes {found.version or 'of an unknown version'} at {found.server}: {verdict}")
    return BAD_INPUT if errors else OK


def _show_problems(found: Found, lines: Lines, output: str) -> int:
    """How many of them are errors."""
    errors = sum(problem.severity is Severity.ERROR for problem in found.problems)
    if output == "json":
        problems = [problem_object(problem) for problem in found.problems]
        write_json({"server": found.server, "version": found.version, "problems": problems, "errors": errors})
    else:
        for problem in found.problems:
            print(problem_text(problem, lines, colour=False), file=sys.stderr)
    return errors
