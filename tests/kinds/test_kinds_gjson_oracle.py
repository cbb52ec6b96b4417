"""Trialmill's GJSON beside the Go original that Katib uses; needs Go, and skips without it."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trialmill.api.tree import Json
from trialmill.kinds.gjson import Result, evaluate
from trialmill.kinds.profile import all_profiles

ORACLE = Path(__file__).parents[2] / "tools" / "gjson_oracle"
Ask: TypeAlias = Callable[[Json, str], Result | None]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks the Go original; None for a result that is no JSON, which literals in a path can make."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("the Go original is not compared: go is not installed")
    program = tmp_path_factory.mktemp("gjson") / "oracle"
    build = [go, "build", "-buildvcs=false", "-o", str(program), "."]
    built = subprocess.run(build, cwd=ORACLE, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"the Go original is not compared: {built.stderr.strip().splitlines()[-1]}")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = process.stdin, process.stdout
        assert questions is not None
        assert answers is not None

        def asked(tree: Json, path: str) -> Result | None:
            question = {"tree": tree, "path": path}
            questions.write(json.dumps(question, ensure_ascii=False, separators=(",", ":")) + "\n")
            questions.flush()
            answer = json.loads(answers.readline(), object_pairs_hook=_first_of_duplicates)
            return None if "invalid" in answer else Result(answer["exists"], answer.get("value"))

        yield asked
        questions.close()


def _first_of_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """The Go original writes duplicate keys, and reads the first of them."""
    return dict(reversed(pairs))


def _key_order(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


# Texts hold no brackets: where the original searches a lone text, it takes a bracket in it for JSON.
SCALARS = st.sampled_from(
    [0, 1, 2, -3, 1.5, 10, "a", "b", "1", "true", "True", "x|y", "é", "", "a.b", True, False, None]
)
KEYS = st.sampled_from(["a", "b", "c", "x.y", "ab", "type", "status", "é"])
TREES = st.recursive(
    st.dictionaries(KEYS, SCALARS, max_size=4) | st.lists(SCALARS, max_size=4),
    lambda inner: st.dictionaries(KEYS, inner | SCALARS, max_size=4) | st.lists(inner | SCALARS, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(["a", "b", "c", r"x\.y", "ab", "type", "*", "a*", "?", "é", "0", "1", "#", r"a\*", r"\a*"])
OPERANDS = st.sampled_from(['"a"', "1", '"1"', "true", "~true", "~false", '"a*"', "*", "x", '"x|y"', "", "1.5", '"é"'])
OPERATORS = st.sampled_from(["==", "=", "!=", "<", "<=", ">", ">=", "%", "!%"])
TRANSFORMS = ("@this", "@reverse", "@keys", "@values", "@flatten", '@flatten:{"deep":true}', "@join", "@group")
SAME_OR_NONE = ("@valid", "@fromstr", "@ugly", "@pretty", "@nope")
LITERALS = ("!true", "!null", '!{"a":1}', "![1,2]")
MODIFIERS = st.sampled_from((*TRANSFORMS, *SAME_OR_NONE, *LITERALS))


def _longer(paths: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tests = st.tuples(paths | st.just(""), OPERATORS, OPERANDS).map("".join)
    queries = st.tuples(st.just("#("), tests | paths, st.sampled_from([")", ")#"])).map("".join)
    lists = st.lists(paths, min_size=1, max_size=3).map(lambda entries: f"[{','.join(entries)}]")
    # No name twice: the original then writes a key twice, which a tree cannot hold.
    objects = st.tuples(paths, paths, paths).map(lambda p: f'{{{p[0]},"k":{p[1]},l:{p[2]}}}')
    components = NAMES | queries | MODIFIERS | lists | objects
    return st.tuples(components, st.sampled_from([".", "|"]), paths | components).map("".join)


PATHS = st.recursive(NAMES | MODIFIERS, _longer, max_leaves=6)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(tree=TREES, path=PATHS)
def test_every_path_finds_what_the_original_finds(ask: Ask, tree: Json, path: str) -> None:
    theirs = ask(tree, path)
    if theirs is not None:
        ours = evaluate(tree, path)
        assert (ours.exists, _key_order(ours.value)) == (theirs.exists, _key_order(theirs.value))


STATUSES: tuple[Json, ...] = (
    {},
    {"status": {}},
    {"status": {"conditions": []}},
    {"status": {"conditions": [{"type": "Complete", "status": "True"}, {"type": "Failed", "status": "False"}]}},
    {"status": {"conditions": [{"type": "Succeeded", "status": "False", "reason": "Failed"}]}},
    {"status": {"phase": "Failed", "conditions": [{"type": "ResourcesDeployed", "status": "False"}]}},
    {"status": {"state": {"phase": "Completed"}}},
    {"status": {"applicationState": {"state": "SUBMISSION_FAILED"}}},
    {"status": {"jobDeploymentStatus": "Complete", "jobStatus": "STOPPED"}},
    {"status": {"jobDeploymentStatus": "Complete", "jobStatus": "SUCCEEDED"}},
)


@pytest.mark.parametrize("profile", all_profiles(), ids=lambda p: f"{p.group}/{p.kind}")
def test_the_conditions_of_a_profile_are_judged_as_by_the_original(ask: Ask, profile: object) -> None:
    conditions = [getattr(profile, name) for name in ("success", "failure", "pending")]
    for condition in filter(None, conditions):
        for tree in STATUSES:
            assert evaluate(tree, condition) == ask(tree, condition)
