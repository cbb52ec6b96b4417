"""What pytest finds here; it is written in `cluster_fixtures`, since mypy takes only one file of this name."""

from cluster_fixtures import (
    argo,
    cluster,
    more_places,
    namespace,
    own_cluster,
    place,
    pytest_collection_modifyitems,
    pytest_runtest_setup,
    pytest_runtest_teardown,
    real_node,
    stand_in,
    trainer,
    training_operator,
)

__all__ = [
    "argo",
    "cluster",
    "more_places",
    "namespace",
    "own_cluster",
    "place",
    "pytest_collection_modifyitems",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "real_node",
    "stand_in",
    "trainer",
    "training_operator",
]
