"""What a no-op trial costs, beside xargs and Optuna with subprocesses and SQLite, in turns.

    python bench/overhead.py [--trials N] [--rounds N] [--folder DIR]

Every trial is `sh -c 'echo loss=1'`, two at a time. Times are per trial, after start-up: each contender is run with
few trials and with many, and the difference counts. Prints the median over the rounds, since machines are noisy.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

FEW = 50
EXPERIMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: noop
spec:
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random, algorithmSettings: [{name: random_state, value: "1"}]}
  parallelTrialCount: 2
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05"}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{name: lr, reference: lr}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: none
                command: [sh, -c, "echo loss=1"]
                env: [{name: LR, value: "${trialParameters.lr}"}]
"""
OPTUNA = """\
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(storage=f"sqlite:///{sys.argv[1]}", sampler=optuna.samplers.RandomSampler(seed=1))
def objective(trial):
    trial.suggest_float("lr", 0.01, 0.05)
    out = subprocess.run(["sh", "-c", "echo loss=1"], capture_output=True, text=True, check=True).stdout
    return float(out.strip().partition("=")[2])
study.optimize(objective, n_trials=int(sys.argv[2]), n_jobs=2)
"""
XARGS = "seq {count} | xargs -P2 -I{{}} sh -c 'echo loss=1' > /dev/null"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="where to work: the disk matters")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        contenders = _contenders(Path(folder))
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(args.rounds):
            for name, (run, divisor) in contenders.items():
                many = max(args.trials // divisor, FEW * 2)
                few = _seconds(run, FEW)
                taken[name].append((_seconds(run, many) - few) / (many - FEW) * 1000)
    print(f"{'2 at a time':<44}{'ms per trial':>14}{'trials/s':>10}")
    for name, times in taken.items():
        middle = statistics.median(times)
        print(f"{name:<44}{middle:>14.2f}{1000 / middle:>10.0f}")
    writes, syncs = _counts()
    if writes:
        print(f"\ncontroller's calls per trial: {writes:.1f} writes, {syncs:.3f} fsyncs")


def _contenders(folder: Path) -> Mapping[str, tuple[Callable[[int], None], int]]:
    (folder / "noop.yaml").write_text(EXPERIMENT)
    (folder / "peer.py").write_text(OPTUNA)

    def trialmill(*options: str) -> Callable[[int], None]:
        def run(count: int) -> None:
            shutil.rmtree(folder / ".trialmill", ignore_errors=True)
            command = [sys.executable, "-m", "trialmill", "run", "noop.yaml", "--max-trials", str(count), *options]
            _call(command, folder)

        return run

    def optuna(count: int) -> None:
        (folder / "study.db").unlink(missing_ok=True)
        _call([sys.executable, "peer.py", "study.db", str(count)], folder)

    return {
        "xargs -P2 (nothing kept)": (lambda count: _call(["sh", "-c", XARGS.format(count=count)], folder), 1),
        "Trialmill": (trialmill(), 1),
        "Trialmill --durable": (trialmill("--durable"), 2),
        "Optuna + subprocess + SQLite": (optuna, 10),
    }


def _seconds(run: Callable[[int], None], count: int) -> float:
    start = time.perf_counter()
    run(count)
    return time.perf_counter() - start


def _call(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _counts(trials: int = 300) -> tuple[float, float]:
    """Write and sync calls of the controller alone, per trial, by strace; zeros where there is none."""
    if shutil.which("strace") is None:
        return 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "noop.yaml").write_text(EXPERIMENT)
        calls = "write,pwrite64,pwritev,fsync,fdatasync"
        command = [sys.executable, "-m", "trialmill", "run", "noop.yaml", "--max-trials", str(trials)]
        traced = ["strace", "-o", "calls", "-e", f"trace={calls}", *command]
        _call(traced, Path(folder))
        lines = Path(folder, "calls").read_text(errors="replace").splitlines()
    syncs = sum(line.startswith(("fsync", "fdatasync")) for line in lines)
    writes = sum(line.startswith(("write", "pwrite")) for line in lines)
    return writes / trials, syncs / trials


if __name__ == "__main__":
    os.environ.pop("TRIALMILL_STORE", None)
    main()
