"""What is known about each code of a problem: the paragraphs of `problems.md`, which ships with the package.

A section is a code, a paragraph, and two examples, one that is wrong and one that is right. The first line of each says
where it belongs in the Experiment at the top of the page.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_PAGE: Final = Path(__file__).with_name("problems.md")
_SECTION: Final = re.compile(r"^## (?P<code>\S+)\n(?P<body>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE: Final = re.compile(
    r"^```yaml\n# (?P<verdict>wrong|right), (?P<place>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_REMARK: Final = re.compile(r"^<!-- (?P<text>.*?) -->$", re.MULTILINE)
_SENTENCE_END: Final = re.compile(r"(?<=[.:!?])\s")


@dataclass(frozen=True, slots=True)
class Example:
    """A part of an Experiment. `place` says in words where it belongs."""

    is_wrong: bool
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code: a paragraph, its examples, and a remark for those who test them, empty where a file shows it."""

    code: str
    text: str
    examples: tuple[Example, ...]
    remark: str = ""

    @property
    def summary(self) -> str:
        """The paragraph's first sentence."""
        return _SENTENCE_END.split(self.text, maxsplit=1)[0].rstrip(":")


def page() -> str:
    """The whole page, as Markdown."""
    return _PAGE.read_text(encoding="utf-8")


@cache
def explanations() -> Mapping[str, Explanation]:
    """Every code that Trialmill reports, in the order of the page."""
    return {section["code"]: _explanation(section["code"], section["body"]) for section in _SECTION.finditer(page())}


def _explanation(code: str, body: str) -> Explanation:
    found = tuple(Example(e["verdict"] == "wrong", e["place"], e["text"]) for e in _EXAMPLE.finditer(body))
    remark = _REMARK.search(body)
    prose = _REMARK.sub("", _EXAMPLE.sub("", body))
    return Explanation(code, " ".join(prose.split()), found, remark["text"] if remark else "")
