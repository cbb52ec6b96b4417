"""An experiment's cluster is found again wherever its kubeconfig has gone, and never taken for another."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from kube_asking import Authority
from kube_wire import Exchange, serve

from trialmill.engine.records import ExperimentRecord
from trialmill.kube import service_account
from trialmill.root.cluster_way import way_to
from trialmill.root.clusters import chosen_cluster, connected, found_again, identified
from trialmill.root.creating import ClusterChoice, Options, cluster_of, settings_of
from trialmill.root.errors import InputError, RefusedError
from trialmill.root.same_place import at_same_place, is_same_cluster
from trialmill.testing.samples import experiment

HERE = "https://here.test:6443"
THERE = "https://there.test:6443"


@dataclass
class Files:
    """Kubeconfigs in a folder, and the commands' environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, server: str = HERE, context: str = "team", cluster: str = "", user: str = "{}") -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f"current-context: {context}\ncontexts: [{{name: {context}, context: {{cluster: c, user: u}}}}]\n"
            f"clusters: [{{name: c, cluster: {{server: '{server}'{cluster}}}}}]\nusers: [{{name: u, user: {user}}}]\n"
        )
        return str(file)

    def chosen(self, kubeconfig: str) -> ClusterChoice:
        return chosen_cluster(ClusterChoice(), {**self.environment, "KUBECONFIG": kubeconfig})[0]

    def way(self, choice: ClusterChoice, kubeconfig: str = "") -> tuple[str, str]:
        """By which file, and to which server."""
        found = way_to(choice, {**self.environment, "KUBECONFIG": kubeconfig}).access
        return ":".join(file.name for file in found.files), found.server.url


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, {"HOME": str(tmp_path / "home")})


def test_a_relative_path_is_remembered_as_an_absolute_one(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write("one")
    (files.folder / "other").mkdir()
    monkeypatch.chdir(files.folder)
    choice = files.chosen("one:missing")
    assert choice.kubeconfig == f"{files.folder}/one:{files.folder}/missing"
    monkeypatch.chdir(files.folder / "other")
    assert files.way(choice) == ("one:missing", HERE)


def test_the_file_that_is_named_now_wins_where_it_leads_to_the_same_cluster(files: Files) -> None:
    choice = files.chosen(files.write("old", user="{token: old}"))
    assert files.way(choice, files.write("new", user="{token: new}")) == ("new", HERE)


def test_a_file_for_another_cluster_that_is_named_now_is_passed_over(files: Files) -> None:
    choice = files.chosen(files.write("old"))
    assert files.way(choice, files.write("other", THERE)) == ("old", HERE)


@pytest.mark.parametrize("context", ["team", "renamed"])
def test_a_file_that_was_renamed_is_found_by_kubeconfig(files: Files, context: str) -> None:
    choice = files.chosen(files.write("old"))
    (files.folder / "old").unlink()
    assert files.way(choice, files.write("new", context=context)) == ("new", HERE)


def test_without_kubeconfig_the_usual_file_is_tried(files: Files) -> None:
    choice = files.chosen(files.write("old"))
    (files.folder / "old").unlink()
    files.write("home/.kube/config")
    assert files.way(choice) == ("config", HERE)


def test_what_is_gone_is_named_with_what_helps(files: Files) -> None:
    choice = files.chosen(files.write("old"))
    (files.folder / "old").unlink()
    with pytest.raises(InputError) as wrong:
        files.way(choice)
    assert f"the kubeconfig {files.folder}/old, which led there, is not there any more" in wrong.value.message
    assert "KUBECONFIG is not set" in wrong.value.message
    assert wrong.value.remedy == "set KUBECONFIG to a file with the context 'team', or another that leads there"


def test_another_cluster_is_refused_where_the_own_one_is_gone(files: Files) -> None:
    choice = files.chosen(files.write("old"))
    (files.folder / "old").unlink()
    with pytest.raises(InputError, match=f"runs on the cluster {HERE}, and {THERE} is another one; set KUBECONFIG"):
        files.way(choice, files.write("other", THERE))


def test_the_same_address_with_another_authority_is_another_cluster(files: Files) -> None:
    """A local cluster that was made anew has the address of the old one."""
    for name in ("a", "b"):
        (files.folder / name).mkdir()
        Authority(files.folder / name)
    choice = files.chosen(files.write("a/config", cluster=", certificate-authority: ca.crt"))
    again = files.write("b/config", cluster=", certificate-authority: ca.crt")
    assert files.way(choice, again) == ("config", HERE)
    assert way_to(choice, {"KUBECONFIG": again, "HOME": "/"}).access.files[0].parent.name == "a"
    (files.folder / "a" / "config").unlink()
    with pytest.raises(InputError, match=f"{HERE} is now another one"):
        files.way(choice, again)


def test_words_and_order_in_the_authoritys_file_do_not_matter(files: Files) -> None:
    Authority(files.folder)
    choice = files.chosen(files.write("one", cluster=", certificate-authority: ca.crt"))
    pem = (files.folder / "ca.crt").read_text()
    (files.folder / "ca2.crt").write_text(f"# ours\n{pem}\n{pem}")
    (files.folder / "one").unlink()
    assert files.way(choice, files.write("two", cluster=", certificate-authority: ca2.crt")) == ("two", HERE)


class Pod:
    """The files and variables that a pod has."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "serviceaccount"
        self.folder.mkdir()
        for name, text in (("token", "t"), ("namespace", "team")):
            (self.folder / name).write_text(text)
        monkeypatch.setattr(service_account, "FOLDER", self.folder)

    environment: Mapping[str, str] = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_pods_service_account_is_chosen_and_found_again(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.environment |= Pod(files.folder, monkeypatch).environment
    choice, namespace = chosen_cluster(ClusterChoice(), files.environment)
    assert (choice.context, choice.kubeconfig, namespace) == ("in-cluster", "", "team")
    assert files.way(choice) == ("", "https://10.0.0.1:443")
    named, _ = chosen_cluster(ClusterChoice(context="in-cluster"), files.environment)
    assert named == choice


def test_a_kubeconfig_that_comes_later_does_not_hide_the_service_account(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.environment |= Pod(files.folder, monkeypatch).environment
    choice, _ = chosen_cluster(ClusterChoice(), files.environment)
    files.write("home/.kube/config", THERE)
    assert files.way(choice, files.write("new", THERE)) == ("", "https://10.0.0.1:443")


def test_outside_of_a_pod_its_service_account_is_not_there(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    pod = Pod(files.folder, monkeypatch)
    choice, _ = chosen_cluster(ClusterChoice(), {**files.environment, **pod.environment})
    with pytest.raises(InputError, match="this is no pod with a service account"):
        files.way(choice)


def test_a_user_without_a_home_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod may run as any number."""

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(InputError, match=r"there is no /\.kube/config"):
        chosen_cluster(ClusterChoice(), {})


# --- what the cluster itself says


async def _deny(exchange: Exchange) -> None:
    await exchange.answer(403, {"kind": "Status", "reason": "Forbidden", "message": "no", "code": 403})


@dataclass
class Said:
    """What a server says its uid is; empty: it may not be read."""

    uid: str = "u-1"

    async def handle(self, exchange: Exchange) -> None:
        assert exchange.request.path == "/api/v1/namespaces/kube-system"
        if not self.uid:
            await _deny(exchange)
        else:
            await exchange.answer(200, {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": self.uid}})


def reached(files: Files, monkeypatch: pytest.MonkeyPatch, then: Said, *, elsewhere: bool) -> ClusterChoice:
    """An experiment is started on one server; the way is looked for again when it, or another address, says this."""
    said = Said()

    async def main() -> ClusterChoice:
        async with serve(said.handle) as first, serve(then.handle) as second:
            monkeypatch.setenv("KUBECONFIG", files.write("one", first.url))
            choice = await identified(chosen_cluster(ClusterChoice(), {"KUBECONFIG": str(files.folder / "one")})[0])
            assert choice.uid == "u-1"
            if elsewhere:
                (files.folder / "one").unlink()
                monkeypatch.setenv("KUBECONFIG", files.write("two", second.url))
            said.uid = then.uid
            return replace(await found_again(choice), server="second" if elsewhere else "first")

    return asyncio.run(main())


def test_by_another_address_the_same_cluster_is_known_by_its_uid(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    found = reached(files, monkeypatch, Said(), elsewhere=True)
    assert (found.uid, found.kubeconfig) == ("u-1", str(files.folder / "two"))


def test_by_the_same_address_a_user_who_may_not_read_the_uid_goes_on(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reached(files, monkeypatch, Said(""), elsewhere=False).uid == "u-1"


@pytest.mark.parametrize(
    ("uid", "elsewhere", "message"),
    [
        pytest.param("u-2", False, "is now another one", id="the same address leads elsewhere"),
        pytest.param("u-2", True, "is another one; set KUBECONFIG", id="another cluster"),
        pytest.param("", True, "it cannot be seen whether .* get the namespace kube-system", id="not to be known"),
    ],
)
def test_another_cluster_is_never_driven(
    files: Files, monkeypatch: pytest.MonkeyPatch, uid: str, elsewhere: bool, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        reached(files, monkeypatch, Said(uid), elsewhere=elsewhere)


def test_a_server_that_is_away_is_no_reason_to_refuse(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", files.write("one", "http://127.0.0.1:1"))
    choice = replace(files.chosen(str(files.folder / "one")), uid="u-1")

    async def main() -> None:
        async with connected(choice) as api:
            assert api.server == "http://127.0.0.1:1"

    asyncio.run(main())


# --- the same file once more


def started(choice: ClusterChoice | None) -> ExperimentRecord:
    return replace(experiment(), settings=settings_of(Options(".", cluster=choice)))


ONE = ClusterChoice("team", "/one", HERE, "ca", "u-1")


@pytest.mark.parametrize(
    ("now", "same"),
    [
        pytest.param(replace(ONE, context="other", server=THERE), True, id="another address and name"),
        pytest.param(replace(ONE, uid=""), True, id="a uid that may not be read now"),
        pytest.param(replace(ONE, uid="u-2"), False, id="another uid"),
        pytest.param(replace(ONE, uid="", server=THERE), False, id="another address, and nothing to tell by"),
        pytest.param(replace(ONE, uid="", authority="cb"), False, id="another authority"),
        pytest.param(None, False, id="this machine"),
    ],
)
def test_the_same_file_goes_on_with_its_own_cluster_alone(now: ClusterChoice | None, same: bool) -> None:
    record, options = started(ONE), Options(".", cluster=now)
    if same:
        taken = at_same_place(record, options).cluster
        assert taken is not None
        assert taken.uid == "u-1", "what is known stays known"
    else:
        with pytest.raises(RefusedError, match=r"runs on a cluster, by the context team \(https://here"):
            at_same_place(record, options)


def test_what_is_remembered_is_read_back() -> None:
    assert cluster_of(started(ONE)) == ONE
    assert json.loads(json.dumps(started(ONE).settings)) == started(ONE).settings


def test_where_nothing_is_known_the_name_decides() -> None:
    assert is_same_cluster(ClusterChoice("a"), ClusterChoice("a", "/k", HERE))
    assert not is_same_cluster(ClusterChoice("a"), ClusterChoice("b", "/k", HERE))
