"""Kubeconfigs are read as kubectl reads them, and what is wrong is said in a sentence with a remedy."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from trialmill.kube.configuration import Access, KubeConfigError, Pem
from trialmill.kube.kubeconfig import find_access


def config(contexts: str = "", clusters: str = "", users: str = "", current: str = "") -> str:
    head = f"apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\n"
    return f"{head}contexts: [{contexts}]\nclusters: [{clusters}]\nusers: [{users}]\n"


def cluster(name: str = "c", more: str = "") -> str:
    return f"{{name: {name}, cluster: {{server: 'https://{name}.test:6443/'{more}}}}}"


def user(name: str, fields: str) -> str:
    return f"{{name: {name}, user: {{{fields}}}}}"


def context(name: str, fields: str = "cluster: c, user: u") -> str:
    return f"{{name: {name}, context: {{{fields}}}}}"


def find(
    folder: Path,
    context: str | None = None,
    kubeconfig: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Access:
    service_account = folder / "serviceaccount"
    return find_access(
        context, kubeconfig, environment=environment or {}, home=folder / "home", service_account=service_account
    )


def test_the_current_context_is_taken_unless_another_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config"
    contexts = context("one", "cluster: c, user: u, namespace: team") + "," + context("two", "cluster: d")
    clusters = cluster("c") + "," + cluster("d")
    file.write_text(config(contexts, clusters, user("u", "token: s3cr3t"), "one"))
    one, two = find(tmp_path, kubeconfig=file), find(tmp_path, "two", file)
    assert (one.context, one.server.url, one.namespace, one.user.token) == (
        "one",
        "https://c.test:6443",
        "team",
        "s3cr3t",
    )
    assert (two.context, two.server.url, two.namespace, two.user.token) == ("two", "https://d.test:6443", "default", "")


def test_a_list_of_files_is_merged_and_the_first_word_counts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "config").write_text(config(current="one", clusters=cluster("c", ", tls-server-name: first")))
    (tmp_path / "b" / "config").write_text(
        config(
            context("one"), cluster("c", ", tls-server-name: second"), user("u", "client-certificate: me.crt"), "other"
        )
    )
    paths = [tmp_path / "a" / "config", tmp_path / "missing", tmp_path / "b" / "config"]
    found = find(tmp_path, environment={"KUBECONFIG": ":".join(map(str, paths))})
    assert found.context == "one"
    assert found.server.tls_name == "first"
    assert found.user.certificate == Pem(tmp_path / "b" / "me.crt")


def test_the_home_folder_is_looked_into_without_kubeconfig(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".kube"
    folder.mkdir(parents=True)
    (folder / "config").write_text(config(context("one"), cluster(), user("u", ""), "one"))
    assert find(tmp_path).context == "one"


@pytest.mark.parametrize(("host", "url"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")])
def test_a_pod_uses_its_service_account(tmp_path: Path, host: str, url: str) -> None:
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    for name, text in (("token", "s3cr3t"), ("namespace", "team\n"), ("ca.crt", "...")):
        (folder / name).write_text(text)
    found = find(tmp_path, environment={"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"})
    assert (found.server.url, found.namespace, found.context) == (url, "team", "in-cluster")
    assert found.server.ca == Pem(folder / "ca.crt")
    assert found.user.token_file == folder / "token"


def test_all_that_kubectl_knows_of_a_cluster_and_a_user_is_read(tmp_path: Path) -> None:
    data = base64.b64encode(b"PEM").decode()
    fields = f", certificate-authority-data: {data}, proxy-url: 'socks5://p:1', tls-server-name: other.test"
    plugin = (
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./aws, args: [a, b], provideClusterInfo: true,"
        " env: [{name: K, value: v}], installHint: get it, interactiveMode: Never}, as: root, as-groups: [x, z]"
    )
    extension = ", extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: z}}]"
    file = tmp_path / "config"
    file.write_text(config(context("one"), cluster("c", fields + extension), user("u", plugin), "one"))
    found = find(tmp_path, kubeconfig=file)
    assert (found.server.ca, found.server.proxy, found.server.tls_name) == (
        Pem(data=b"PEM"),
        "socks5://p:1",
        "other.test",
    )
    read = found.user.plugin
    assert read is not None
    assert (read.command, read.arguments, read.environment, read.folder) == (
        "./aws",
        ("a", "b"),
        (("K", "v"),),
        tmp_path,
    )
    assert (read.install_hint, read.interactive_mode, read.cluster_config) == ("get it", "Never", {"audience": "z"})
    headers = [("Impersonate-User", "root"), ("Impersonate-Group", "x"), ("Impersonate-Group", "z")]
    assert list(found.user.impersonate) == headers


GOOD = config(context("prod"), cluster(), user("u", "token: t"), "prod")


@pytest.mark.parametrize(
    ("text", "named", "message"),
    [
        pytest.param(GOOD, "prdo", r"has no context 'prdo'; did you mean 'prod'\?", id="a slip"),
        pytest.param(GOOD, "staging", "has no context 'staging'; there are: prod", id="an unknown context"),
        pytest.param(
            config(context("prod"), cluster(), user("u", "")),
            None,
            "no context is chosen: .* has no current-context; choose one with --context; there are: prod",
            id="no current context",
        ),
        pytest.param(
            config(context("a", "cluster: x"), cluster(), current="a"),
            None,
            "names the cluster 'x', which is not there",
            id="a cluster that is not there",
        ),
        pytest.param(
            config(context("a"), cluster(), current="a"), None, "names the user 'u', which is not there", id="a user"
        ),
        pytest.param(config(context("a", ""), cluster(), current="a"), None, "names no cluster", id="no cluster"),
        pytest.param(
            config(context("a", "cluster: c"), "{name: c, cluster: {server: c.test}}", current="a"),
            None,
            r"is 'c\.test', which is no http\(s\) address",
            id="no address",
        ),
        pytest.param("a: [1", None, "is no valid YAML, at line 1", id="broken YAML"),
        pytest.param("- 1", None, "is no kubeconfig: it holds no mapping", id="a list"),
        pytest.param("contexts: 3", None, "is no kubeconfig: contexts is no list", id="no contexts"),
        pytest.param("", None, "has no current-context", id="an empty file"),
        pytest.param(
            config(context("a"), cluster(), user("u", "auth-provider: {name: gcp}"), "a"),
            None,
            r"has an auth-provider, which kubectl dropped in 1\.26; write the user anew",
            id="an auth provider",
        ),
        pytest.param(
            config(context("a"), cluster("c", ", certificate-authority-data: '%%'"), user("u", ""), "a"),
            None,
            "certificate-authority-data of the cluster of the context 'a' in .* is no base64",
            id="no base64",
        ),
        pytest.param(
            config(
                context("a"),
                cluster("c", ", certificate-authority: ca, insecure-skip-tls-verify: true"),
                user("u", ""),
                "a",
            ),
            None,
            "says whom to trust, and to check nothing",
            id="a contradiction",
        ),
        pytest.param(
            config(context("a"), cluster(), user("u", "exec: {args: [a]}"), "a"), None, "has no command", id="exec"
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str, named: str | None, message: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(KubeConfigError, match=message):
        find(tmp_path, named, file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeConfigError, match=f"there is no kubeconfig {tmp_path}/x"):
        find(tmp_path, kubeconfig=tmp_path / "x")


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(KubeConfigError, match="cannot be read: Is a directory"):
        find(tmp_path, kubeconfig=tmp_path)


def test_bytes_are_no_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KubeConfigError, match="is no text"):
        find(tmp_path, kubeconfig=tmp_path / "x")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "there is no kubeconfig: KUBECONFIG is not set, and there is no .*/home/.kube/config; name one with"),
        ({"KUBECONFIG": "/x"}, "there is no kubeconfig: KUBECONFIG is /x, and there is no such file"),
    ],
)
def test_no_kubeconfig_at_all_says_where_was_looked(
    tmp_path: Path, environment: Mapping[str, str], message: str
) -> None:
    with pytest.raises(KubeConfigError, match=message):
        find(tmp_path, environment=environment)


def test_secrets_are_in_no_message_and_no_representation(tmp_path: Path) -> None:
    file = tmp_path / "config"
    secret = "-".join(["s3cr3t"] * 3)
    key = base64.b64encode(secret.encode()).decode()
    file.write_text(
        config(context("a"), cluster(), user("u", f"token: {secret}, password: {secret}, client-key-data: {key}"), "a")
    )
    assert secret not in repr(find(tmp_path, kubeconfig=file))
    file.write_text(config(context("a"), cluster(), "{name: u, user: {token: " + secret + "}", "a"))
    with pytest.raises(KubeConfigError) as wrong:
        find(tmp_path, kubeconfig=file)
    assert secret not in str(wrong.value)


def test_message_and_remedy_are_there_together_and_apart() -> None:
    error = KubeConfigError("it is broken", "mend it")
    assert (str(error), error.message, error.remedy, error.status) == (
        "it is broken; mend it",
        "it is broken",
        "mend it",
        401,
    )
