"""A kubeconfig is named by a relative path, renamed, handed out anew: the experiment stays on its cluster."""

import dataclasses

import pytest
import yaml
from acceptance_place import Place
from cluster_place import LONG
from cluster_runs import assert_all_succeeded_once, begin
from cluster_under_test import Cluster, Namespace

pytestmark = pytest.mark.usefixtures("stand_in")


def with_kubeconfig(place: Place, value: str) -> Place:
    """The same folder, in a shell with another KUBECONFIG and without a usual file."""
    variables = {**place.variables, "KUBECONFIG": value, "HOME": str(place.folder)}
    return dataclasses.replace(place, variables=variables, started=place.started)


def by_another_address(cluster: Cluster) -> str:
    """A kubeconfig for the same cluster, with another name for its server and its context."""
    text = cluster.kubeconfig.read_text().replace("https://127.0.0.1", "https://localhost")
    tree = yaml.safe_load(text)
    tree["contexts"][0]["name"] = tree["current-context"] = "renamed"
    return str(yaml.safe_dump(tree))


def test_a_run_is_taken_up_and_deleted_by_whatever_file_leads_to_its_cluster(
    place: Place, namespace: Namespace, own_cluster: Cluster
) -> None:
    (place.folder / "kc1").write_text(namespace.cluster.kubeconfig.read_text())
    began = with_kubeconfig(place, "kc1")
    process = begin(began, namespace, trials=8, seconds="3")
    process.kill()
    process.wait()
    (place.folder / "kc1").rename(place.folder / "kc2")

    nowhere = with_kubeconfig(place, "")
    gone = nowhere("resume", "e", code=2).err
    assert f"the kubeconfig {place.folder}/kc1, which led there, is not there any more" in gone
    assert "set KUBECONFIG to a file with the context" in gone
    elsewhere = with_kubeconfig(place, str(own_cluster.kubeconfig))
    for words in (("resume", "e"), ("delete", "e")):
        assert "is another one" in elsewhere(*words, code=None).err
    assert own_cluster.kubectl("get", "jobs", "--all-namespaces", "--output=name") == ""

    (place.folder / "kc3").write_text(by_another_address(namespace.cluster))
    with_kubeconfig(place, "kc3")("resume", "e", seconds=LONG)
    assert_all_succeeded_once(nowhere, namespace, 8)
    assert "https://localhost" in nowhere("describe", "e").out
    folder = place.folder / "sub"
    folder.mkdir()
    store = str(place.folder / ".trialmill" / "store.db")
    dataclasses.replace(nowhere, folder=folder)("delete", "e", "--store", store)
    assert namespace.get("jobs")["items"] == []


@pytest.mark.parametrize("words", [("check-cluster",), ("run", "e.yaml", "--runtime", "kubernetes")])
def test_a_token_that_cannot_be_sent_is_named_and_not_shown(
    place: Place, namespace: Namespace, words: tuple[str, ...]
) -> None:
    secret = "eyJhbGciOiJub25lIn0.s3cr3t"  # noqa: S105 -- nobody's
    tree = yaml.safe_load(namespace.cluster.kubeconfig.read_text())
    tree["users"] = [{"name": each["name"], "user": {"token": f"{secret}\n{secret}"}} for each in tree["users"]]
    place.write("config", tree)
    place.write("e.yaml", "x: 1")
    said = with_kubeconfig(place, "config")(*words, code=2)
    assert "the token of the user of the context" in said.err
    assert secret not in said.out + said.err
