"""YAML that Kubernetes reads back as what it was."""

import re
from typing import Final

import yaml

from trialmill.api.tree import Json
from trialmill.api.yaml_scalars import resolve_plain

_WIDTH: Final = 1000
"""Lines are not folded: a folded command is harder to read and to search."""

_OTHER_BREAK: Final = re.compile("[\r\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Parts that occur twice are written twice, as kubectl does."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def yaml_text(tree: Json) -> str:
    """Block style, keys in the order of the tree; text that Kubernetes would take for something else is quoted."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if _OTHER_BREAK.search(text):
        # Breaks of lines to YAML 1.1, and so to half of its readers: only escapes keep them as they are.
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
    if "\n" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    # PyYAML takes `1e-3` and `0o17` for text and would write them bare; Kubernetes reads numbers.
    style = None if isinstance(resolve_plain(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
