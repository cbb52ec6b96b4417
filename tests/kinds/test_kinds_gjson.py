"""The GJSON language, Katib's rule of truth over it, and what is reported as a mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.tree import Json
from trialmill.kinds.gjson import Result, evaluate, matches, syntax_problems
from trialmill.kinds.gjson.path import wildcard

PEOPLE: Json = {
    "name": {"first": "Tom", "last": "Anderson"},
    "age": 37,
    "children": ["Sara", "Alex", "Jack"],
    "fav.movie": "Deer Hunter",
    "none": None,
    "friends": [
        {"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"], "busy": True},
        {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"], "busy": False},
        {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]},
    ],
}

FOUND: dict[str, tuple[str, Json]] = {
    "a key": ("age", 37),
    "a nested key": ("name.last", "Anderson"),
    "null exists": ("none", None),
    "an escaped dot": (r"fav\.movie", "Deer Hunter"),
    "a star": ("child*.2", "Jack"),
    "a question mark": ("c?ildren.0", "Sara"),
    "an index": ("friends.1.first", "Roger"),
    "a count": ("children.#", 3),
    "each element": ("friends.#.age", [44, 68, 47]),
    "each element that has it": ("friends.#.busy", [True, False]),
    "first that matches": ('friends.#(last=="Murphy").first', "Dale"),
    "all that match": ('friends.#(last=="Murphy")#.first', ["Dale", "Jane"]),
    "legacy brackets": ('friends.#[last=="Murphy"]#.first', ["Dale", "Jane"]),
    "an unquoted operand": ("friends.#(last==Craig).first", "Roger"),
    "a single equals sign": ("friends.#(last=Craig).first", "Roger"),
    "a number compared with text": ('friends.#(age>"45")#.first', ["Roger", "Jane"]),
    "less or equal": ("friends.#(age<=47)#.first", ["Dale", "Jane"]),
    "not equal": ('friends.#(last!="Murphy")#.first', ["Roger"]),
    "like": ('friends.#(first%"D*").last', "Murphy"),
    "not like": ('friends.#(first!%"D*")#.first', ["Roger", "Jane"]),
    "existence": ("friends.#(busy)#.first", ["Dale", "Roger"]),
    "a boolean operand": ("friends.#(busy==true)#.first", ["Dale"]),
    "falsy counts what is missing": ("friends.#(busy==~false)#.first", ["Roger", "Jane"]),
    "scalars in a list": ('children.#(%"*a*")#', ["Sara", "Jack"]),
    "a query in a query": ('friends.#(nets.#(=="fb"))#.first', ["Dale", "Roger"]),
    "nothing that matches": ('friends.#(last=="Smith")#', []),
    "a pipe works on the list": ("friends.#.first|1", "Roger"),
    "a dot works in the elements": ("friends.#.nets.0", ["ig", "fb", "ig"]),
    "a pipe after a query": ('friends.#(last=="Murphy")#|0.first', "Dale"),
    "two queries": ("friends.#(age>45)#|#(nets.#>2)#", []),
    "an array of paths": ("[age,name.first,nothing]", [37, "Tom"]),
    "an object of paths": ('{age,"who":name.first}', {"age": 37, "who": "Tom"}),
    "a name for a count": ("{friends.#}", {"_": 3}),
    "a modifier after a dot": ("children.@reverse.0", "Jack"),
    "this": ("name.@this.first", "Tom"),
    "keys": ("name.@keys", ["first", "last"]),
    "values": ("name.@values", ["Tom", "Anderson"]),
    "flatten": ("friends.#.nets|@flatten|#", 7),
    "join": ("[name,friends.1]|@join|last", "Craig"),
    "group": ("{children}|@group|1", {"children": "Alex"}),
    "text and back": ("name.@tostr|@fromstr|first", "Tom"),
    "a literal": ('[age,!"years"]', [37, "years"]),
    "json lines": ("..0.age", 37),
}
ABSENT = {
    "no such key": "nothing",
    "below a scalar": "age.x",
    "below a text": "name.first.x",
    "an index too far": "children.3",
    "an unknown modifier": "name.@nothing",
    "no such list": 'nothing.#(a=="b")#',
    "nothing": "",
    "a null is no list": "none.#",
}


@pytest.mark.parametrize(("path", "expected"), FOUND.values(), ids=FOUND)
def test_a_path_finds_what_the_go_original_finds(path: str, expected: Json) -> None:
    assert evaluate(PEOPLE, path) == Result(exists=True, value=expected)


@pytest.mark.parametrize("path", ABSENT.values(), ids=ABSENT)
def test_a_path_that_leads_nowhere_is_absent_rather_than_an_error(path: str) -> None:
    assert evaluate(PEOPLE, path) == Result(exists=False)


JOB: Json = {
    "status": {
        "succeeded": 1,
        "phase": "Succeeded",
        "ready": True,
        "conditions": [
            {"type": "SuccessCriteriaMet", "status": "True", "reason": "Early"},
            {"type": "Complete", "status": "True", "reason": "Done", "message": "all pods ended"},
            {"type": "Failed", "status": "False"},
        ],
    }
}
CONDITIONS = {
    "Katib's preset for a Job": ('status.conditions.#(type=="Complete")#|#(status=="True")#', True),
    "Katib's preset for failure": ('status.conditions.#(type=="Failed")#|#(status=="True")#', False),
    "an object": ('status.conditions.#(type=="Complete")', True),
    "a phase, as for Argo": ('status.[@this].#(phase=="Succeeded")#', True),
    "a counter": ("status.[@this].#(succeeded==1)", True),
    "a nested key in a query": ("[@this].#(status.succeeded>0)#", True),
    "a true scalar is no match": ("status.ready", False),
    "a text is no match": ("status.phase", False),
    "a number is no match": ("status.succeeded", False),
    "an empty list is no match": ('status.conditions.#(type=="Other")#', False),
    "a list of scalars is a match": ("status.conditions.#.type", True),
    "nothing is no match": ("", False),
}


@pytest.mark.parametrize(("path", "met"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_is_met_by_an_object_or_a_list_with_something_in_it(path: str, *, met: bool) -> None:
    assert (matches(JOB, path) is not None) is met


def test_the_first_element_of_a_match_gives_reason_and_message() -> None:
    match = matches(JOB, 'status.conditions.#(type=="Complete")#|#(status=="True")#')

    assert match is not None
    assert (match.reason, match.message) == ("Done", "all pods ended")


def test_a_pipe_after_a_query_on_a_status_that_is_missing_is_no_match() -> None:
    assert matches({}, 'status.conditions.#(type=="Complete")#|#(status=="True")#') is None


MISTAKES = {
    "empty": ("", "empty"),
    "an unclosed bracket": ('a.#(type=="x"', "never closed"),
    "an unclosed quote": ('a.#(type=="x)#', "quote"),
    "an unclosed multipath": ("{a,b", "never closed"),
    "a stray bracket": ("a.b)", "never opened"),
    "an empty query": ("a.#()#", "empty"),
    "three equals signs": ('a.#(b==="c")', "unknown operator"),
    "a lone exclamation mark": ('a.#(b!"c")', "unknown operator"),
    "single quotes": ("a.#(b=='c')", "single quotes"),
    "two tests in one query": ('a.#(b=="c"&&d=="e")', "goes on after its value"),
    "an unknown modifier": ("a.@revers", "did you mean @reverse"),
    "an unknown modifier in a multipath": ("[@that].0", "no modifier @that"),
    "an index as in JSONPath": ("conditions[0].type", "inside a name"),
    "a comparison outside of a query": ("status.succeeded==1", "outside of a query"),
    "a leading dot": (".status.phase", "empty name"),
    "two dots": ("a..b", "empty name"),
    "a trailing dot": ("a.b.", "ends where a name is expected"),
    "a mistake in a nested query": ("a.#(b.#())", "empty"),
}


@pytest.mark.parametrize(("path", "clause"), MISTAKES.values(), ids=MISTAKES)
def test_a_certain_mistake_is_named(path: str, clause: str) -> None:
    problem = syntax_problems(path)

    assert problem is not None
    assert clause in problem


@pytest.mark.parametrize("path", [path for path, _ in (*FOUND.values(), *CONDITIONS.values()) if path])
def test_a_path_that_works_has_no_problem(path: str) -> None:
    assert syntax_problems(path) is None


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
PATHS = st.text('ab0#@.|()[]{}=!<>%~"\\*?:, this', max_size=20)


@given(TREES, PATHS)
def test_no_path_and_no_tree_raise(tree: Json, path: str) -> None:
    assert isinstance(evaluate(tree, path), Result)
    assert syntax_problems(path) != ""


GLOBS = {
    "a star takes anything": ("*", "", True),
    "a star in the middle": ("a*c", "abbc", True),
    "the end must fit": ("a*c", "abcd", False),
    "a question mark takes one": ("a?c", "abc", True),
    "a question mark takes no less": ("a?c", "ac", False),
    "two stars around": ("*b*", "abc", True),
    "segments in order": ("*b*a*", "ab", False),
    "an overlap is not shared": ("ab*ba", "aba", False),
    "an escaped star": (r"a\*", "a*", True),
    "an escaped star takes nothing else": (r"a\*", "ab", False),
    "a lone backslash at the end": ("a\\", "a", False),
    "line ends": ("a*c", "a\nc", True),
}


@pytest.mark.parametrize(("pattern", "text", "fits"), GLOBS.values(), ids=GLOBS)
def test_a_pattern_takes_the_whole_text(pattern: str, text: str, *, fits: bool) -> None:
    compiled = wildcard(pattern)

    assert (compiled is not None and compiled.fullmatch(text) is not None) is fits


def test_a_pattern_of_many_stars_is_not_slow() -> None:
    compiled = wildcard("*a" * 30 + "*b")

    assert compiled is not None
    assert compiled.fullmatch("a" * 2000) is None


def test_a_tree_and_a_path_of_any_depth_do_not_raise() -> None:
    deep: Json = {}
    for _ in range(5000):
        deep = {"a": deep}

    assert evaluate(deep, "a." * 5000 + "a") == Result(exists=False)
    assert evaluate(deep, "[" * 3000 + "a" + "]" * 3000) == Result(exists=False)
    assert syntax_problems("[" * 3000 + "a" + "]" * 3000) == "the path is nested too deeply"
