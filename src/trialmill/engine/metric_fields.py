"""Metrics that stand in the trial's own resource: the results of a TaskRun, the outputs of a Workflow.

Whoever runs the resource writes them into its status, so nothing has to be read from a pod.
"""

from collections.abc import Sequence
from typing import Final

from trialmill.api.experiment import MetricField
from trialmill.api.metric import Point
from trialmill.api.tree import JsonObject
from trialmill.kinds.gjson import evaluate
from trialmill.metrics.numbering import Numbering
from trialmill.metrics.values import parse_value

SOURCE: Final = "resource"
"""The name that points carry which came out of the resource."""


def points_in(resource: JsonObject, fields: Sequence[MetricField], source: str) -> list[Point]:
    """A point for each field that leads to a number, or to a text that holds one; the rest has none.

    >>> status = {"status": {"results": [{"name": "loss", "value": "0.25\\n"}]}}
    >>> path = '#(name=="loss").value'
    >>> [(p.name, p.value) for p in points_in(status, [MetricField("loss", f"status.results.{path}")], "resource")]
    [('loss', 0.25)]
    """
    numbering = Numbering(source, {})
    points = []
    for field in fields:
        found = evaluate(resource, field.path).value
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            continue
        value = parse_value(found.strip()) if isinstance(found, str) else float(found)
        if value is not None:
            points.append(numbering.point(field.name, value, None))
    return points
