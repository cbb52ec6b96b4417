"""What an experiment that is forgotten may leave on a cluster that nobody can reach now."""

from dataclasses import dataclass

from trialmill.engine.records import ExperimentRecord
from trialmill.root.creating import cluster_of
from trialmill.runtime.kubernetes.stamping import EXPERIMENT_UID, selector
from trialmill.template.encode import compiled_from_json


@dataclass(frozen=True, slots=True)
class LeftThere:
    """What may be left of an experiment on its cluster, and how to look for it and delete it with kubectl."""

    context: str
    namespace: str
    kinds: tuple[str, ...]
    selector: str

    @property
    def options(self) -> str:
        """What follows `kubectl delete` or `kubectl get`."""
        return f"{','.join(self.kinds)} --context {self.context} -n {self.namespace} -l {self.selector}"


def left_on_cluster(record: ExperimentRecord) -> LeftThere:
    """What there may be of the experiment on its cluster, which is not asked."""
    choice = cluster_of(record)
    template = compiled_from_json(record.compiled)
    refs = [(template.api_version, template.kind), *((part.api_version, part.kind) for part in template.parts)]
    kinds = [
        ".".join(filter(None, (kind.lower(), version.rpartition("/")[0]))) for version, kind in dict.fromkeys(refs)
    ]
    selected = selector({EXPERIMENT_UID: record.uid})
    return LeftThere(choice.context if choice else "", record.namespace, tuple(kinds), selected)
