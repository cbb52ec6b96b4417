"""One real cluster for the whole run, also when several processes run it, and a namespace of its own for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_under_test import Cluster, Namespace, NoClusterError, add_training_operator, find_cluster, make_namespace

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is marked, and has its time for itself: the first test waits for the cluster as well."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("cluster")
            item.add_marker(pytest.mark.timeout(180, func_only=True))


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Skips, with one line of why, where there can be none."""
    # The processes of pytest-xdist are children of the one that the cluster is to end with.
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    try:
        return find_cluster(owner)
    except NoClusterError as reason:
        pytest.skip(f"nothing was tested on a real cluster: {reason}")


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    namespace = make_namespace(cluster)
    yield namespace
    cluster.kubectl("delete", "namespace", namespace.name, "--wait=false")


@pytest.fixture
def real_node(cluster: Cluster) -> None:
    """For tests of what only containers that run can show."""
    if not cluster.real_node:
        pytest.skip("the cluster has no real node, so no container runs")


@pytest.fixture(scope="session")
def training_operator(cluster: Cluster) -> None:
    """Kubeflow's training operator, from the first test that wants it on."""
    try:
        add_training_operator(cluster)
    except NoClusterError as reason:
        pytest.skip(f"nothing was tested with the training operator: {reason}")
