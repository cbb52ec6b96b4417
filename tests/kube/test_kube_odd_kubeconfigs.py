"""Whatever stands in a kubeconfig, a sentence comes of it, and no secret is in that sentence."""

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kube_asking import Authority, ask, version, welcome

from trialmill.kube.api import KubeApi, KubeError, UnreachableError
from trialmill.kube.configuration import KubeConfigError
from trialmill.kube.connect import connect

SECRET = "s3cr3t-s3cr3t"  # noqa: S105 -- nobody's
ODD: list[Any] = [
    None,
    True,
    7,
    1.5,
    "",
    " ",
    f"{SECRET}\n{SECRET}",
    f"\x00{SECRET}",
    f"\ud800{SECRET}",
    "ü",
    "~nobody-has-this-home/x",
    "x" * 5000,
    "[::1",
    [],
    [SECRET],
    {},
    {"a": [SECRET]},
]
SHOWN = (
    "apiVersion",
    "command",
    "name",
    "current-context",
    "cluster",
    "user",
    "namespace",
    "server",
    "tls-server-name",
)
"""What names and addresses stand in, which are no secrets."""


def whole(user: dict[str, Any]) -> dict[str, Any]:
    cluster = {
        "server": "https://127.0.0.1:1",
        "certificate-authority": "ca.crt",
        "tls-server-name": "c.test",
        "proxy-url": "socks5://127.0.0.1:1",
        "insecure-skip-tls-verify": False,
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}],
    }
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }


USERS: dict[str, dict[str, Any]] = {
    "token": {"token": "t", "as": "me", "as-uid": "1", "as-groups": ["g"], "as-user-extra": {"k": ["v"]}},
    "token file": {"tokenFile": "token"},
    "password": {"username": "me", "password": "p"},
    "certificate": {"client-certificate": "ca.crt", "client-key": "ca.crt"},
    "data": {"client-certificate-data": "eA==", "client-key-data": "eQ=="},
    "plugin": {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "true",
            "args": ["a"],
            "env": [{"name": "N", "value": "v"}],
            "installHint": "get it",
            "interactiveMode": "Never",
            "provideClusterInfo": True,
        }
    },
}


def places(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Each place of a tree, the inner ones as well."""
    yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*path, key))


def replaced(tree: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(tree)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


async def outcome(file: Path) -> str:
    """What is said of the way to a cluster that never answers."""
    try:
        async with connect(kubeconfig=file, environment={"HOME": "/nowhere"}) as api:
            await api.server_version()
    except (KubeError, UnreachableError) as error:
        return str(error)
    raise AssertionError("nobody answers there")


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_any_value_at_any_place_is_right_or_said_to_be_wrong(tmp_path: Path, user: dict[str, Any]) -> None:
    Authority(tmp_path)
    (tmp_path / "token").write_text("t")
    file = tmp_path / "config"
    tree = whole(user)

    async def main() -> None:
        for place in places(tree):
            for value in ODD:
                file.write_text(json.dumps(replaced(tree, place, value)))
                said = await outcome(file)
                assert said, (place, value)
                assert "\n" not in said, (place, value)
                assert SECRET not in said or (place and place[-1] in SHOWN), (place, value)

    asyncio.run(main())


WRONG: dict[str, tuple[str, str, str]] = {
    "a number for a token": (
        "{token: 12345}",
        "",
        "the token of the user of the context 'here' in .* is no text; write",
    ),
    "a token on two lines": ('{token: "a\\nb"}', "", "the token of the user of .* a character that cannot be sent"),
    "an identity on two lines": ('{as: "a\\nb"}', "", "what the user .* has for Impersonate-User holds a character"),
    "groups of nobody": ("{as-groups: [a]}", "", "has groups or more of somebody to act as, and no name"),
    "a flag in quotes": ("{}", ", insecure-skip-tls-verify: 'true'", "is neither true nor false"),
    "half an address": ("{}", ", server: 'https://[::1'", r"is 'https://\[::1', which is no http\(s\) address; write"),
    "a port that is none": ("{}", ", server: 'https://127.0.0.1:99999'", r"which is no http\(s\) address"),
    "a password in the address": ("{}", ", server: 'https://u:s3cr3t@h'", "holds more than an address; write names"),
    "a name that is none": ("{}", ", tls-server-name: '.x'", "the tls-server-name .* is '.x', which is no name of"),
    "a variable that is none": ("{exec: {command: x, env: [{name: 'a=b', value: c}]}}", "", "has a variable that no"),
    "a user that is a list": ("[a]", "", "the user of the context 'here' in .* is no mapping"),
}


@pytest.mark.parametrize(("user", "cluster", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_named(tmp_path: Path, user: str, cluster: str, message: str) -> None:
    file = tmp_path / "config"
    server = cluster or ", server: 'https://c.test'"
    server = server if "server:" in server else f", server: 'https://c.test'{server}"
    file.write_text(
        "current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {{{server.removeprefix(', ')}}}}}]\nusers: [{{name: u, user: {user}}}]\n"
    )
    with pytest.raises(KubeConfigError, match=message) as wrong:
        connect(kubeconfig=file, environment={})
    assert "s3cr3t" not in str(wrong.value)


@pytest.mark.parametrize("proxy", ["::bad", "ftp://h", "http://h:99999", "http://u:s3cr3t@", "http://[::1"])
def test_a_proxy_of_the_environment_that_cannot_be_is_named(tmp_path: Path, proxy: str) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps({**whole({}), "clusters": [{"name": "c", "cluster": {"server": "https://c.test"}}]}))
    with pytest.raises(KubeConfigError, match="the environment's HTTPS_PROXY is not the address of a proxy") as wrong:
        connect(kubeconfig=file, environment={"HTTPS_PROXY": proxy})
    assert "s3cr3t" not in str(wrong.value)


@pytest.mark.parametrize("token", ["t1\n", "  t1  ", "\tt1\r\n"])
def test_the_end_of_a_line_is_no_part_of_a_token(tmp_path: Path, token: str) -> None:
    (request,) = ask(tmp_path, welcome, f"{{token: {json.dumps(token)}}}", version)
    assert request.headers["authorization"] == "Bearer t1"


def test_other_letters_than_english_ones_are_sent_as_utf_8(tmp_path: Path) -> None:
    """As kubectl sends them: there are such users."""
    (request,) = ask(tmp_path, welcome, "{token: tön, as: jäne, as-user-extra: {'a/ö b': [ü]}}", version)
    sent = {name: value.encode("latin-1").decode() for name, value in request.headers.items()}
    assert (sent["authorization"], sent["impersonate-user"]) == ("Bearer tön", "jäne")
    assert sent["impersonate-extra-a%2f%c3%b6%20b"] == "ü"


@pytest.mark.parametrize("broken", ["a\nb", "a\x7fb"])
def test_a_token_file_that_holds_no_token_is_named(tmp_path: Path, broken: str) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(KubeConfigError, match=r"the token in .*/token holds a character") as wrong:
            await api.server_version()
        assert broken not in str(wrong.value)

    (tmp_path / "token").write_text(broken)
    assert ask(tmp_path, welcome, "{tokenFile: token}", story) == []


def test_a_token_that_stands_beside_a_token_file_is_used_while_that_cannot_be_read(tmp_path: Path) -> None:
    (request,) = ask(tmp_path, welcome, "{token: t1, tokenFile: nowhere}", version)
    assert request.headers["authorization"] == "Bearer t1"


def test_an_authority_may_stand_between_words_of_any_language(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    broken = b"-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n"
    comment = "# Größe: ☃\n".encode()
    authority.file.write_bytes(comment + broken + authority.file.read_bytes() + b"\xff\xfe")
    ask(tmp_path, welcome, "{}", version, tls=authority.server("127.0.0.1"), cluster=", certificate-authority: ca.crt")


@pytest.mark.parametrize("content", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n"])
def test_an_authority_without_a_certificate_is_said(tmp_path: Path, content: bytes) -> None:
    async def story(api: KubeApi) -> None:
        with pytest.raises(KubeConfigError, match=r"authority .*/ca\.crt is no PEM certificate; get the cluster's own"):
            await api.server_version()

    authority = Authority(tmp_path)
    tls = authority.server("127.0.0.1")
    authority.file.write_bytes(content)
    assert ask(tmp_path, welcome, "{}", story, tls=tls, cluster=", certificate-authority: ca.crt") == []


def test_an_authority_that_another_has_signed_is_enough(tmp_path: Path) -> None:
    """As for Go: the file may hold the nearest authority alone."""
    import ssl

    import trustme

    root = trustme.CA()
    nearest = root.create_child_ca()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    nearest.issue_cert("127.0.0.1").configure_cert(context)
    nearest.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    ask(tmp_path, welcome, "{}", version, tls=context, cluster=", certificate-authority: ca.crt")


def test_data_may_be_folded(tmp_path: Path) -> None:
    import base64

    authority = Authority(tmp_path)
    folded = base64.encodebytes(authority.file.read_bytes()).decode().replace("\n", "\\r\\n")
    cluster = f', certificate-authority-data: "{folded}"'
    ask(tmp_path, welcome, "{}", version, tls=authority.server("127.0.0.1"), cluster=cluster)
