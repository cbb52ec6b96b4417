"""Each expectation is what kubectl's reader (sigs.k8s.io/yaml) makes of the same scalar."""

import math

import pytest

from trialmill.api.tree import Json
from trialmill.api.yaml_scalars import key_text, resolve_plain, resolve_tagged

PLAIN: list[tuple[str, Json]] = [
    ("0", 0),
    ("-0", 0),
    ("+1", 1),
    ("1_000", 1000),
    ("1__0", 10),
    ("1_", 1),
    ("_1", "_1"),
    ("017", 15),
    ("-017", -15),
    ("0o17", 15),
    ("0O17", 15),
    ("0o8", "0o8"),
    ("0_7", 7),
    ("08", 8),
    ("0x1F", 31),
    ("0X1f", 31),
    ("+0x1F", 31),
    ("-0x1F", -31),
    ("0x", "0x"),
    ("0x1p3", "0x1p3"),
    ("0b1", 1),
    ("-0b101", -5),
    ("0b2", "0b2"),
    ("9223372036854775807", 9223372036854775807),
    ("18446744073709551616", 18446744073709551616.0),
    ("-9223372036854775809", -9223372036854775809.0),
    ("1" * 5000, "1" * 5000),
    ("0x" + "F" * 100, "0x" + "F" * 100),
    ("1e3", 1000),
    ("1E3", 1000),
    ("1e-3", 0.001),
    ("12e03", 12000),
    (".5", 0.5),
    ("+.5", 0.5),
    ("-.5e1", -5),
    ("1.", 1),
    ("5.e3", 5000),
    ("1.0", 1),
    ("1_0.5", 10.5),
    (".1_0", 0.1),
    ("._5", "._5"),
    (".5e400", ".5e400"),
    ("1e400", "1e400"),
    ("1e22", 1e22),
    ("1e", "1e"),
    (".", "."),
    ("..", ".."),
    ("+", "+"),
    ("--1", "--1"),
    ("1.2.3", "1.2.3"),
    ("4G", "4G"),
    ("1:30", "1:30"),
    ("2001-01-01", "2001-01-01"),
    ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"),
    ("١", "١"),
    ("1\n", "1\n"),
    ("inf", "inf"),
    ("nan", "nan"),
    ("yes", True),
    ("On", True),
    ("y", True),
    ("TRUE", True),
    ("tRue", "tRue"),
    ("off", False),
    ("N", False),
    ("~", None),
    ("", None),
    ("Null", None),
    ("nUll", "nUll"),
    ("=", "="),
]


@pytest.mark.parametrize(("text", "value"), PLAIN, ids=[repr(text[:24]) for text, _ in PLAIN])
def test_plain_scalars_mean_what_they_mean_to_kubernetes(text: str, value: Json) -> None:
    assert resolve_plain(text) == value
    assert type(resolve_plain(text)) is type(value)


@pytest.mark.parametrize("text", [".inf", "+.Inf", "-.INF", ".nan", ".NaN"])
def test_infinities_and_nan_are_recognised(text: str) -> None:
    value = resolve_plain(text)
    assert isinstance(value, float)
    assert not math.isfinite(value)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("str", "1", "1"),
        ("str", "yes", "yes"),
        ("str", "", ""),
        ("int", "1", 1),
        ("float", "1.5", 1.5),
        ("float", "1", 1),
        ("bool", "yes", True),
        ("null", "", None),
    ],
)
def test_a_core_tag_asks_for_its_type(tag: str, text: str, value: Json) -> None:
    assert resolve_tagged(tag, text) == value


@pytest.mark.parametrize(
    ("tag", "text"), [("int", "abc"), ("int", "1.5"), ("null", "x"), ("bool", "1"), ("float", "~")]
)
def test_a_scalar_that_does_not_fit_its_tag_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"!!{tag}"):
        resolve_tagged(tag, text)


@pytest.mark.parametrize(("value", "key"), [(1, "1"), (True, "true"), (False, "false"), (1.5, "1.5"), ("a", "a")])
def test_keys_become_text(value: Json, key: str) -> None:
    assert key_text(value) == key
