"""Documents written out again, with their comments."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.document import Document
from trialmill.api.load import load_documents
from trialmill.api.tree import Json
from trialmill.api.yaml_commented import commented_yaml
from trialmill.api.yaml_text import yaml_text

WRITTEN = """\
# About the file
#
kind: Experiment  # the kind
metadata:
  name: a
# The spec

# of it
spec:
  # parameters
  parameters:
    # first
    - name: --lr  # the "rate"
      min: 1e-3
      live: yes
    # second
    - name: 'a # b'  # quoted
      text: |  # a block
        a # no comment
        b
  # words
  words:
    - a#b  # no comment in it
    - "c \\" # d"  # escaped
    - []  # empty
# The end
"""


def documents(text: str) -> list[Document]:
    return load_documents(text.encode(), "f.yaml", [])


def again(text: str) -> str:
    """Each document as it is written out again."""
    return "".join(commented_yaml(d, {"f.yaml": d.lines}) for d in documents(text))


def test_every_comment_stays_where_it_was() -> None:
    text = again(WRITTEN)
    assert text.replace("'", '"').split() == WRITTEN.replace("'", '"').replace('"c \\" # d"', '"c " # d"').split()
    assert documents(text)[0].tree == documents(WRITTEN)[0].tree


def test_numbers_keep_their_spelling() -> None:
    assert again("a: 1e-3\nb: [0x10, ~, yes]\n") == "a: 1e-3\nb:\n  - 0x10\n  - ~\n  - yes\n"


def test_a_comment_of_a_line_is_written_once() -> None:
    assert again("a: {b: 1, c: 2}  # once\n").count("once") == 1


def test_a_list_in_a_list_keeps_its_comments() -> None:
    text = "a:\n  # outer\n  - # inner\n    - 1\n    # two\n    - 2\n"
    assert documents(again(text))[0].tree == {"a": [[1, 2]]}
    assert "# two" in again(text)


TREES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab #:'\"-", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("ab", min_size=1, max_size=3), TREES, min_size=1, max_size=3))
def test_any_tree_is_read_back_as_it_was(tree: dict[str, Json]) -> None:
    (document,) = documents(yaml_text(tree)) or [Document("f.yaml", tree)]
    text = commented_yaml(document, {"f.yaml": document.lines})
    assert documents(text)[0].tree == document.tree


@pytest.mark.skipif("KATIB_EXAMPLES" not in os.environ, reason="KATIB_EXAMPLES names no folder of Katib's examples")
def test_real_files_are_read_back_as_they_were() -> None:
    for path in sorted(Path(os.environ["KATIB_EXAMPLES"]).glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        trees = [d.tree for d in documents(text)]
        written = "---\n".join(commented_yaml(d, {"f.yaml": d.lines}) for d in documents(text))
        assert [d.tree for d in documents(written)] == trees, path.name
        assert text.count("# ") <= written.count("# ") or len(trees) > 1, path.name
