"""The cluster as such: its API, and what tests may do to its programs."""

import pytest
from cluster_under_test import Cluster, Namespace, make_namespace


def test_the_api_server_answers_and_knows_the_built_in_kinds(cluster: Cluster) -> None:
    assert cluster.kubectl("get", "--raw=/readyz") == "ok"
    assert "jobs.batch" in cluster.kubectl("api-resources", "--output=name").split()


def test_an_image_made_of_a_folder_runs(
    namespace: Namespace, real_node: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if namespace.cluster.folder is None:
        pytest.skip("a foreign cluster takes its images from a registry")
    folder = tmp_path_factory.mktemp("image")
    (folder / "opt").mkdir()
    (folder / "opt" / "train.py").write_text("print('from the folder')")
    (folder / "image.toml").write_text('entrypoint = ["python3", "/opt/train.py"]\n')
    namespace.cluster.add_image("localhost/train:1", folder)
    namespace.kubectl("run", "train", "--image=localhost/train:1", "--restart=Never")
    namespace.wait_for("pod/train", lambda found: found["status"]["phase"] == "Succeeded")
    assert namespace.kubectl("logs", "train") == "from the folder\n"


def test_what_was_created_is_still_there_after_the_api_server_and_etcd_were_killed(own_cluster: Cluster) -> None:
    namespace = make_namespace(own_cluster)
    namespace.kubectl("create", "configmap", "kept", "--from-literal=key=value")
    with own_cluster.without("kube-apiserver", "etcd"), pytest.raises(AssertionError, match="kubectl get"):
        _ask_until_refused(own_cluster)
    own_cluster.wait_until_ready()
    assert namespace.get("configmap/kept")["data"] == {"key": "value"}


def _ask_until_refused(cluster: Cluster) -> None:
    for _ in range(50):
        cluster.kubectl("get", "--raw=/readyz", "--request-timeout=2s")
