"""The programs that are built from Go modules: once for each state of their sources, then taken from the cache."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from testbed.place import KUBERNETES, SOURCES, CannotRunError, cache, digest, made_once, say

NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
TRAINING_OPERATOR = "github.com/kubeflow/training-operator"
TRAINING_OPERATOR_VERSION = "v1.9.3"
TRAINER = "github.com/kubeflow/trainer/v2"
JOBSET = "sigs.k8s.io/jobset"
ARGO = "github.com/argoproj/argo-workflows/v4"


def assets() -> Path | None:
    """The folder of ready programs that `KUBEBUILDER_ASSETS` names, as envtest has it; None where it names none."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if not named:
        return None
    missing = [name for name in CONTROL_PLANE if not os.access(Path(named) / name, os.X_OK)]
    if missing:
        raise CannotRunError(f"KUBEBUILDER_ASSETS names {named}, which has no {', '.join(missing)}")
    return Path(named).absolute()


def kubernetes() -> Path:
    """The folder with every program of Kubernetes; building takes minutes the first time."""
    return assets() or _built("kubernetes", f"Kubernetes {KUBERNETES}", _version_flags(), NAMES)


def pause() -> Path:
    return _built("pause", "pause") / "pause"


def dns() -> Path:
    return _built("dns", "CoreDNS") / "dns"


def training_operator() -> Path:
    """A folder with `training-operator` and `crds/`, of the real operator's module."""
    target = cache() / "built" / f"training-operator-{TRAINING_OPERATOR_VERSION}"
    with made_once(target) as unfinished:
        if unfinished:
            package = f"{TRAINING_OPERATOR}/cmd/training-operator.v1@{TRAINING_OPERATOR_VERSION}"
            what = f"the training operator {TRAINING_OPERATOR_VERSION}"
            _go(what, unfinished, "install", "-trimpath", "-ldflags=-s -w", package, GOBIN=str(unfinished))
            (unfinished / "training-operator.v1").rename(unfinished / "training-operator")
            (unfinished / "crds").mkdir()
            _copy_kinds(TRAINING_OPERATOR, TRAINING_OPERATOR_VERSION, "manifests/base/crds", unfinished / "crds")
    return target


def trainer() -> Path:
    """A folder with `trainer-controller-manager`, `jobset` and `crds/`, of the real modules; `trainer/go.mod` says
    which versions. One build, for they share most of what is compiled.
    """
    sources = SOURCES / "trainer"
    versions = _required(sources / "go.mod")
    target = cache() / "built" / f"trainer-{digest(sources)}"
    with made_once(target) as unfinished:
        if unfinished:
            what = f"Kubeflow Trainer {versions[TRAINER]} and JobSet {versions[JOBSET]}"
            program = f"{TRAINER}/cmd/trainer-controller-manager"
            output = f"{unfinished.absolute()}/"
            _go(what, sources, "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", output, JOBSET, program)
            (unfinished / "crds").mkdir()
            _copy_kinds(TRAINER, versions[TRAINER], "manifests/base/crds", unfinished / "crds")
            _copy_kinds(JOBSET, versions[JOBSET], "config/components/crd/bases", unfinished / "crds")
    return target


def argo() -> Path:
    """A folder with `workflow-controller`, `crds/`, and `image/` for the executor's image; `argo/go.mod` says which
    version, `argo/signal_linux.go` what its module lacks.
    """
    sources = SOURCES / "argo"
    version = _required(sources / "go.mod")[ARGO]
    target = cache() / "built" / f"argo-{digest(sources)}"
    with made_once(target) as unfinished:
        if unfinished:
            programs = [f"{ARGO}/cmd/{name}" for name in ("workflow-controller", "argoexec")]
            modules = _with_what_is_missing(version, sources, unfinished)
            flags = ["-mod=readonly", "-trimpath", "-ldflags=-s -w", f"-modfile={modules}"]
            _go(f"Argo Workflows {version}", sources, "build", *flags, "-o", f"{unfinished.absolute()}/", *programs)
            shutil.rmtree(modules.parent)
            (unfinished / "image" / "usr" / "bin").mkdir(parents=True)
            (unfinished / "argoexec").rename(unfinished / "image" / "usr" / "bin" / "argoexec")
            (unfinished / "crds").mkdir()
            _copy_kinds(ARGO, version, "manifests/base/crds/minimal", unfinished / "crds")
    return target


def _with_what_is_missing(version: str, sources: Path, unfinished: Path) -> Path:
    """A go.mod that takes Argo from a copy of its module, for Go lays no file over its cache."""
    copy = unfinished.absolute() / "modules" / "argo"
    shutil.copytree(
        _modules() / f"{ARGO}@{version}",
        copy,
        ignore=shutil.ignore_patterns("ui", "docs", "examples", "sdks", "test", "*_test.go"),
        copy_function=shutil.copyfile,
    )
    for folder, _, _ in os.walk(copy):
        Path(folder).chmod(0o755)  # in Go's module cache they are read-only, and the copy is too
    missing = "signal_linux.go"
    shutil.copyfile(sources / missing, copy / "workflow" / "executor" / "osspecific" / missing)
    modules = copy.parent / "go.mod"
    modules.write_text(f"{(sources / 'go.mod').read_text()}\nreplace {ARGO} => {copy}\n")
    shutil.copyfile(sources / "go.sum", copy.parent / "go.sum")
    return modules


def _copy_kinds(module: str, version: str, folder: str, target: Path) -> None:
    """The definitions of a module's kinds, which lie in Go's module cache, where everything is read-only."""
    for file in (_modules() / f"{module}@{version}" / folder).glob("*_*.yaml"):
        shutil.copyfile(file, target / file.name)


def _modules() -> Path:
    """Go's module cache."""
    return Path(subprocess.check_output(["go", "env", "GOMODCACHE"], text=True).strip())


def _required(file: Path) -> dict[str, str]:
    """The versions of the modules that a go.mod names."""
    lines = [line.removeprefix("require ").split() for line in file.read_text().splitlines()]
    return {words[0]: words[1] for words in lines if len(words) >= 2 and words[1].startswith("v")}


def obstacle() -> str | None:
    """Why nothing can be built here, or None."""
    return None if shutil.which("go") else "Go is not on the PATH"


def _built(module: str, what: str, flags: str = "", names: tuple[str, ...] = ()) -> Path:
    """The folder that holds the program of `tools/cluster/MODULE`, with a link to it for each of `names`."""
    sources = SOURCES / module
    target = cache() / "built" / f"{module}-{digest(sources, flags)}"
    with made_once(target) as unfinished:
        if unfinished:
            program = unfinished.absolute() / module
            _go(
                what, sources, "build", "-mod=readonly", "-trimpath", f"-ldflags=-s -w {flags}", "-o", str(program), "."
            )
            for name in names:
                (unfinished / name).symlink_to(module)
    return target


def _version_flags() -> str:
    """What Kubernetes' own build says about its version: clients read it, and kubectl parses it."""
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    values = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def _go(what: str, where: Path, *arguments: str, **variables: str) -> None:
    """Run go, with a line of progress every half minute: a cold build takes minutes, and CI logs look dead without."""
    if reason := obstacle():
        raise CannotRunError(f"{what} cannot be built: {reason}")
    environment = {**os.environ, "CGO_ENABLED": "0", **variables}
    say(f"building {what}, which takes minutes the first time")
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(["go", *arguments], cwd=where, env=environment, stdout=output, stderr=output)
        while True:
            try:
                process.wait(timeout=30)
                break
            except subprocess.TimeoutExpired:
                say(f"building {what}: {time.monotonic() - started:.0f} s so far")
        if process.returncode:
            output.seek(0)
            lines = [line for line in output if not line.startswith("go: downloading ")]
            raise CannotRunError(
                f"{what} cannot be built: go {arguments[0]} ended with {process.returncode}\n" + "".join(lines)
            )
    say(f"built {what} in {time.monotonic() - started:.0f} s")
