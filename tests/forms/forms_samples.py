"""Experiments in all kinds of forms, and what normalizing makes of them."""

import textwrap

from trialmill.api.document import Document
from trialmill.api.load import load_documents
from trialmill.api.problem import Problem
from trialmill.api.tree import Json, get
from trialmill.forms.normalize import Normalized, normalize

HEAD = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: sample}
spec:
  maxTrialCount: 4
  objective: {type: minimize, objectiveMetricName: loss}
  algorithm: {algorithmName: random}
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.03"}}
    - {name: num-layers, parameterType: int, feasibleSpace: {min: "2", max: "5"}}
  trialTemplate:
"""
"""The top of an Experiment; a template follows, indented by four."""


def documents(text: str, file: str = "sample.yaml") -> list[Document]:
    problems: list[Problem] = []
    found = load_documents(text.encode(), file, problems)
    assert problems == []
    return found


def with_template(template: str, head: str = HEAD) -> str:
    return head + textwrap.indent(textwrap.dedent(template), "    ")


def normalized(text: str) -> Normalized:
    """The first document in the normal form, the others beside it."""
    first, *beside = documents(text)
    return normalize(first, beside)


def template_of(result: Normalized) -> Json:
    assert result.problems == () or not result.failed, [str(p) for p in result.problems]
    return get(result.document.tree, "spec", "trialTemplate")


def line_of(text: str, part: str) -> int:
    """The line of the first occurrence of a text, from 1."""
    return text[: text.index(part)].count("\n") + 1
