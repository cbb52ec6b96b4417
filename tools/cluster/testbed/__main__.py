"""The commands of the test bed: `tools/cluster/up`, `down`, `list`, `build`, `image`, `clock`."""

import argparse
import re
import socket
import sys
from pathlib import Path

from testbed import argo, builds, images, keys, namespaces, operators, packages, start, trainer, training_operator
from testbed.place import CannotRunError, Plan, cache, clusters, folder_of, say

_OPERATORS = {
    training_operator.NAME: builds.training_operator,
    trainer.NAME: builds.trainer,
    argo.NAME: builds.argo,
}
"""What `up` can install, each by an option of its name, and how it is built."""
_BUILT_WHEN_ASKED_FOR = {argo.NAME}
"""What takes so long to build that `build` leaves it to those who want it."""

IMPOSSIBLE = 3
"""The exit status where this machine lacks what a cluster takes: nothing has failed, and tests are skipped."""


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        result: int = options.run(options)
    except CannotRunError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return result


def up(options: argparse.Namespace) -> int:
    """Prints the kubeconfig's path, and on stderr what else is good to know."""
    obstacle = _obstacle()
    wanted = [name for name in _OPERATORS if getattr(options, name.replace("-", "_"))]
    if wanted:
        obstacle = obstacle or builds.obstacle() or operators.obstacle()
    if obstacle:
        say(obstacle)
        return IMPOSSIBLE
    if not start.is_up(options.name):
        _start(options)
    for name in wanted:
        start.add_operator(options.name, name, _OPERATORS[name]())
    print(folder_of(options.name) / "kubeconfig")
    return 0


def _start(options: argparse.Namespace) -> None:
    real = not options.stand_in and _may_have_a_real_node()
    api, etcd = _listening(), _listening()
    plan = _plan(options, real=real, ports=(api.getsockname()[1], etcd.getsockname()[1]))
    if not real:
        api.close()
        etcd.close()
    folder = start.up(plan, (api, etcd) if real else ())
    nodes = "a real node and a stand-in node" if real else "a stand-in node"
    took = (folder / "ready").read_text().strip()
    say(f"{options.name}: {nodes}, ready after {took}; tools/cluster/down {options.name} ends it")


def down(options: argparse.Namespace) -> int:
    if not start.down(options.name):
        say(f"there is no cluster {options.name}")
    return 0


def build(options: argparse.Namespace) -> int:
    """All that `up` may need, so that it takes seconds; where Go is missing that is said, and is no failure."""
    if obstacle := _obstacle():
        say(f"nothing is built for the tests on a real cluster, and they will be skipped: {obstacle}")
        return 0
    builds.kubernetes()
    if _may_have_a_real_node():
        _node_images()
        builds.dns()
    if builds.obstacle() is None:
        for name, built in _OPERATORS.items():
            if name not in _BUILT_WHEN_ASKED_FOR or options.argo:
                built()
    return 0


def image(options: argparse.Namespace) -> int:
    folder = folder_of(options.cluster)
    if not start.is_up(options.cluster):
        raise CannotRunError(f"there is no cluster {options.cluster}")
    if not Plan.read(folder).real_node:
        return 0  # on the stand-in node every image is there
    unfinished = folder / "images" / f"{options.tag.replace('/', '_').replace(':', '_')}.unfinished"
    images.from_folder(options.tag, Path(options.folder), unfinished)
    start.add_image(unfinished)
    return 0


def clock(_: argparse.Namespace) -> int:
    """Prints a library for LD_PRELOAD."""
    if obstacle := packages.obstacle():
        say(obstacle)
        return IMPOSSIBLE
    try:
        print(packages.for_clock())
    except CannotRunError as error:
        say(str(error).splitlines()[0])
        return IMPOSSIBLE
    return 0


def list_clusters(_: argparse.Namespace) -> int:
    for folder in sorted(clusters().glob("*/")):
        print(folder.name, "up" if start.is_up(folder.name) else "down", folder / "kubeconfig", sep="\t")
    return 0


def _obstacle() -> str | None:
    """Why there can be no cluster of any sort here, or None."""
    return keys.obstacle() or (None if builds.assets() else builds.obstacle())


def _may_have_a_real_node() -> bool:
    """Says why not, in one line, where it cannot be."""
    ready = builds.assets()
    reason = namespaces.obstacle(cache()) or builds.obstacle() or packages.obstacle()
    if ready and not (ready / "kubelet").exists():
        reason = f"{ready} has no kubelet"
    if not reason:
        try:
            packages.for_node()
        except CannotRunError as error:
            reason = str(error)
    if reason:
        say(f"no real node, a stand-in node alone: {reason}")
    return reason is None


def _plan(options: argparse.Namespace, *, real: bool, ports: tuple[int, int]) -> Plan:
    return Plan(
        name=options.name,
        programs=str(builds.kubernetes()),
        real_node=real,
        dns=str(builds.dns()) if real else None,
        packages=str(packages.for_node()) if real else None,
        images=tuple(map(str, _node_images())) if real else (),
        owner=options.owner,
        api_port=ports[0],
        etcd_port=ports[1],
    )


def _node_images() -> list[Path]:
    return [images.pause(), images.busybox(), images.python()]


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", text):
        raise argparse.ArgumentTypeError(f"{text} is no name: small letters, digits and -, at most 41")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/cluster", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("up", help="start a cluster, and print where its kubeconfig is")
    named = "its name, `default` if not said: several can run side by side"
    command.add_argument("name", nargs="?", type=_name, default="default", help=named)
    command.add_argument("--stand-in", action="store_true", help="no real node: one that runs nothing and says it did")
    command.add_argument("--training-operator", action="store_true", help="with Kubeflow's training operator")
    command.add_argument("--trainer", action="store_true", help="with Kubeflow Trainer and JobSet")
    command.add_argument("--argo", action="store_true", help="with Argo Workflows, on a real node")
    command.add_argument("--owner", type=int, metavar="PID", help="the cluster ends when this process does")
    command.set_defaults(run=up)
    command = commands.add_parser("down", help="end a cluster, and leave nothing of it")
    command.add_argument("name", nargs="?", type=_name, default="default")
    command.set_defaults(run=down)
    command = commands.add_parser("image", help="give a cluster an image made of the Python image and a folder")
    command.add_argument("tag", metavar="NAME:TAG")
    command.add_argument(
        "folder", metavar="FOLDER", help="what lies in it lies in the image's root; image.toml as usual"
    )
    command.add_argument("cluster", nargs="?", type=_name, default="default", metavar="CLUSTER")
    command.set_defaults(run=image)
    command = commands.add_parser("build", help="build what up needs")
    command.add_argument("--argo", action="store_true", help="and Argo Workflows, which takes longest")
    command.set_defaults(run=build)
    command = commands.add_parser("clock", help="where a library is that gives a program another time of day")
    command.set_defaults(run=clock)
    command = commands.add_parser("list", help="the clusters there are")
    command.set_defaults(run=list_clusters)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
