"""Every code has a paragraph, and the examples in it show what it is about."""

import asyncio
import re
from pathlib import Path

import pytest
from check_samples import check
from explanation_samples import codes_in_source, whole_file

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.tree import JsonObject, get_object
from trialmill.check.explanations import Example, Explanation, explanations, page
from trialmill.kinds.lowering import lower
from trialmill.runtime.local.runtime import LocalRuntime
from trialmill.runtime.local.slots import Slots

ROOT = Path(__file__).resolve().parents[2]
READ, TAKEN_APART, STARTED = (
    "found when a file is read",
    "found when a manifest is taken apart",
    "found when a trial is about to start",
)
SHOWN_IN = re.compile(r"shown in (\S+)")
ASIDE = (Severity.NOTE, Severity.UNAVAILABLE)
"""What may be said beside a problem that an example is not about: nothing of it is a mistake."""
WITH_EXAMPLES = [each for each in explanations().values() if each.examples]
ELSEWHERE = [each for each in explanations().values() if not each.examples]


def found_in(example: Example, when: str, place: Path) -> list[Problem]:
    """What is wrong with the example, at the time when its problem is found."""
    text = whole_file(example)
    if when == READ:
        problems: list[Problem] = []
        load_documents(text.encode(), "example.yaml", problems)
        return problems
    if when in (TAKEN_APART, STARTED):
        experiment, *others = [document.tree for document in load_documents(text.encode(), "example.yaml", [])]
        resource = get_object(experiment, "spec", "trialTemplate", "trialSpec")
        companions = [other for other in others if isinstance(other, dict)]
        return lowered(resource, companions) if when == TAKEN_APART else inspected(resource, place)
    assert when == ""
    return check(text, "example.yaml")[1]


def lowered(resource: JsonObject, companions: list[JsonObject]) -> list[Problem]:
    report = Problems()
    lower(resource, companions, report)
    return report.found


def inspected(resource: JsonObject, place: Path) -> list[Problem]:
    async def inspect() -> list[Problem]:
        async with LocalRuntime(place, base=place, slots=Slots(cpu=4, memory=2**33)) as runtime:
            return list(await runtime.check(resource, ()))

    return asyncio.run(inspect())


@pytest.mark.parametrize("explanation", WITH_EXAMPLES, ids=lambda explanation: explanation.code)
def test_a_wrong_example_has_the_problem_and_no_other(explanation: Explanation, tmp_path: Path) -> None:
    [wrong] = [example for example in explanation.examples if example.is_wrong]
    problems = found_in(wrong, explanation.remark, tmp_path)

    serious = {p.code for p in problems if p.severity not in ASIDE}
    assert explanation.code in {p.code for p in problems}
    assert serious <= {explanation.code}


@pytest.mark.parametrize("explanation", WITH_EXAMPLES, ids=lambda explanation: explanation.code)
def test_a_right_example_has_no_problem(explanation: Explanation, tmp_path: Path) -> None:
    [right] = [example for example in explanation.examples if not example.is_wrong]
    problems = found_in(right, explanation.remark, tmp_path)

    assert [str(p) for p in problems if p.severity not in ASIDE or p.code == explanation.code] == []


@pytest.mark.parametrize("explanation", ELSEWHERE, ids=lambda explanation: explanation.code)
def test_what_no_example_shows_is_shown_by_a_test(explanation: Explanation) -> None:
    named = SHOWN_IN.fullmatch(explanation.remark)
    assert named is not None
    assert re.search(rf"[\"'\[]{explanation.code}[\"'\]]", (ROOT / named[1]).read_text(encoding="utf-8"))


def test_every_code_has_a_paragraph_and_every_paragraph_a_code() -> None:
    codes = codes_in_source()
    assert {code: place for code, place in codes.items() if code not in explanations()} == {}
    assert [code for code in explanations() if code not in codes] == []


def test_codes_are_found_wherever_they_are_reported() -> None:
    """In a call of a collector of problems, by a table, as a fault, in a loader, of a template, of a machine."""
    sample = {"required", "mixed-forms", "unclosed-placeholder", "yaml-tab", "opaque-value", "gpu-missing"}
    assert sample <= codes_in_source().keys()


def test_codes_said_of_wrong_files_have_paragraphs() -> None:
    said = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).with_name("wrong").glob("*.txt"))
    assert set(re.findall(r"\[([a-z-]+)\]$", said, re.MULTILINE)) <= explanations().keys()


def test_paragraphs_stand_in_the_order_of_the_alphabet() -> None:
    assert list(explanations()) == sorted(explanations())


def test_each_section_is_a_paragraph_and_two_examples_or_none() -> None:
    for explanation in explanations().values():
        assert len(explanation.examples) in (0, 2), explanation.code
        assert explanation.text.endswith((".", ":", "`.")), explanation.code
        assert "```" not in explanation.text, explanation.code


def test_the_page_in_docs_is_the_one_that_ships() -> None:
    copy = (ROOT / "docs" / "reference" / "problems.md").read_text(encoding="utf-8")
    assert copy == page(), "run: cp src/trialmill/check/problems.md docs/reference/problems.md"
