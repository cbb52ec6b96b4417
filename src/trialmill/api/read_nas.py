"""Katib's `nasConfig`: a graph and the operations that it is made of, each with parameters of its own."""

from collections.abc import Callable

from trialmill.api.experiment import Parameter
from trialmill.api.reader import Fields


def check_nas(spec: Fields, read_parameter: Callable[[Fields], Parameter]) -> None:
    """Report what is wrong with the fields of `nasConfig`, which no algorithm of this release reads."""
    nas = spec.object("nasConfig")
    if nas is None:
        return
    if graph := nas.object("graphConfig"):
        graph.integer("numLayers")
        for name in ("inputSizes", "outputSizes"):
            graph.integers(name)
        graph.close()
    nas.objects("operations", lambda fields: _check_operation(fields, read_parameter))
    nas.close()


def _check_operation(operation: Fields, read_parameter: Callable[[Fields], Parameter]) -> None:
    operation.string("operationType", required=True)
    operation.objects("parameters", read_parameter)
    operation.close()
