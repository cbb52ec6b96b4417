"""Tune examples/digits from Python: python examples/python/tune.py

The template is a dict here; a pydantic model or an object of a Kubernetes client does as well.
"""

import sys
from pathlib import Path

from trialmill import Experiment, Result, choice, double, integer, maximize, param

DIGITS = Path(__file__).parents[1] / "digits"

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "backoffLimit": 0,
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "train",
                        "image": "digits:latest",  # not needed on this machine
                        "command": [
                            "python",
                            "train.py",
                            f"--learning-rate={param('learning-rate')}",
                            f"--layers={param('layers')}",
                            f"--optimizer={param('optimizer')}",
                        ],
                    }
                ],
            }
        },
    },
}


def experiment(trials: int) -> Experiment:
    return Experiment(
        name="digits-from-python",
        objective=maximize("accuracy", goal=0.99, additional=["loss"]),
        parameters={
            "learning-rate": double(0.0005, 0.5, log=True, description="Step size of the optimizer"),
            "layers": integer(1, 4, description="Number of hidden layers"),
            "optimizer": choice("sgd", "adam", description="How the weights are updated"),
        },
        template=JOB,
        algorithm="tpe",
        max_trials=trials,
        parallel_trials=2,
        seed=1,
        directory=DIGITS,
    )


def show(result: Result) -> None:
    for row in result.to_rows():
        print(row["trial"], row["status"], row["learning-rate"], row["layers"], row["optimizer"], row["accuracy"])
    if result.best is not None:
        print(f"best accuracy {result.best.value:.3f} with {dict(result.best.assignment)}")


if __name__ == "__main__":
    tuning = experiment(trials=int(sys.argv[1]) if len(sys.argv) > 1 else 16)
    for problem in tuning.validate():
        print(problem)
    show(tuning.run(progress=True))
