"""Experiments on a cluster beside the floor, the same Jobs made directly, in turns.

    tools/cluster/up bench --stand-in
    python bench/cluster.py trials [--trials N] [--parallel N] [--rounds N]
    python bench/cluster.py first | logs | reflector
    tools/cluster/down bench

KUBECONFIG, or --kubeconfig, names the cluster. Its node must be the stand-in, whose pods end at once: what is measured
is the control plane and those who drive it. Each run has a namespace of its own.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster_floor import copied, make_jobs, run_jobs
from cluster_server import ApiServer

JOB: Final[dict[str, Any]] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "backoffLimit": 0,
        "template": {
            "metadata": {
                "annotations": {"stand-in.trialmill.dev/seconds": "0", "stand-in.trialmill.dev/log": "loss=1\n"}
            },
            "spec": {
                "restartPolicy": "Never",
                "nodeSelector": {"trialmill.dev/stand-in": "true"},
                "tolerations": [{"key": "trialmill.dev/stand-in", "operator": "Exists"}],
                "containers": [{"name": "main", "image": "none:1", "env": [{"name": "LR", "value": "0.02"}]}],
            },
        },
    },
}
WRITES: Final = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Run:
    """One run of the command: seconds in all, seconds of its processor time, megabytes at its largest."""

    seconds: float
    processor: float
    megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("trials", "first", "logs", "reflector"))
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=50)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kubeconfig", type=Path, default=os.environ.get("KUBECONFIG"))
    args = parser.parse_args()
    if args.kubeconfig is None:
        parser.error("KUBECONFIG is not set: tools/cluster/up bench --stand-in prints it")
    os.environ["KUBECONFIG"] = str(args.kubeconfig)
    server = ApiServer(args.kubeconfig)
    {"trials": measure_trials, "first": measure_first, "logs": measure_logs, "reflector": measure_reflector}[args.what](
        server, args
    )


def measure_trials(server: ApiServer, args: argparse.Namespace) -> None:
    """Overhead over the floor, and requests per trial."""
    count, parallel = args.trials, args.parallel
    taken: dict[str, list[float]] = {"floor: create": [], "floor: create, log, delete": [], "Trialmill": []}
    counted: dict[str, Counter[tuple[str, str]]] = {}
    runs = []
    used: dict[str, list[float]] = {name: [] for name in taken}
    for _ in range(args.rounds):
        for name, seconds in taken.items():
            with _namespace(server) as namespace:
                before, processor = server.requests(), server.processor_seconds() + time.process_time()
                if name == "Trialmill":
                    run = run_experiment(namespace, JOB, count, parallel)
                    runs.append(run)
                    seconds.append(run.seconds)
                    processor -= run.processor
                else:
                    whole = name != "floor: create"
                    seconds.append(run_jobs(server, namespace, JOB, count, parallel, whole=whole))
                _settle(server, namespace)
                counted[name] = server.requests() - before
                used[name].append(server.processor_seconds() + time.process_time() - processor)
            print(f"  {name}: {seconds[-1]:.1f} s", file=sys.stderr)
    floors = {name: statistics.median(times) for name, times in taken.items()}
    title = f"{count} Jobs, {parallel} at a time"
    print(f"{title:<34}{'seconds':>9}{'ms/Job':>9}{'overhead':>10}{'processor ms/Job, all':>24}{'overhead':>10}")
    for name, middle in floors.items():
        ratios = [mine / floor for mine, floor in zip(taken[name], taken["floor: create"], strict=True)]
        work = [mine / floor for mine, floor in zip(used[name], used["floor: create"], strict=True)]
        print(
            f"{name:<34}{middle:>9.1f}{middle / count * 1000:>9.1f}{statistics.median(ratios) - 1:>10.0%}"
            f"{statistics.median(used[name]) / count * 1000:>24.1f}{statistics.median(work) - 1:>10.0%}"
        )
    beside = zip(taken["Trialmill"], taken["floor: create, log, delete"], strict=True)
    print(f"{'Trialmill over the second floor':<52}{statistics.median(a / b for a, b in beside) - 1:>10.0%}")
    processor = statistics.median(run.processor for run in runs)
    print(f"controller: {processor / count * 1000:.1f} ms of processor per trial, {runs[-1].megabytes:.0f} MB")
    _print_requests(counted, count)


def measure_first(server: ApiServer, args: argparse.Namespace) -> None:
    """From the command to the first Job that the server has."""
    firsts, helps = [], []
    for _ in range(max(args.rounds, 5)):
        with _namespace(server) as namespace:
            seen: list[float] = []
            jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
            version = server.read(f"{jobs}?limit=1")["metadata"]["resourceVersion"]

            def look(jobs: str = jobs, version: str = version, seen: list[float] = seen) -> None:
                next(server.watch(jobs, version))
                seen.append(time.perf_counter())

            watcher = threading.Thread(target=look, daemon=True)
            watcher.start()
            start = time.perf_counter()
            run_experiment(namespace, JOB, 5, 5)
            watcher.join(5)
            firsts.append(seen[0] - start)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "trialmill", "--help"], check=True, stdout=subprocess.DEVNULL)
        helps.append(time.perf_counter() - start)
    print(f"command to the first Job: {statistics.median(firsts):.2f} s (smallest {min(firsts):.2f})")
    print(
        f"`--help`, which takes 66 ms on a quiet machine: {statistics.median(helps):.2f} s (smallest {min(helps):.2f})"
    )


def measure_logs(server: ApiServer, args: argparse.Namespace) -> None:
    """Many logs followed at once."""
    job, seconds = copied(JOB), 30
    job["spec"]["template"]["metadata"]["annotations"]["stand-in.trialmill.dev/seconds"] = str(seconds)
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(1):
            most.append(server.open_logs())

    with _namespace(server) as namespace:
        watcher = threading.Thread(target=look)
        watcher.start()
        before = server.requests()
        run = run_experiment(namespace, job, args.streams, args.streams)
        over.set()
        watcher.join()
        counted = server.requests() - before
    print(f"{args.streams} trials of {seconds} s at once: {run.seconds:.1f} s, {max(most)} logs followed at once")
    print(f"controller: {run.processor:.1f} s of processor, {run.megabytes:.0f} MB")
    print(f"requests for logs: {sum(n for (_, what), n in counted.items() if what == 'pods/log')}")


def measure_reflector(server: ApiServer, args: argparse.Namespace) -> None:
    """A cache of many Jobs, in a process of its own."""
    job = copied(JOB)
    job["spec"]["suspend"] = True  # no controller acts on them
    with _namespace(server) as namespace:
        make_jobs(server, namespace, job, args.objects)
        command = [sys.executable, str(Path(__file__).with_name("cluster_reflector.py")), namespace]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            print(process.stdout.readline().strip())
            marked = time.perf_counter()
            patch = copied(job) | {"metadata": {"name": "marker"}}
            server.request("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs", patch)
            process.stdout.readline()
            print(f"an event is seen after {(time.perf_counter() - marked) * 1000:.0f} ms")
            print(process.stdout.readline().strip())


def run_experiment(namespace: str, job: dict[str, Any], count: int, parallel: int) -> Run:
    """`trialmill run` as a process of its own. Raises RuntimeError where not all trials succeed."""
    trial = copied(job)
    trial["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "${trialParameters.lr}"
    bounds = {"min": "0.01", "max": "0.05"}
    experiment = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "bench"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": parallel,
            "maxTrialCount": count,
            "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": bounds}],
            "trialTemplate": {
                "primaryContainerName": "main",
                "trialParameters": [{"name": "lr", "reference": "lr"}],
                "trialSpec": trial,
            },
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bench.json").write_text(json.dumps(experiment))
        command = [sys.executable, *_profiled(), "-m", "trialmill", "run", "bench.json", "--runtime", "kubernetes"]
        start = time.perf_counter()
        with Path(folder, "out").open("w") as out, Path(folder, "err").open("w") as err:
            process = subprocess.Popen([*command, "-n", namespace, "-o", "json"], cwd=folder, stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        said = Path(folder, "err").read_text()[-2000:]
        if process.returncode:
            raise RuntimeError(f"the run failed: {said}")
        succeeded = json.loads(Path(folder, "out").read_text())["status"]["trialsSucceeded"]
        if succeeded != count:
            raise RuntimeError(f"{succeeded} of {count} trials succeeded: {said}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _profiled() -> list[str]:
    """PROFILE=FILE writes a profile of the controller, for `python -m pstats`."""
    file = os.environ.get("PROFILE")
    return ["-m", "cProfile", "-o", file] if file else []


@contextlib.contextmanager
def _namespace(server: ApiServer) -> Iterator[str]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    server.make_namespace(name)
    try:
        yield name
    finally:
        server.remove_namespace(name)
        while any(n["metadata"]["name"] == name for n in server.read("/api/v1/namespaces")["items"]):
            time.sleep(0.5)


def _settle(server: ApiServer, namespace: str) -> None:
    """Let the garbage collector finish what a run has left to it, so that it burdens no other run."""
    deadline, before = time.monotonic() + 120, -1
    while time.monotonic() < deadline:
        answer = server.read(f"/api/v1/namespaces/{namespace}/pods?limit=1")
        left = len(answer["items"]) + answer["metadata"].get("remainingItemCount", 0)
        if left == before:
            return
        before = left
        time.sleep(1)


def _print_requests(counted: dict[str, Counter[tuple[str, str]]], count: int) -> None:
    """What each contender made the server do, per Job; all clients together, so the difference is Trialmill's."""
    print(f"\n{'requests per Job':<34}" + "".join(f"{name.removeprefix('floor: '):>24}" for name in counted))
    rows = sorted({row for counts in counted.values() for row, n in counts.items() if n >= count / 20})
    for verb, resource in rows:
        cells = (counts[verb, resource] / count for counts in counted.values())
        print(f"{f'{verb} {resource}':<34}" + "".join(f"{cell:>24.2f}" for cell in cells))
    writes = (sum(n for (verb, _), n in c.items() if verb in WRITES) / count for c in counted.values())
    print(f"{'all writes':<34}" + "".join(f"{n:>24.2f}" for n in writes))


if __name__ == "__main__":
    main()
