"""One real cluster for the whole run, also when several processes run it, and a namespace of its own for each test."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest
from acceptance_place import Place
from cluster_place import place_for
from cluster_under_test import (
    Cluster,
    Namespace,
    NoClusterError,
    add_operator,
    end_cluster,
    find_cluster,
    make_namespace,
    start_cluster,
)

HERE = Path(__file__).parent
FOUND = pytest.StashKey[Cluster | NoClusterError]()


_LEFT_OVER: Final = ("unclosed transport", "unclosed <socket")
"""A connection whose opening is cancelled within the TLS handshake is left to the garbage collector by asyncio: once in
hundreds of requests.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is marked, and has its time for itself: the first test waits for the cluster as well."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("cluster")
            item.add_marker(pytest.mark.timeout(180, func_only=True))
            # Real programs on a busy machine: what fails has to fail twice; a first failure is still shown, as RERUN.
            item.add_marker(pytest.mark.flaky(reruns=1))
            for left_over in _LEFT_OVER:
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{left_over}:ResourceWarning"))


def pytest_runtest_teardown() -> None:
    """What is left over is collected here, and not found in a test that has nothing to do with it."""
    gc.collect()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot be tested here. It is done here and not in a fixture so that pytest shows one line for all."""
    found = _cluster(item.config)
    wanted = getattr(item, "fixturenames", ())
    if isinstance(found, NoClusterError):
        pytest.skip(f"nothing was tested on a real cluster: {found}")
    if "real_node" in wanted and not found.real_node:
        pytest.skip("nothing was tested in real containers: the cluster has no real node (tools/cluster/up says why)")
    if "stand_in" in wanted and found.folder is None:
        pytest.skip("nothing was tested on a stand-in node: a foreign cluster has none")


def _cluster(config: pytest.Config) -> Cluster | NoClusterError:
    if FOUND not in config.stash:
        # A line each half minute while it is built the first time has to be seen: it is not a test's output.
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            try:
                config.stash[FOUND] = find_cluster(_owner())
            except NoClusterError as reason:
                config.stash[FOUND] = reason
    return config.stash[FOUND]


def _owner() -> int:
    """The process that clusters end with: pytest, or what the processes of pytest-xdist are children of."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The cluster that all tests share; they stay in their own namespaces."""
    found = _cluster(request.config)
    assert isinstance(found, Cluster), "without one the test was skipped"
    return found


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    namespace = make_namespace(cluster)
    yield namespace
    cluster.kubectl("delete", "namespace", namespace.name, "--wait=false")


@pytest.fixture
def place(cluster: Cluster, tmp_path: Path) -> Iterator[Place]:
    """A folder whose commands mean the shared cluster."""
    place = place_for(tmp_path, cluster)
    yield place
    place.clean()


@pytest.fixture
def more_places(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[str], tuple[Place, Namespace]]]:
    """Makes a folder and a namespace for each of several stories that go on side by side."""
    places, namespaces = [], []

    def make(name: str) -> tuple[Place, Namespace]:
        (tmp_path / name).mkdir()
        place, namespace = place_for(tmp_path / name, cluster), make_namespace(cluster)
        places.append(place)
        namespaces.append(namespace)
        return place, namespace

    yield make
    for place in places:
        place.clean()
    cluster.kubectl("delete", "namespace", *(each.name for each in namespaces), "--wait=false")


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A cluster with a stand-in node for one module, which may disturb it: see `Cluster.without`."""
    cluster = start_cluster(f"tests-{_owner()}-{os.getpid()}", _owner(), stand_in=True)
    yield cluster
    end_cluster(cluster)


@pytest.fixture
def real_node(cluster: Cluster) -> None:
    """For tests of what only containers that run can show."""


@pytest.fixture
def stand_in(cluster: Cluster) -> None:
    """For tests whose pods go to the node that runs nothing."""


@pytest.fixture(scope="session")
def training_operator(cluster: Cluster) -> None:
    """Kubeflow's training operator, from the first test that wants it on."""
    _with_operator(cluster, "the training operator", "--training-operator", "pytorchjobs.kubeflow.org")


@pytest.fixture(scope="session")
def trainer(cluster: Cluster) -> None:
    """Kubeflow Trainer and JobSet, from the first test that wants them on."""
    _with_operator(cluster, "Kubeflow Trainer and JobSet", "--trainer", "trainjobs.trainer.kubeflow.org")


@pytest.fixture(scope="session")
def argo(cluster: Cluster) -> None:
    """Argo Workflows, from the first test on that wants it; to be asked for, since it takes long to build."""
    if cluster.folder is not None and not os.environ.get("TRIALMILL_TEST_ARGO"):
        pytest.skip("nothing was tested with Argo Workflows, which takes minutes to build: set TRIALMILL_TEST_ARGO=1")
    _with_operator(cluster, "Argo Workflows", "--argo", "workflows.argoproj.io")


def _with_operator(cluster: Cluster, name: str, option: str, kind: str) -> None:
    try:
        add_operator(cluster, option, kind)
    except NoClusterError as reason:
        pytest.skip(f"nothing was tested with {name}: {reason}")
