"""The `trialmill` command: its arguments, and which module carries each subcommand out.

Only argparse is imported here; a subcommand's module comes in when it is called, so that `--help` costs next to
nothing.
"""

import argparse
import gc
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from trialmill import __version__
from trialmill.cli.failures import guarded
from trialmill.cli.hints import Hints


class _Command(argparse.ArgumentParser):
    """The arguments of one subcommand."""

    optional: str = ""
    """The argument that may be left out, and that argparse takes for left out once it has seen an option after NAME."""

    def parse_known_args(  # type: ignore[override] # argparse declares overloads for other namespaces, unused here
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        found, rest = super().parse_known_args(args, namespace)
        if len(rest) == 1 and not rest[0].startswith("-") and getattr(found, self.optional, "") is None:
            setattr(found, self.optional, rest.pop())
        return found, rest


_Subcommands: TypeAlias = "argparse._SubParsersAction[_Command]"

_DESCRIPTION: Final = "Hyperparameter tuning from one Katib Experiment file, on this machine or on a cluster."
_EPILOG: Final = """\
Start with `trialmill validate FILE` and `trialmill try FILE`, then `trialmill run FILE`.
Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.
"""


_LARGEST_SEED: Final = 2**63 - 1
_OBJECTS: Final = 50_000
"""New objects after which garbage is looked for; Python's own 700 is made for programs that run long."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Raises SystemExit for --help and for arguments that cannot be read."""
    return guarded(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    # Imports and records make many objects that stay: looking for garbage among them takes a tenth of a short command.
    gc.set_threshold(_OBJECTS)
    args = build_parser().parse_args(argv)
    module, _, function = args.handler.partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(module), function)
    return guarded(lambda: command(args), Hints.of(args).options)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trialmill",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"trialmill {__version__}")
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Command)
    for add in (_add_files, _add_running, _add_showing, _add_following, _add_control):
        add(subcommands)
    return parser


def _add_files(subcommands: _Subcommands) -> None:
    validate = _command(
        subcommands, "validate", "validate:validate_command", "show everything that is wrong with files"
    )
    validate.add_argument("files", nargs="+", metavar="FILE", help="an Experiment with what belongs to it; - for stdin")
    validate.add_argument("--strict", action="store_true", help="warnings are errors")
    _add_hydrate(validate)
    _add_output(validate, "text", "json")

    explain = _command(subcommands, "explain", "explain:explain_command", "say what a problem's code means")
    explain.add_argument(
        "code", nargs="?", metavar="CODE", help="what stands in brackets; all codes where it is left out"
    )
    _add_output(explain, "text", "json")

    schema = _command(subcommands, "schema", "schema:schema_command", "print the JSON Schema of files, for editors")
    schema.add_argument(
        "what",
        nargs="?",
        choices=("file", "experiment", "trialtemplate"),
        default="file",
        help="of whole files, of an Experiment or of a TrialTemplate; default: file",
    )

    _add_init(subcommands)

    convert = _command(subcommands, "convert", "convert:convert_command", "print an Experiment in the normal form")
    convert.add_argument("files", nargs="+", metavar="FILE", help="an Experiment with what belongs to it; - for stdin")

    render = _command(subcommands, "render", "render:render_command", "print the manifest that a trial would create")
    _add_file(render)
    values = render.add_mutually_exclusive_group()
    values.add_argument("--corner", choices=("min", "max"), help="all smallest or all largest values")
    values.add_argument("--trial", metavar="TRIAL", help="that trial's manifest, from the store")
    render.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="values",
        help="a parameter's value; repeatable",
    )
    _add_hydrate(render)
    _add_output(render, "yaml", "json")
    _add_place(render)


def _add_init(subcommands: _Subcommands) -> None:
    init = _command(subcommands, "init", "init:init_command", "write an Experiment from a manifest that works")
    init.add_argument(
        "--from",
        required=True,
        metavar="FILE",
        dest="source",
        help="the manifest of a Job and the like, or a TrialTemplate",
    )
    init.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="PATH=SPACE",
        help="a field and its values, such as lr=log:1e-5..1e-1 or spec.parallelism=1..4; repeatable;"
        " asked for where it is left out",
    )
    init.add_argument("--metric", metavar="NAME", help="the metric that is optimised")
    direction = init.add_mutually_exclusive_group()
    direction.add_argument(
        "--maximize", action="store_true", default=None, dest="direction", help="more of the metric is better"
    )
    direction.add_argument("--minimize", action="store_false", default=None, dest="direction", help="less is better")
    init.add_argument("--container", metavar="NAME", help="the container that prints the metric")
    init.add_argument("--name", metavar="NAME", help="the Experiment's name")
    init.add_argument("--max-trials", type=_count, metavar="N", help="trials in all")
    init.add_argument("-o", "--output", metavar="FILE", default="-", help="where to write it; default: stdout")
    init.add_argument("--force", action="store_true", help="replace a file that is there")


def _add_running(subcommands: _Subcommands) -> None:
    try_ = _command(
        subcommands, "try", "run:try_command", "run one trial on defaults: are its metrics and its end seen?"
    )
    _add_file(try_)
    _add_images(try_)
    _add_hydrate(try_)
    _add_cluster(try_)
    try_.add_argument("--timeout", metavar="TIME", help="give up after this long, such as 90s or 10m")
    _add_output(try_, "text", "json", "yaml")
    _add_place(try_)

    run = _command(subcommands, "run", "run:run_command", "run an experiment, or go on with it")
    _add_file(run)
    run.add_argument("--parallel", metavar="N", help="trials at a time, or `auto` to fill the machine")
    run.add_argument("--max-trials", type=_count, metavar="N", help="trials in all")
    run.add_argument("--seed", type=_seed, metavar="N", help="the seed of the search")
    run.add_argument("--timeout", metavar="TIME", help="end the experiment after this long, such as 10m or 2h")
    _add_images(run)
    _add_hydrate(run)
    _add_cluster(run)
    _add_durable(run)
    _add_output(run, "text", "json", "yaml")
    _add_place(run)

    resume = _command(
        subcommands, "resume", "run:resume_command", "go on with a paused, stopped or extended experiment"
    )
    _add_name(resume)
    _add_hydrate(resume)
    _add_durable(resume)
    _add_output(resume, "text", "json", "yaml")
    _add_place(resume)

    check = _command(
        subcommands, "check-cluster", "clusters:check_command", "show what a cluster lacks, or would refuse of a file"
    )
    check.add_argument("file", metavar="FILE", nargs="?", help="the file with the Experiment; - for stdin")
    _add_context(check)
    _add_printer_image(check)
    check.add_argument("-n", "--namespace", metavar="NAMESPACE", help="the namespace; default: the context's")
    _add_hydrate(check)
    check.add_argument("--role", action="store_true", help="print the Role that a run needs, to be applied")
    _add_output(check, "text", "json")


def _add_showing(subcommands: _Subcommands) -> None:
    list_ = _command(subcommands, "list", "show:list_command", "all experiments")
    _add_output(list_, "table", "json", "yaml", "name")
    _add_place(list_)

    get = _command(subcommands, "get", "show:get_command", "one experiment, as Katib would show it")
    _add_name(get)
    _add_output(get, "table", "json", "yaml", "name")
    _add_place(get)

    describe = _command(subcommands, "describe", "describe:describe_command", "everything about one experiment")
    _add_name(describe)
    _add_place(describe)

    trials = _command(subcommands, "trials", "show:trials_command", "an experiment's trials")
    _add_name(trials)
    _add_output(trials, "table", "json", "yaml", "name")
    _add_place(trials)

    best = _command(subcommands, "best", "show:best_command", "the best trial so far")
    _add_name(best)
    _add_output(best, "table", "manifest", "params", "json", "yaml", "name")
    _add_place(best)

    metrics = _command(subcommands, "metrics", "points:metrics_command", "every value that trials reported")
    _add_name(metrics)
    _add_trial(metrics, "all trials where it is left out")
    _add_output(metrics, "table", "json")
    _add_place(metrics)

    export = _command(subcommands, "export", "points:export_command", "one row per trial, for other programs")
    _add_name(export)
    export.add_argument("--format", choices=("csv", "json"), default="csv", help="default: csv")
    _add_place(export)


def _add_following(subcommands: _Subcommands) -> None:
    logs = _command(subcommands, "logs", "logs:logs_command", "what a trial printed")
    _add_name(logs)
    _add_trial(logs, "the best one where it is left out, else the latest")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the trial is over")
    which = logs.add_mutually_exclusive_group()
    which.add_argument("-c", "--container", metavar="CONTAINER", help="this container; default: the one that counts")
    which.add_argument("--all-containers", action="store_true", help="every container of every pod, each with a title")
    logs.add_argument("-p", "--previous", action="store_true", help="of the run before the container was restarted")
    _add_place(logs)

    watch = _command(subcommands, "watch", "watch:watch_command", "a line for each change, until the end")
    _add_name(watch)
    _add_place(watch)


def _add_control(subcommands: _Subcommands) -> None:
    texts = {
        "pause": "start no new trials; Jobs are suspended, other running trials end by themselves",
        "stop": "end running trials; `resume` goes on with them",
        "delete": "forget an experiment, with its trials, metrics and logs",
    }
    for name, text in texts.items():
        command = _command(subcommands, name, f"control:{name}_command", text)
        _add_name(command)
        if name == "delete":
            command.add_argument(
                "--cascade",
                choices=("background", "orphan"),
                default="background",
                help="orphan: leave there what is on a cluster, such as one that is gone; default: delete that too",
            )
        _add_place(command)
    extend = _command(subcommands, "extend", "control:extend_command", "allow more trials, or what else has ended it")
    _add_name(extend)
    extend.add_argument("--max-trials", type=_count, metavar="N", help="trials in all")
    extend.add_argument("--max-failed", type=_count, metavar="N", help="failed trials that end it")
    extend.add_argument("--past-goal", action="store_true", help="do not end at the objective's goal any more")
    _add_place(extend)


# --- arguments that several subcommands have


def _command(subcommands: _Subcommands, name: str, handler: str, text: str) -> _Command:
    """`handler` is a module of `trialmill.cli` and a function in it."""
    description = text[:1].upper() + text[1:] + ("" if text.endswith("?") else ".")
    parser = subcommands.add_parser(name, help=text, description=description, allow_abbrev=False)
    parser.set_defaults(handler=f"trialmill.cli.{handler}")
    return parser


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file with the Experiment; - for stdin")
    parser.add_argument(
        "--with",
        action="append",
        default=[],
        metavar="FILE",
        dest="companions",
        help="what it refers to: templates, ConfigMaps, Secrets",
    )
    parser.add_argument("--name", metavar="NAME", help="a name in place of the file's")


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the experiment")


def _add_trial(parser: _Command, default: str) -> None:
    parser.add_argument("trial", metavar="TRIAL", nargs="?", help=f"a trial; {default}")
    parser.optional = "trial"


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", action="append", default=[], metavar="NAME=DIR", dest="images", help="a folder in place of an image"
    )


def _add_hydrate(parser: argparse.ArgumentParser) -> None:
    text = "let the file's own function or command make the trials: code of its author runs on this machine"
    parser.add_argument("--allow-hydrate", action="store_true", help=text)


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runtime", choices=("local", "kubernetes"), default="local", help="where trials run; default: local"
    )
    _add_context(parser)
    parser.add_argument(
        "--pending-timeout", metavar="TIME", help="give up a trial that waits this long for an image or a node"
    )
    _add_printer_image(parser)


def _add_printer_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--printer-image", metavar="IMAGE", help="the image that prints a file with metrics")


def _add_context(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--context", metavar="CONTEXT", help="the cluster, as the kubeconfig calls it")


def _add_durable(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--durable", action="store_true", help="lose nothing to a power cut either; slower")


def _add_output(parser: argparse.ArgumentParser, *formats: str) -> None:
    """The first format is the default."""
    parser.add_argument("-o", "--output", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--namespace", metavar="NAMESPACE", help="the experiment's namespace")
    parser.add_argument("--store", metavar="PATH", help="the store; default: $TRIALMILL_STORE, .trialmill/store.db")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2^63 - 1, found {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
