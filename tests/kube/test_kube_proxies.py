"""Proxies are chosen as Go chooses them, and so kubectl."""

import pytest

from trialmill.kube.proxies import proxy_for

PROXY = {"HTTPS_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        pytest.param("https://c.test:6443", {}, "", id="none"),
        pytest.param("https://c.test:6443", PROXY, "http://proxy:3128", id="https"),
        pytest.param("https://c.test", {"https_proxy": "proxy:3128"}, "http://proxy:3128", id="lower case, no scheme"),
        pytest.param("https://c.test", {"HTTP_PROXY": "http://p"}, "", id="the other scheme's"),
        pytest.param("http://c.test", {"HTTP_PROXY": "http://p"}, "http://p", id="http"),
        pytest.param("https://c.test", {"ALL_PROXY": "http://p"}, "", id="Go knows no ALL_PROXY"),
        pytest.param("https://localhost:6443", PROXY, "", id="localhost"),
        pytest.param("https://127.9.9.9:6443", PROXY, "", id="loopback"),
        pytest.param("https://[::1]:6443", PROXY, "", id="loopback of IPv6"),
        pytest.param("https://c.test", {**PROXY, "NO_PROXY": "*"}, "", id="star"),
        pytest.param("https://c.test", {**PROXY, "NO_PROXY": "x, C.test"}, "", id="the name"),
        pytest.param("https://a.c.test", {**PROXY, "no_proxy": "c.test"}, "", id="a subdomain"),
        pytest.param("https://ac.test", {**PROXY, "NO_PROXY": "c.test"}, "http://proxy:3128", id="another name"),
        pytest.param("https://c.test", {**PROXY, "NO_PROXY": ".c.test"}, "http://proxy:3128", id="the suffix itself"),
        pytest.param("https://a.c.test", {**PROXY, "NO_PROXY": ".c.test"}, "", id="a suffix"),
        pytest.param("https://a.c.test", {**PROXY, "NO_PROXY": "*.c.test"}, "", id="a star and a suffix"),
        pytest.param("https://c.test:6443", {**PROXY, "NO_PROXY": "c.test:6443"}, "", id="a port"),
        pytest.param("https://c.test:6443", {**PROXY, "NO_PROXY": "c.test:1"}, "http://proxy:3128", id="another port"),
        pytest.param("https://c.test", {**PROXY, "NO_PROXY": "c.test:443"}, "", id="the scheme's port"),
        pytest.param("https://10.1.2.3:6443", {**PROXY, "NO_PROXY": "10.0.0.0/8"}, "", id="a network"),
        pytest.param(
            "https://11.1.2.3:6443", {**PROXY, "NO_PROXY": "10.0.0.0/8,x/y"}, "http://proxy:3128", id="no network"
        ),
        pytest.param("https://[fd00::1]:6443", {**PROXY, "NO_PROXY": "[fd00::1]:6443"}, "", id="IPv6 and a port"),
        pytest.param("https://[fd00::1]:6443", {**PROXY, "NO_PROXY": "fd00::1"}, "", id="IPv6"),
    ],
)
def test_the_proxy_is_the_one_that_go_would_take(url: str, environment: dict[str, str], expected: str) -> None:
    assert proxy_for(url, environment) == expected
