"""What pytest finds here; it is written in `cluster_fixtures`, since mypy takes only one file of this name."""

from cluster_fixtures import (
    cluster,
    namespace,
    pytest_collection_modifyitems,
    real_node,
    training_operator,
)

__all__ = ["cluster", "namespace", "pytest_collection_modifyitems", "real_node", "training_operator"]
