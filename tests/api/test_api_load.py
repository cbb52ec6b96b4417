import io
import json
import sys
from pathlib import Path as FilePath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trialmill.api.document import Document
from trialmill.api.load import MAX_BYTES, load_documents, read_source
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, Path


def load(text: str | bytes) -> tuple[list[Document], list[Problem]]:
    problems: list[Problem] = []
    data = text.encode() if isinstance(text, str) else text
    return load_documents(data, "file.yaml", problems), problems


def tree_of(text: str) -> Json:
    documents, problems = load(text)
    assert problems == []
    (document,) = documents
    return document.tree


def mark_of(document: Document, *path: str | int, at_key: bool = False) -> tuple[int, int]:
    mark = document.mark(path, at_key=at_key)
    assert mark.file == "file.yaml"
    return mark.line, mark.column


# --- What is read


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a: 1\nb: [x, 'y', \"z\"]\n", {"a": 1, "b": ["x", "y", "z"]}),
        ('{"a": {"b": [1, 2.5, null, true]}}', {"a": {"b": [1, 2.5, None, True]}}),
        ('{\n\t"a": [\n\t\t1\n\t]\n}', {"a": [1]}),
        ("1: a\nyes: b\n0x10: c", {"1": "a", "true": "b", "16": "c"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >-\n  one\n  two\n", {"a": "one two"}),
        ("a: '017'\nb: 017", {"a": "017", "b": 15}),
        ("a: ! 017", {"a": "017"}),
        ("a: !!str 1\nb: !!int '1'", {"a": "1", "b": 1}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x k\n*x : 1", {"a": "k", "k": 1}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("<<: [{a: 1}, {a: 2, b: 3}]", {"a": 1, "b": 3}),
        ("'<<': {a: 1}", {"<<": {"a": 1}}),
        ("%YAML 1.1\n---\na: 1\n...\n", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ('a: "\\u00e9\\x00"', {"a": "é\0"}),
        ("- a\n- b", ["a", "b"]),
    ],
)
def test_yaml_and_json_load(text: str, tree: Json) -> None:
    assert tree_of(text) == tree


def test_empty_documents_are_skipped() -> None:
    documents, problems = load("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n")
    assert [d.tree for d in documents] == [{"a": 1}, {"b": 2}]
    assert problems == []
    assert mark_of(documents[1], "b") == (7, 4)


def test_anchors_end_with_their_document() -> None:
    documents, problems = load("a: &x 1\n---\nb: *x\n")
    assert [d.tree for d in documents] == [{"a": 1}]
    assert [(p.code, p.line) for p in problems] == [("yaml-alias", 3)]


def test_the_items_of_a_list_stand_for_themselves() -> None:
    documents, problems = load("apiVersion: v1\nkind: List\nitems:\n- a: 1e-3\n- b: {c: 2}\n")
    assert problems == []
    assert [d.tree for d in documents] == [{"a": 0.001}, {"b": {"c": 2}}]
    assert mark_of(documents[0]) == (4, 3)
    assert documents[0].texts == {("a",): "1e-3"}
    assert mark_of(documents[1], "b", "c") == (5, 10)
    assert mark_of(documents[1], "b", "c", at_key=True) == (5, 7)


def test_a_list_of_many_items_is_taken_apart_in_one_go() -> None:
    documents, problems = load("kind: List\nitems:\n" + "- {a: 1}\n" * 5000)
    assert problems == []
    assert len(documents) == 5000
    assert mark_of(documents[4999], "a") == (5002, 7)


def test_an_alias_stands_at_its_own_place_and_its_contents_where_they_were_written() -> None:
    documents, _ = load("a: &x\n  b: 1\nc: *x\n")
    assert mark_of(documents[0], "c") == (3, 4)
    assert mark_of(documents[0], "c", "b") == (2, 6)


def test_a_place_that_is_not_in_the_file_is_its_nearest_ancestors() -> None:
    documents, _ = load("a:\n  b:\n    c: 1\n")
    assert mark_of(documents[0], "a", "b", "x", "y") == (3, 5)
    assert mark_of(documents[0], "a", "b", "x", "y", at_key=True) == (2, 3)
    assert mark_of(documents[0], "x", at_key=True) == (1, 1)


def test_the_authors_spelling_of_numbers_and_booleans_is_kept() -> None:
    documents, _ = load("a: [1e-3, 0.10, yes, '1', x]\nb: *y".replace("*y", "~"))
    assert documents[0].texts == {("a", 0): "1e-3", ("a", 1): "0.10", ("a", 2): "yes", ("b",): "~"}


def test_columns_count_characters() -> None:
    documents, _ = load("{é: ü, b: 1}")
    assert mark_of(documents[0], "b") == (1, 11)


# --- What is refused

WRONG: dict[str, tuple[str, str, int, int]] = {
    "a key twice": ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, 1),
    "a key twice in two spellings": ("1: a\n'1': b\n", "duplicate-key", 2, 1),
    "a tag of Python": ("a:\n  b: !!python/object/apply:os.system ['true']\n", "yaml-tag", 2, 6),
    "an own tag": ("a: !foo 1\n", "yaml-tag", 1, 4),
    "a tag with an unknown handle": ("a: !x!y 1\n", "yaml-syntax", 1, 4),
    "a set": ("a: !!set {x}\n", "yaml-tag", 1, 4),
    "binary data": ("a: !!binary aGk=\n", "yaml-tag", 1, 4),
    "a tag that its scalar does not fit": ("a: !!int x\n", "yaml-tag", 1, 4),
    "a tag on the wrong kind of node": ("a: !!map [1]\n", "yaml-tag", 1, 4),
    "infinity": ("a:\n- .inf\n", "yaml-number", 2, 3),
    "NaN as a key": (".nan: 1\n", "yaml-number", 1, 1),
    "a key that is null": ("a: 1\n~: 2\n", "yaml-key", 2, 1),
    "a key that is a list": ("? [a]\n: 1\n", "yaml-key", 1, 3),
    "a merge of a number": ("a: 1\n<<: 3\n", "yaml-merge", 2, 5),
    "an unknown alias": ("a: *x\n", "yaml-alias", 1, 4),
    "an alias inside of itself": ("a: &x\n- *x\n", "yaml-alias", 2, 3),
    "a merge of itself": ("a: &x\n  <<: *x\n", "yaml-alias", 2, 7),
    "a tab before a key": ("a:\n\tb: 1\n", "yaml-tab", 2, 1),
    "a tab after spaces": ("a:\n  b: 1\n  \tc: 2\n", "yaml-tab", 3, 3),
    "two colons": ("a: b: c\n", "yaml-syntax", 1, 5),
    "a quote that does not end": ("a: 1\nb: 'x\nc: 2\n", "yaml-syntax", 2, 4),
    "a bracket that does not end": ("a: [1, 2\n", "yaml-syntax", 1, 4),
    "a brace that does not end": ("a: {b: 1\nc: 2\n", "yaml-syntax", 2, 2),
    "a line that is no entry": ("a: 1\nword\n", "yaml-syntax", 2, 1),
    "a key too far to the right": ("a: 1\n  b: 2\n", "yaml-syntax", 2, 3),
    "a key too far to the left": ("  a: 1\n b: 2\n", "yaml-syntax", 2, 2),
    "a list after a value": ("a: - b\n", "yaml-syntax", 1, 4),
    "an at sign": ("a: @x\n", "yaml-syntax", 1, 4),
    "a glob": ("a: *.txt\n", "yaml-syntax", 1, 4),
    "an unknown escape": ('a: "C:\\q"\n', "yaml-syntax", 1, 7),
    "a surrogate": ('a: "\\ud800"\n', "yaml-syntax", 1, 7),
    "another version of YAML": ("%YAML 2.0\n---\na: 1\n", "yaml-syntax", 1, 1),
    "a control character": ("a: 1\nb: \x07\n", "not-text", 2, 4),
}


@pytest.mark.parametrize(("text", "code", "line", "column"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_at_the_right_place(text: str, code: str, line: int, column: int) -> None:
    _, problems = load(text)
    assert [(p.code, p.line, p.column) for p in problems] == [(code, line, column)]
    assert problems[0].severity is Severity.ERROR
    assert problems[0].file == "file.yaml"
    assert problems[0].message


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("a:\n\tb: 1\n", "a tab is used to indent", "YAML indents by spaces only"),
        (
            "a: b: c\n",
            "a ':' cannot stand here",
            "quote the text if it holds ': ', or check the indentation of this line and the one above",
        ),
        ("a: 'x\n", "this quoted text does not end", ""),
        ("a:\n  b: [1,\nc: 2", "this list does not end", "close it with ']'"),
        ("a: [1\nb: 2\nc: 3\n", "a ',' or ']' was expected here, for the list that was opened 1 line above", ""),
        (
            "a: [1, {b: ${x}]\nc: 3\n",
            "a ',' or '}' was expected here, for the mapping that was opened in this line",
            'quote placeholders in lists and mappings of one line: ["${...}"]',
        ),
        ("a: 1\nkind Job\n", "this line is neither `key: value` nor a list item", "put a colon behind kind"),
        ("a: 1\nlimit:2\nb: 3\n", "this line is neither `key: value` nor a list item", "put a space behind the colon"),
        (
            'a:\n  - "--x="3""\n  - y\n',
            'nothing can follow the " that closes the text before it',
            'write \\" for a quote within the text, or put the other quotes around all of it',
        ),
        (
            "a: 'it's'\nb: 1\n",
            "nothing can follow the ' that closes the text before it",
            "write '' for a quote within the text, or put the other quotes around all of it",
        ),
        ("a: 1\na: 2\n", "the key 'a' is there twice, here and in line 1", "remove one of the two"),
        ("a: `x`\n", "a value cannot begin with '`'", "quote the text"),
        (
            "a: |x\n",
            "nothing can follow '|' or '>' on its line",
            "begin the text on the next line, or quote it if it begins with '|' or '>'",
        ),
    ],
)
def test_the_parsers_complaints_are_said_in_plain_words(text: str, message: str, remedy: str) -> None:
    _, (problem,) = load(text)
    assert (problem.message, problem.remedy) == (message, remedy)


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"", "empty", (0, 0)),
        (b"# only a comment\n", "empty", (0, 0)),
        (b"---\n---\n", "empty", (0, 0)),
        (b"a: \0b", "not-text", (1, 4)),
        (b"\x7fELF\0\0", "not-text", (0, 0)),
        (b"a: 1\nb: \xe9t\xe9", "encoding", (2, 4)),
        ("a: 1".encode("utf-16"), "encoding", (0, 0)),
        ("a: 1".encode("utf-32"), "encoding", (0, 0)),
        (b"a: '" + b"x" * MAX_BYTES + b"'", "file-too-large", (0, 0)),
    ],
    ids=["empty", "comment", "separators", "nul", "elf", "latin-1", "utf-16", "utf-32", "large"],
)
def test_what_is_no_yaml_file_at_all_is_one_problem(data: bytes, code: str, place: tuple[int, int]) -> None:
    documents, problems = load(data)
    assert documents == []
    assert [(p.code, (p.line, p.column)) for p in problems] == [(code, place)]


def test_mistakes_in_values_are_all_reported_and_the_rest_is_read() -> None:
    documents, problems = load("a: !x 1\nb: .inf\nc: 3\nc: 4\n")
    assert [p.code for p in problems] == ["yaml-tag", "yaml-number", "duplicate-key"]
    assert documents[0].tree == {"a": "1", "b": ".inf", "c": 3}
    assert [p.path for p in problems] == ["a", "b", "c"]


def test_a_mistake_behind_an_anchor_is_reported_once() -> None:
    _, problems = load("a: &x {b: !foo 1}\nc: [*x, *x]\n")
    assert len(problems) == 1


def test_documents_before_a_mistake_in_the_syntax_are_returned() -> None:
    documents, problems = load("a: 1\n---\nb: [\n")
    assert [d.tree for d in documents] == [{"a": 1}]
    assert [p.code for p in problems] == ["yaml-syntax"]


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "- " * 5000, "{a: " * 5000, "".join(" " * n + "a:\n" for n in range(500))],
    ids=["brackets", "dashes", "braces", "indentation"],
)
def test_deep_nesting_is_refused(text: str) -> None:
    documents, problems = load(text)
    assert documents == []
    assert [p.code for p in problems] == ["yaml-too-deep"]


def test_a_hundred_levels_are_not_too_deep() -> None:
    assert tree_of("[" * 100 + "]" * 100)


BOMBS = {
    "lists of lists": "a0: &a0 [x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
    "merges of merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
    "a long chain": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000)),
    "a long chain of merges": "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 2000)),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_aliases_cannot_blow_a_document_up(text: str) -> None:
    documents, problems = load(text)
    assert documents == []
    assert [p.code for p in problems] == ["yaml-alias"]


def test_more_values_than_any_experiment_has_are_refused() -> None:
    documents, problems = load("[" + "1," * 100_001 + "]")
    assert documents == []
    assert [p.code for p in problems] == ["yaml-too-large"]


def test_a_flood_of_mistakes_is_cut_off() -> None:
    _, problems = load("a: 1\n" * 1000)
    assert len(problems) == 50


# --- Files


def test_a_file_is_read(tmp_path: FilePath) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    problems: list[Problem] = []
    (document,) = read_source(str(path), problems)
    assert (document.tree, document.file, problems) == ({"a": 1}, str(path), [])


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))
    (document,) = read_source("-", [])
    assert (document.tree, document.file) == ({"a": 1}, "<stdin>")


@pytest.mark.parametrize(
    ("path", "code"), [("missing.yaml", "file-not-found"), (".", "file-is-folder"), ("a\0b", "file-unreadable")]
)
def test_a_file_that_cannot_be_read_is_a_problem(
    path: str, code: str, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    problems: list[Problem] = []
    assert read_source(path, problems) == []
    assert [(p.code, p.file) for p in problems] == [(code, path)]


# --- What always holds


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text("ab:-?[]{},&*!|>'\"%#@ \n\t1.<~", max_size=60).map(str.encode))
@example(b"%TAG ! tag:yaml.org,2002:\n---\n!str a")
@example(b"a: &a\n  ? *a\n")
def test_no_bytes_raise(data: bytes) -> None:
    documents, problems = load(data)
    assert documents or problems


# Surrogate pairs are no escapes of YAML, so that the dumped JSON stays in the basic plane.
TEXTS = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
TREES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


class Writer:
    """Writes a tree as YAML in block style, and knows where it put everything."""

    def __init__(self, tree: Json) -> None:
        self.lines = [""]
        self.values: dict[Path, tuple[int, int]] = {}
        self.keys: dict[Path, tuple[int, int]] = {}
        self.write(tree, (), 0)

    def here(self) -> tuple[int, int]:
        return len(self.lines), len(self.lines[-1]) + 1

    def write(self, tree: Json, path: Path, indent: int) -> None:
        if not isinstance(tree, list | dict) or not tree:
            self.lines[-1] += " " if self.lines[-1] else ""
            self.values[path] = self.here()
            self.lines[-1] += json.dumps(tree)
            return
        entries: list[tuple[str | int, Json]] = [*(tree.items() if isinstance(tree, dict) else enumerate(tree))]
        for number, (key, value) in enumerate(entries):
            self.lines.append(" " * indent)
            if number == 0:
                self.values[path] = self.here()
            if isinstance(key, str):
                self.keys[(*path, key)] = self.here()
            self.lines[-1] += f"{json.dumps(key)}:" if isinstance(key, str) else "-"
            self.write(value, (*path, key), indent + 2)


@settings(max_examples=80, deadline=None)
@given(TREES.filter(lambda tree: tree is not None))
def test_any_tree_loads_back_equal_and_every_node_has_its_place(tree: Json) -> None:
    written = Writer(tree)
    documents, problems = load("\n".join(written.lines))
    assert problems == []
    (document,) = documents
    assert document.tree == tree
    assert {path: (mark.line, mark.column) for path, mark in document.values.items()} == written.values
    assert {path: (mark.line, mark.column) for path, mark in document.keys.items()} == written.keys
