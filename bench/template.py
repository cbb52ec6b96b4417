"""What stamping out a trial's resource costs, beside Katib's way of doing it.

    python bench/template.py [--rounds N] [--count N]

A template of 500 lines is compiled once and rendered for many assignments. Katib keeps the manifest as text: for each
trial it marshals the object to JSON, replaces the placeholders in the string, and parses the result. Both make the
same resource; both run in turns, and the median of the rounds is printed.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from trialmill.api.experiment import TrialParameter, TrialTemplate
from trialmill.api.problem import Problems
from trialmill.api.space import Assignments, format_value
from trialmill.api.tree import Json, JsonObject, get
from trialmill.api.yaml_text import yaml_text
from trialmill.kinds.schema import BUILT_IN
from trialmill.template.compile import compile_template
from trialmill.template.compiled import CompiledTemplate, TrialContext
from trialmill.template.render import render

LINES = 500
NAMES = ("lr", "layers", "batch", "optimizer", "workers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=10_000)
    args = parser.parse_args()
    spec = manifest()
    print(f"a template of {len(yaml_text(spec).splitlines())} lines, {args.count} resources, {args.rounds} rounds")
    template = compiled(spec)
    contexts = [context(number) for number in range(args.count)]
    assert render(template, contexts[1])["spec"] == _typed(katib(spec, contexts[1]))["spec"]
    ways: dict[str, Callable[[TrialContext], object]] = {
        "Trialmill": lambda c: render(template, c),
        "Trialmill, and to JSON text": lambda c: json.dumps(render(template, c)),
        "Katib's way": lambda c: katib(spec, c),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    compiling = []
    for _ in range(args.rounds):
        start = time.perf_counter()
        compiled(spec)
        compiling.append(time.perf_counter() - start)
        for name, way in ways.items():
            start = time.perf_counter()
            for each in contexts:
                way(each)
            taken[name].append((time.perf_counter() - start) / args.count)
    print(f"{'compiling once':<32}{statistics.median(compiling) * 1000:>10.3f} ms")
    for name, seconds in taken.items():
        print(f"{name:<32}{statistics.median(seconds) * 1000:>10.4f} ms each")


def manifest() -> JsonObject:
    """A Job with placeholders in a count, arguments and variables, and with as many other lines as it takes."""
    arguments: list[Json] = [f"--{name}=${{trialParameters.{name}}}" for name in NAMES]
    variables: list[Json] = [{"name": f"V{n}", "value": f"text {n}"} for n in range(LINES // 2 - 10)]
    variables[100] = {"name": "LAYERS", "value": "${trialParameters.layers}"}
    container: JsonObject = {"name": "train", "image": "example.dev/train", "command": ["train"], "args": arguments}
    pod: JsonObject = {"restartPolicy": "Never", "containers": [container | {"env": variables}]}
    spec: JsonObject = {"parallelism": "${trialParameters.workers}", "backoffLimit": 0, "template": {"spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}


def compiled(spec: JsonObject) -> CompiledTemplate:
    template = TrialTemplate(spec, tuple(TrialParameter(name, name) for name in NAMES))
    result = compile_template(template, NAMES, BUILT_IN, Problems())
    assert result is not None
    return result


def context(number: int) -> TrialContext:
    values = (0.001 + number * 1e-6, number % 8 + 1, str(2 ** (number % 6)), ("sgd", "adam")[number % 2], number % 4)
    assignments: Assignments = dict(zip(NAMES, values, strict=True))
    return TrialContext(assignments, f"bench-{number:08}", "default", number, 0, "bench")


def katib(spec: JsonObject, trial: TrialContext) -> JsonObject:
    """Katib's `GetRunSpecWithHyperParameters` (v0.16), in Python."""
    text = json.dumps(spec)
    for name, value in trial.assignments.items():
        text = text.replace(f"${{trialParameters.{name}}}", format_value(value))
    parsed: JsonObject = json.loads(text)
    parsed["metadata"] = {"name": trial.name, "namespace": trial.namespace}
    return parsed


def _typed(resource: JsonObject) -> JsonObject:
    """With the count that Katib leaves as text as the number that it has to be."""
    spec = get(resource, "spec")
    assert isinstance(spec, dict)
    return {**resource, "spec": {**spec, "parallelism": int(str(spec["parallelism"]))}}


if __name__ == "__main__":
    main()
