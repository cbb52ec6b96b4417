"""`successWhen` and `kubectl wait` say the same of the same object: the words are kubectl's, so is their meaning."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cluster_kinds import GROUP, defined, own
from cluster_under_test import Cluster, Namespace

from trialmill.api.experiment import When
from trialmill.api.verdict import VerdictMemory, VerdictPhase
from trialmill.kinds.verdict import Policy, judge

GAUGE = own("Gauge")


@pytest.fixture(scope="module")
def gauges(cluster: Cluster) -> Iterator[str]:
    with defined(cluster, GAUGE) as name:
        yield name


def condition(kind: str, status: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


OBJECTS: dict[str, Any] = {
    "fresh": {},
    "done": {"phase": "Done", "conditions": [condition("Done", "True"), condition("Failed", "False")]},
    "lower": {"phase": "done", "conditions": [condition("done", "true")]},
    "twice": {"conditions": [condition("Done", "False"), condition("Done", "True")]},
    "stale": {"observedGeneration": 0, "phase": "Done", "conditions": [condition("Done", "True")]},
    "own": {"conditions": [condition("Done", "True", observedGeneration=0)]},
    "values": {
        "phase": "",
        "count": 3,
        "part": 0.5,
        "large": 12345678.5,
        "yes": True,
        "none": None,
        "map": {"a": 1},
        "list": [{"n": "x", "v": 1}, {"n": "y", "v": 2}],
    },
}

OF_CONDITION = '{.status.conditions[?(@.type=="Done")].status}'

WORDS = [
    *(When(condition=it) for it in ("Done", "done=true", "Done=False", "Failed=False", "Missing", "Done=Unknown")),
    *(
        When(jsonpath=path, value=value)
        for path, value in (
            ("{.status.phase}", "Done"),
            ("{.status.phase}", None),
            ("{.status.phase}", " Done "),
            ("{.status.count}", "3"),
            ("{.status.part}", "0.5"),
            ("{.status.large}", "1.23456785e+07"),
            ("{.status.yes}", "true"),
            ("{.status.map}", "map[a:1]"),
            ("{.status.map.a}", "1"),
            ("{.status.list[0].v}", "1"),
            ("{.status.list[*].v}", "1"),
            ('{.status.list[?(@.n=="y")].v}', "2"),
            (OF_CONDITION, "True"),
            ("{.status.missing}", "x"),
            ("{.status.missing}", None),
        )
    ),
]


def says_kubectl(namespace: Namespace, resource: str, name: str, when: When) -> bool:
    wanted = f"condition={when.condition}" if when.condition else f"jsonpath={when.jsonpath}"
    wanted += f"={when.value}" if when.value is not None else ""
    cluster = namespace.cluster
    command = [cluster.kubectl_program, f"--kubeconfig={cluster.kubeconfig}", f"--namespace={namespace.name}", "wait"]
    result = subprocess.run(
        [*command, f"--for={wanted}", f"{resource}/{name}", "--timeout=0"], capture_output=True, text=True, timeout=60
    )
    return result.returncode == 0


def test_a_condition_in_kubectls_words_is_met_when_kubectl_says_so(namespace: Namespace, gauges: str) -> None:
    for name, status in OBJECTS.items():
        whole = {"apiVersion": f"{GROUP}/v1", "kind": GAUGE, "metadata": {"name": name}, "spec": {"x": 1}}
        namespace.apply(whole)
        body = json.dumps({"status": status})
        namespace.kubectl("patch", gauges, name, "--subresource=status", "--type=merge", f"--patch={body}")
    questions = [(name, when) for name in OBJECTS for when in WORDS]
    with ThreadPoolExecutor(4) as pool:
        theirs = list(pool.map(lambda it: says_kubectl(namespace, gauges, *it), questions))

    live = {it["metadata"]["name"]: it for it in namespace.get(gauges)["items"]}
    ours = [
        judge(live[name], Policy(success=when), VerdictMemory()).phase is VerdictPhase.SUCCEEDED
        for name, when in questions
    ]
    answers = list(zip(questions, theirs, ours, strict=True))
    differ = [(name, when.jsonpath, their, our) for (name, when), their, our in answers if their != our]
    # On purpose: conditions that speak of an older generation are gone for us however they are asked for; for kubectl
    # they are there when a path leads to them.
    assert differ == [(name, OF_CONDITION, True, False) for name in ("stale", "own")]
    assert len({name for (name, _), said in zip(questions, theirs, strict=True) if said}) > 3
