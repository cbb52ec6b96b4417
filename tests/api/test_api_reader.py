from datetime import timedelta

import pytest

from trialmill.api.document import Document
from trialmill.api.experiment import ResumePolicy
from trialmill.api.load import load_documents
from trialmill.api.problem import Problem, Problems
from trialmill.api.reader import Fields, Reading
from trialmill.api.tree import JsonObject


def fields_of(text: str) -> tuple[Fields, list[Problem]]:
    found: list[Problem] = []
    (document,) = load_documents(text.encode(), "file.yaml", found)
    assert isinstance(document.tree, dict)
    problems = Problems(document, found)
    return Fields(document.tree, (), Reading(problems, document.texts)), found


MISMATCHES = {
    "a quoted integer": ('a: "4"', "integer", 'found a string ("4"), expected an integer', "remove the quotes"),
    "a word for an integer": ("a: four", "integer", 'found a string ("four"), expected an integer', ""),
    "a fraction for an integer": ("a: 0.50", "integer", "found a number (0.50), expected an integer", ""),
    "a boolean for an integer": ("a: yes", "integer", "found a boolean (yes), expected an integer", ""),
    "a quoted number": ('a: "1e-3"', "number", 'found a string ("1e-3"), expected a number', "remove the quotes"),
    "a mapping for a number": ("a: {}", "number", "found a mapping, expected a number", ""),
    "a boolean for a number": ("a: on", "number", "found a boolean (on), expected a number", ""),
    "a number for a string": ("a: 0x1F", "string", "found an integer (0x1F), expected a string", 'quote it: "0x1F"'),
    "a boolean for a string": ("a: no", "string", "found a boolean (no), expected a string", 'quote it: "no"'),
    "a list for a string": ("a: [x]", "string", "found a list, expected a string", ""),
    "a list for text": ("a: [x]", "text", "found a list, expected a string", ""),
    "a quoted boolean": ('a: "True"', "boolean", 'found a string ("True"), expected a boolean', "remove the quotes"),
    "one for true": ("a: 1", "boolean", "found an integer (1), expected a boolean", ""),
    "a list for a mapping": ("a: []", "object", "found a list, expected a mapping", ""),
    "a string for a list": ("a: x", "strings", 'found a string ("x"), expected a list', ""),
    "a string for a map": ("a: x", "string_map", 'found a string ("x"), expected a mapping', ""),
    "text of several lines": ("a: |\n  x\n  y\n", "integer", "found a text of several lines, expected an integer", ""),
    "a long text": (
        f"a: {'x' * 99}",
        "integer",
        f'found a string ("{"x" * 40}..."), expected an integer',
        "",
    ),
}


@pytest.mark.parametrize(("text", "method", "message", "remedy"), MISMATCHES.values(), ids=MISMATCHES)
def test_a_wrong_type_is_said_in_words_of_yaml(text: str, method: str, message: str, remedy: str) -> None:
    fields, found = fields_of(text)
    assert not getattr(fields, method)("a")
    assert [(p.code, p.message, p.remedy, p.path, p.line) for p in found] == [("wrong-type", message, remedy, "a", 1)]
    assert (found[0].found, found[0].expected) == tuple(message.removeprefix("found ").split(", expected "))


@pytest.mark.parametrize("method", ["integer", "number", "string", "text", "boolean", "object", "strings", "duration"])
@pytest.mark.parametrize("text", ["a:", "{}"], ids=["null", "absent"])
def test_null_is_absent(method: str, text: str) -> None:
    fields, found = fields_of(text)
    assert not getattr(fields, method)("a")
    fields.close()
    assert found == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("90", 90), ("1.5", 1.5), ("'90'", 90), ("1h30m", 5400), ("0", 0)]
)
def test_a_duration_is_text_or_seconds(text: str, seconds: float) -> None:
    fields, found = fields_of(f"a: {text}")
    assert fields.duration("a") == timedelta(seconds=seconds)
    assert found == []


@pytest.mark.parametrize("text", ["soon", "-5", "yes", "[1]", "1e300"])
def test_anything_else_is_no_duration(text: str) -> None:
    fields, found = fields_of(f"a: {text}")
    assert fields.duration("a") is None
    assert [p.code for p in found] == ["wrong-type"]


def test_the_wrong_items_of_lists_are_reported_each() -> None:
    fields, found = fields_of("a: [x, 1, ~]\nb: [{}, 2, {}]\nc: [1e-3, true, ~, x]\nd: {k: v, m: 1}")
    assert fields.strings("a") == ("x", "", "")
    assert fields.objects("b", lambda item: item.path[-1]) == (0, 2)
    assert fields.texts("c") == ("1e-3", "true", "", "x")
    assert fields.string_map("d")["k"] == "v"
    assert [(p.code, p.path) for p in found] == [
        ("wrong-type", "a[1]"),
        ("wrong-type", "a[2]"),
        ("wrong-type", "b[1]"),
        ("number-as-text", "c[0]"),
        ("number-as-text", "c[1]"),
        ("wrong-type", "c[2]"),
        ("wrong-type", "d.m"),
    ]


def test_an_unknown_word_names_the_known_ones_and_the_likely_one() -> None:
    fields, found = fields_of("a: LongRuning")
    assert fields.choice("a", ResumePolicy) is None
    assert found[0].message == "'LongRuning' is not known, expected one of Never, LongRunning, FromVolume"
    assert found[0].remedy == "did you mean 'LongRunning'?"


def test_fields_that_nobody_asked_for_are_reported() -> None:
    fields, found = fields_of("known: 1\nknwon: 2\nignored: 3\n")
    fields.integer("known")
    fields.allow("ignored")
    fields.close()
    assert [(p.code, p.path, p.line, p.remedy) for p in found] == [
        ("unknown-field", "knwon", 2, "did you mean 'known'?")
    ]


def test_without_a_document_values_are_spelled_canonically() -> None:
    tree: JsonObject = {"a": True, "b": 0.5, "c": 3}
    reading = Reading(Problems())
    fields = Fields(tree, (), reading)
    assert (fields.text("a"), fields.text("b"), fields.text("c")) == ("true", "0.5", "3")
    assert reading.spellings == {("a",): "true", ("b",): "0.5", ("c",): "3"}


def test_integers_that_no_float_can_hold_are_no_numbers() -> None:
    problems = Problems()
    fields = Fields({"a": 10**400}, (), Reading(problems))
    assert (fields.number("a"), fields.duration("a"), fields.integer("a")) == (None, None, None)
    assert [p.code for p in problems] == ["wrong-type"] * 3


def test_an_error_can_be_looked_up_by_its_place() -> None:
    problems = Problems(Document("file.yaml", {}))
    problems.add("required", "a is missing", ("a", 0))
    problems.warn("odd", "b is odd", ("b",))
    assert problems.has_error_at(("a", 0))
    assert not problems.has_error_at(("a",))
    assert not problems.has_error_at(("b",))
