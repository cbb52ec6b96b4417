"""Files that were made to do harm: too deep, too large, growing when they are read, or no text at all."""

import json
from collections.abc import Callable
from typing import Final

from check_samples import GOOD

from trialmill.api.load import load_documents

_EXPERIMENT: Final = "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: x}\n"
_MB: Final = 1024 * 1024


def _bomb(levels: int, width: int) -> str:
    """Each anchor stands for many of the one before: `width ** levels` values in the end."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return _EXPERIMENT + "\n".join(lines) + f"\nspec: *a{levels - 1}\n"


def _merge_bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * width)}]}}" for n in range(1, levels)]
    return _EXPERIMENT + "\n".join(lines) + f"\nspec: *a{levels - 1}\n"


def _in_template(text: str) -> str:
    """A ConfigMap's template with this in it: a text that is read once more."""
    block = "\n".join(f"    {line}" for line in text.splitlines())
    return (
        GOOD.partition("    trialSpec:")[0]
        + "    configMap: {configMapName: c, templatePath: t}\n---\n"
        + f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  t: |\n{block}\n"
    )


def _go_template(text: str) -> str:
    return (
        "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\nmetadata: {name: x}\nspec:\n"
        "  trialTemplate:\n    goTemplate:\n      rawTemplate: |\n"
        + "\n".join(f"        {line}" for line in text.splitlines())
        + "\n"
    )


HOSTILE: Final[dict[str, Callable[[], str | bytes]]] = {
    "a bomb of aliases": lambda: _bomb(12, 12),
    "a flat bomb": lambda: _bomb(3, 3000),
    "a bomb of merges": lambda: _merge_bomb(12, 12),
    "a flat bomb of merges": lambda: _merge_bomb(3, 2000),
    "a bomb in a template": lambda: _in_template(_bomb(12, 12)),
    "a cycle": lambda: _EXPERIMENT + "spec: &a {b: *a}\n",
    "a cycle by merging": lambda: _EXPERIMENT + "spec: &a\n  <<: *a\n",
    "a cycle of two": lambda: _EXPERIMENT + "spec: &a [&b [*a, *b]]\n",
    "mappings in mappings": lambda: "".join(f"{' ' * n}a:\n" for n in range(2000)),
    "lists in lists": lambda: "- " * 100_000 + "a",
    "open brackets": lambda: "[" * 1_000_000,
    "open braces": lambda: "{a: " * 300_000,
    "closed brackets": lambda: "[" * 90_000 + "]" * 90_000,
    "brackets in a template": lambda: _in_template("a: " + "[" * 50_000),
    "deep JSON": lambda: '{"a":' * 100_000 + "1" + "}" * 100_000,
    "question marks": lambda: "? " * 50_000 + "a",
    "keys of keys": lambda: "{" * 50_000 + "}: a" * 50_000,
    "a huge key": lambda: _EXPERIMENT + "a" * (3 * _MB) + ": 1\n",
    "a huge quoted key": lambda: _EXPERIMENT + '"' + "a b" * _MB + '": 1\n',
    "a huge text": lambda: GOOD.replace("image: mnist", f"image: '{'x' * 3 * _MB}'"),
    "a huge text of lines": lambda: GOOD.replace("image: mnist", "image: |\n" + ("                  x\n" * 100_000)),
    "a huge number": lambda: GOOD.replace("maxTrialCount: 12", "maxTrialCount: " + "9" * 1_000_000),
    "a huge exponent": lambda: GOOD.replace("maxTrialCount: 12", "maxTrialCount: 1e999999999"),
    "a huge count": lambda: GOOD.replace("maxTrialCount: 12", "maxTrialCount: 2147483647"),
    "a huge grid": lambda: GOOD.replace('max: "8"', 'max: "9223372036854775807"').replace("random\n", "grid\n", 1),
    "a tiny step": lambda: GOOD.replace('step: "0.01"', 'step: "1e-300"'),
    "huge bounds": lambda: GOOD.replace('max: "0.1"', 'max: "1e308"').replace('min: "0.01"', 'min: "-1e308"'),
    "a huge list": lambda: GOOD.replace("[sgd, adam]", str([f"v{n}" for n in range(90_000)])),
    "many parameters": lambda: GOOD.replace(
        "  trialTemplate:",
        "".join(
            f"    - {{name: p{n}, parameterType: int, feasibleSpace: {{min: '1', max: '2'}}}}\n" for n in range(2000)
        )
        + "  trialTemplate:",
    ),
    "many placeholders": lambda: GOOD.replace(
        "--lr=${trialParameters.learningRate}", "${trialParameters.learningRate}" * 50_000
    ),
    "many unclosed placeholders": lambda: GOOD.replace(
        "--lr=${trialParameters.learningRate}", "'" + "${trialParameters." * 50_000 + "'"
    ),
    "many unknown placeholders": lambda: GOOD.replace(
        "--lr=${trialParameters.learningRate}", "'" + " ".join(f"${{trialParameters.q{n}}}" for n in range(5000)) + "'"
    ),
    "many unknown fields": lambda: GOOD + "".join(f"                field{n}: x\n" for n in range(20_000)),
    "many wrong documents": lambda: "---\na: b\n" * 20_000,
    "many Experiments": lambda: "---\n".join([GOOD] * 100),
    "many empty documents": lambda: "---\n" * 500_000,
    "many ConfigMaps": lambda: GOOD + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n" * 5000,
    "many anchors": lambda: _EXPERIMENT + "".join(f"a{n}: &a{n} x\n" for n in range(40_000)),
    "many duplicate keys": lambda: _EXPERIMENT + "a: 1\n" * 40_000,
    "many comments": lambda: "# x\n" * 900_000,
    "blank lines": lambda: "\n" * (4 * _MB - 1),
    "carriage returns": lambda: "\r" * (4 * _MB - 1),
    "a line of spaces": lambda: " " * (4 * _MB - 1),
    "tabs": lambda: "\t" * 100_000,
    "a wrong line among many": lambda: GOOD + "# x\n" * 1500 + "wrong\n",
    "wrong indentation far down": lambda: "a:\n" + "  b: 1\n" * 1500 + "   c: 1\n",
    "a condition of brackets": lambda: GOOD.replace("successCondition: status", "successCondition: " + "#(" * 50_000),
    "a metric pattern that explodes": lambda: GOOD.replace("(\\\\w+)=([0-9.]+)", "((a+)+)+=((b+)+)+"),
    "a deep metric pattern": lambda: GOOD.replace("(\\\\w+)=([0-9.]+)", "(" * 20_000),
    "a Go template of loops": lambda: _go_template("{{range .HyperParameters}}" * 3000),
    "a Go template of nested loops": lambda: _go_template("{{range .HyperParameters}}" * 30 + "x" + "{{end}}" * 30),
    "a Go template of parentheses": lambda: _go_template("{{" + "(" * 50_000),
    "a Go template of printf": lambda: _go_template('{{printf "%1000000000d" 1}}'),
    "a Go template of wide texts": lambda: _go_template('{{printf "%999999s" .Trial}}' * 500),
    "tags of Python": lambda: _EXPERIMENT + "spec: !!python/object/apply:os.system ['false']\n",
    "tags of many kinds": lambda: (
        _EXPERIMENT + "spec: !<tag:x> !a {b: !!binary aGk=, c: !!set {d}, e: !!omap [f: 1]}\n"
    ),
    "a tag of its own": lambda: "%TAG ! tag:x,2000:\n---\n" + GOOD,
    "NUL": lambda: GOOD.replace("name: mnist", "name: mn\0ist"),
    "control characters": lambda: GOOD.replace("name: mnist", "name: mn\x01\x1b\x7fist"),
    "escaped control characters": lambda: GOOD.replace("name: mnist", 'name: "mn\\0\\e\\x7fist"'),
    "surrogates": lambda: GOOD.replace("name: mnist", 'name: "mn\\ud800ist"'),
    "right to left": lambda: GOOD.replace("name: mnist", "name: mn\u202eist"),
    "half of UTF-8": lambda: GOOD.encode() + b"\xf0\x9f",
    "Latin-1": lambda: GOOD.replace("mnist", "m\u00efst").encode("latin-1"),
    "UTF-16": lambda: GOOD.encode("utf-16"),
    "UTF-16 without a mark": lambda: GOOD.encode("utf-16-le"),
    "UTF-32": lambda: GOOD.encode("utf-32"),
    "fifty megabytes": lambda: GOOD + "# x\n" * (50 * _MB // 4),
    "fifty megabytes of zeros": lambda: bytes(50 * _MB),
    "noise": lambda: bytes((n * 7919 + n // 251) % 256 for n in range(100_000)),
    "a program": lambda: b"\x7fELF\x02\x01\x01" + bytes(1000),
}
"""Each makes its file when it is called."""

HARMLESS: Final[dict[str, Callable[[], str | bytes]]] = {
    "a byte order mark": lambda: b"\xef\xbb\xbf" + GOOD.encode(),
    "ends of lines of Windows": lambda: GOOD.replace("\n", "\r\n"),
    "ends of lines of old": lambda: GOOD.replace("\n", "\r"),
    "merge keys": lambda: GOOD.replace("spec:\n  objective:", "spec:\n  <<: {suspend: false}\n  objective:", 1),
    "anchors": lambda: GOOD.replace('max: "8"', 'max: &eight "8"').replace(
        'list: ["16", "32"]', 'list: [*eight, "32"]'
    ),
    "core tags": lambda: GOOD.replace("maxTrialCount: 12", "maxTrialCount: !!int 12"),
    "JSON": lambda: json.dumps(load_documents(GOOD.encode(), "", [])[0].tree),
}
"""Unusual files that nothing is wrong with."""
