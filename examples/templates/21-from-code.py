"""A template from code: a dict with placeholders as objects, and no text to paste values into.

    python 21-from-code.py 4

A pydantic model or an object of a Kubernetes client does as well as the dict.
"""

import sys
from pathlib import Path

from trialmill import Experiment, choice, double, integer, minimize, param

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "train",
                        "image": "example/train",
                        "command": ["python", "train.py"],
                        "args": [
                            f"--lr={param('lr')}",
                            f"--num-layers={param('num-layers')}",
                            f"--optimizer={param('optimizer')}",
                        ],
                    }
                ],
            }
        }
    },
}


def experiment(trials: int) -> Experiment:
    return Experiment(
        name="from-code",
        objective=minimize("loss", additional=["accuracy"]),
        parameters={
            "lr": double(0.01, 0.3, log=True),
            "num-layers": integer(2, 5),
            "optimizer": choice("sgd", "adam", "ftrl"),
        },
        template=JOB,
        algorithm="random",
        max_trials=trials,
        parallel_trials=2,
        seed=1,
        directory=Path(__file__).parent,
    )


if __name__ == "__main__":
    result = experiment(trials=int(sys.argv[1])).run()
    if result.best is None:
        sys.exit("no trial has reported a loss")
    print(f"{len(result.to_rows())} trials, best loss {result.best.value:.2f} with {dict(result.best.assignment)}")
