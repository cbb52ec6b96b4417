import pytest

from trialmill.metrics.filters import compile_filter, filter_problem

MATCHES: dict[str, tuple[str, str, tuple[str, str] | None]] = {
    "named groups": (r"(?P<n>\w+)=(?<v>\d+)", "a=1", ("a", "1")),
    "ASCII classes": (r"(\w+)=(\d+)", "é=1", None),
    "posix": (r"([[:alpha:]_]+)=([[:digit:].]+)", "a_b=1.5", ("a_b", "1.5")),
    "negated posix": (r"([[:^digit:]]+)(\d)", "ab1", ("ab", "1")),
    "unicode categories": (r"(\pL+)=(\p{Nd})", "é=1", ("é", "1")),
    "negated category": (r"(\PL)(\p{^L})", "12", ("1", "2")),
    "flag in the middle": (r"(a)(?i)=(b)", "a=B", ("a", "B")),
    "flag holds after its bar": (r"(?:x|(?i)y|(z)(Z))", "Zz", ("Z", "z")),
    "flag ends with its group": (r"(?:(?i)(a))(b)", "AB", None),
    "flag off": (r"(?i)(a)(?-i:(b))", "Ab", ("A", "b")),
    "folded negated set": (r"(?i)([^a]+)=(\d)", "Ab=1", ("b", "1")),
    "ungreedy": (r"(?U)(a+)(a*?)", "aaa", ("a", "aa")),
    "quoted": (r"\Q(+)\E+(a)(b)", "(+))ab", ("a", "b")),
    "a brace that repeats nothing": (r"{(\w{,2})(b)", "{b{,2}b", ("b{,2}", "b")),
    "literal brace": (r"{a: (\w+), b: (\d{1,2})}", "{a: x, b: 12}", ("x", "12")),
    "the very end": (r"(a)(b)\z", "ab", ("a", "b")),
    "repeated anchor": (r"^*(a)(b)$", "ab", ("a", "b")),
    "signs in a set": (r"([]&&|~\[-]+)(\x41\x{42}\103)", "]&&-[ABC", ("]&&-[", "ABC")),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("pattern", "text", "groups"), MATCHES.values(), ids=MATCHES)
def test_go_patterns_match_as_in_go(pattern: str, text: str, groups: tuple[str, str] | None) -> None:
    match = compile_filter(pattern).search(text)

    assert (match and match.group(1, 2)) == groups


REFUSED = {
    "look-ahead": (r"(a)(?=b)(c)", "look-around"),
    "look-behind": (r"(?<=a)(b)(c)", "look-around"),
    "negative look-behind": (r"(?<!a)(b)(c)", "look-around"),
    "atomic group": (r"(?>a)(b)(c)", "look-around"),
    "back-reference": (r"(a)\1(b)", "'\\1'"),
    "possessive": (r"(a)(b)*+", "follows another"),
    "double star": (r"(a)(b)**", "follows another"),
    "nothing to repeat": (r"(*a)(b)", "nothing to repeat"),
    "one group": (r"(a)", "two groups"),
    "open group": (r"(a)(b", "parenthesis is missing"),
    "stray end": (r"(a)b)", "no opening"),
    "open set": (r"(a)([b)", "bracket is missing"),
    "backward range": (r"(a)([z-a])", "ends before"),
    "unknown escape": (r"(a)(b)\Z", "'\\Z'"),
    "one byte": (r"(a)(\C)", "'\\C'"),
    "script": (r"(a)(\p{Greek})", "general categories"),
    "too many": (r"(a)(b{1001})", "no repetition"),
    "unknown class": (r"(a)([[:foo:]])", "no class"),
    "twice the name": (r"(?P<a>a)(?P<a>b)", "two groups are named"),
    "ends with a backslash": ("(a)(b)\\", "ends with a backslash"),
    "empty": ("", "two groups"),
}


@pytest.mark.parametrize(("pattern", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_go_refuses_is_refused_with_its_reason(pattern: str, reason: str) -> None:
    assert reason in (filter_problem(pattern) or "")


def test_a_right_filter_has_no_problem() -> None:
    assert filter_problem(r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)") is None
