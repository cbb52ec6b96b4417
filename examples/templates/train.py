"""Train a small neural network on two half moons, in Python alone, and print a line for each epoch.

Nothing here knows of Trialmill. Values come as options, else from a file, else from the environment:

    python train.py --lr=0.1 --num-layers=2 --optimizer=adam
    python train.py --parameters /inputs/parameters.json
    lr=0.1 python train.py
"""

import argparse
import json
import math
import os
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

Point: TypeAlias = tuple[tuple[float, float], int]
"""Where a point lies, and which moon it is of."""

UNITS = 6
MOMENTUM, SECOND_MOMENTUM, TINY = 0.9, 0.999, 1e-8


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lr", "-lr", type=float, help="step size of the optimizer")
    parser.add_argument("--num-layers", "-num-layers", type=int, help="hidden layers of six units each")
    parser.add_argument("--optimizer", "-optimizer", choices=("sgd", "adam", "ftrl"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64, help="accepted as every script has it")
    parser.add_argument("--parameters", type=Path, help="a JSON file of values")
    parser.add_argument("--results", type=Path, help="write the last metrics to this YAML file")
    parser.add_argument("--metrics-folder", type=Path, help="write each last metric to a file of its own in here")
    given = parser.parse_args()
    elsewhere = json.loads(given.parameters.read_text()) if given.parameters else os.environ
    given.lr = float(given.lr or elsewhere.get("lr", 0.1))
    given.num_layers = int(given.num_layers or elsewhere.get("num-layers", 2))
    given.optimizer = given.optimizer or elsewhere.get("optimizer", "sgd")
    return given


def moons(count: int, seed: int) -> list[Point]:
    """Points on two half moons, with some noise."""
    draw = random.Random(seed)
    points = []
    for number in range(count):
        angle, moon = draw.uniform(0, math.pi), number % 2
        x, y = (1 - math.cos(angle), 0.5 - math.sin(angle)) if moon else (math.cos(angle), math.sin(angle))
        points.append(((x + draw.gauss(0, 0.1), y + draw.gauss(0, 0.1)), moon))
    return points


class Network:
    """Layers of tanh units with one logistic unit at the end; each unit is its weights, the last one its bias."""

    def __init__(self, num_layers: int, seed: int = 0) -> None:
        draw = random.Random(seed)
        sizes = [2, *[UNITS] * num_layers, 1]
        self.layers = [
            [[draw.gauss(0, 1 / math.sqrt(inputs)) for _ in range(inputs)] + [0.0] for _ in range(units)]
            for inputs, units in pairwise(sizes)
        ]
        self.steps = 0
        self.means = [[[0.0] * len(unit) for unit in layer] for layer in self.layers]
        self.squares = [[[0.0] * len(unit) for unit in layer] for layer in self.layers]

    def outputs(self, point: Sequence[float]) -> list[Sequence[float]]:
        """What each layer answers, beginning with the point itself."""
        answers: list[Sequence[float]] = [point]
        for number, layer in enumerate(self.layers):
            sums = [unit[-1] + sum(w * x for w, x in zip(unit, answers[-1], strict=False)) for unit in layer]
            is_last = number == len(self.layers) - 1
            answers.append([1 / (1 + math.exp(-max(-30, min(30, s)))) if is_last else math.tanh(s) for s in sums])
        return answers

    def learn(self, point: Sequence[float], label: int, lr: float, optimizer: str) -> None:
        """One step down the slope of the cross entropy."""
        answers = self.outputs(point)
        errors = [answers[-1][0] - label]
        self.steps += 1
        for number in reversed(range(len(self.layers))):
            inputs, layer = answers[number], self.layers[number]
            below = [
                sum(e * unit[i] for e, unit in zip(errors, layer, strict=True)) * (1 - x * x)
                for i, x in enumerate(inputs)
            ]
            for place, (error, unit) in enumerate(zip(errors, layer, strict=True)):
                slope = [error * x for x in (*inputs, 1.0)]
                self.move((number, place), unit, slope, lr, optimizer)
            errors = below

    def move(self, at: tuple[int, int], unit: list[float], slope: Sequence[float], lr: float, optimizer: str) -> None:
        mean, square = self.means[at[0]][at[1]], self.squares[at[0]][at[1]]
        for i, s in enumerate(slope):
            if optimizer == "sgd":
                unit[i] -= lr * s
            elif optimizer == "adam":
                mean[i] = MOMENTUM * mean[i] + (1 - MOMENTUM) * s
                square[i] = SECOND_MOMENTUM * square[i] + (1 - SECOND_MOMENTUM) * s * s
                size = math.sqrt(square[i] / (1 - SECOND_MOMENTUM**self.steps)) + TINY
                unit[i] -= lr * mean[i] / (1 - MOMENTUM**self.steps) / size
            else:  # ftrl without its penalties is a step that shrinks with what was learned
                square[i] += s * s
                unit[i] -= lr * s / (math.sqrt(square[i]) + TINY)


def scores(network: Network, points: Sequence[Point]) -> tuple[float, float]:
    """The mean cross entropy, and the share of points on the right side."""
    answers = [(network.outputs(point)[-1][0], label) for point, label in points]
    loss = -sum(math.log(max(a if label else 1 - a, 1e-12)) for a, label in answers) / len(answers)
    return loss, sum((a > 0.5) == bool(label) for a, label in answers) / len(answers)


def main() -> None:
    given = options()
    network, training, test = Network(given.num_layers), moons(60, seed=1), moons(40, seed=2)
    metrics: dict[str, str] = {}
    for epoch in range(1, given.epochs + 1):
        for point, label in training:
            network.learn(point, label, given.lr, given.optimizer)
        loss, accuracy = scores(network, test)
        metrics = {"loss": f"{loss:.4f}", "accuracy": f"{accuracy:.4f}"}
        print(f"epoch={epoch} loss={metrics['loss']} accuracy={metrics['accuracy']}", flush=True)
    if given.results:
        given.results.write_text("".join(f"{name}: {value}\n" for name, value in metrics.items()))
    for name, value in metrics.items() if given.metrics_folder else ():
        (given.metrics_folder / name).write_text(f"{value}\n")


if __name__ == "__main__":
    main()
