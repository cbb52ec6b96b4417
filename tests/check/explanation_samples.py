"""The examples of the page of problems as whole files, and the codes that the source can report."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trialmill.api.load import load_documents
from trialmill.api.tree import Json, get
from trialmill.api.tree import Path as Place
from trialmill.api.yaml_text import yaml_text
from trialmill.check.explanations import Example, page
from trialmill.forms.go_template.errors import ErrorKind

SOURCE: Final = Path(__file__).resolve().parents[2] / "src" / "trialmill"
_JOB: Final = ("spec", "trialTemplate", "trialSpec", "spec")
PLACES: Final[dict[str, Place]] = {
    "Experiment": (),
    "metadata": ("metadata",),
    "spec": ("spec",),
    "objective": ("spec", "objective"),
    "algorithm": ("spec", "algorithm"),
    "collector": ("spec", "metricsCollectorSpec"),
    "parameter": ("spec", "parameters", 0),
    "space": ("spec", "parameters", 0, "feasibleSpace"),
    "template": ("spec", "trialTemplate"),
    "trialSpec": _JOB[:-1],
    "Job": _JOB,
    "pod": (*_JOB, "template", "spec"),
    "container": (*_JOB, "template", "spec", "containers", 0),
}
_FILE: Final = "as a file"
_PLACE: Final = re.compile(r"in (?P<whole>place of )?the (?P<name>\w+)")
_CODE: Final = re.compile(r"[a-z]+(-[a-z]+)*")


def whole_file(example: Example) -> str:
    """The example in its place in the page's Experiment, with the documents that follow it."""
    if example.place == _FILE:
        return example.text
    place = _PLACE.fullmatch(example.place)
    assert place is not None, example.place
    part, *others = [document.tree for document in load_documents(example.text.encode(), "example", [])]
    experiment = _put(_base(), PLACES[place["name"]], part, replaces=bool(place["whole"]))
    return "---\n".join(yaml_text(tree) for tree in (experiment, *others))


def _base() -> Json:
    first = page().partition("```yaml\n")[2].partition("```\n")[0]
    return load_documents(first.encode(), "base", [])[0].tree


def _put(tree: Json, place: Place, part: Json, *, replaces: bool) -> Json:
    if not place:
        return part if replaces else _merged(tree, part)
    step, below = place[0], get(tree, place[0])
    put = _put(below, place[1:], part, replaces=replaces)
    if isinstance(tree, list) and isinstance(step, int):
        return [put if position == step else item for position, item in enumerate(tree)]
    assert isinstance(tree, dict | None)
    assert isinstance(step, str)
    return {**(tree or {}), step: put}


def _merged(tree: Json, part: Json) -> Json:
    """As JSON merge patches do it: null removes a field, lists are taken whole."""
    if not isinstance(part, dict) or not isinstance(tree, dict):
        return part
    merged = {name: value for name, value in tree.items() if name not in part}
    for name, value in part.items():
        if value is not None or name not in tree:
            merged[name] = _merged(tree.get(name), value)
    return merged


# --- The codes in the source


def codes_in_source() -> dict[str, str]:
    """Each code that the package can report, with a place where it does."""
    trees = {
        file: ast.parse(file.read_text(encoding="utf-8"))
        for file in SOURCE.rglob("*.py")
        if "testing" not in file.parts
    }
    takers: dict[str, set[tuple[Path, int]]] = {}
    for file, tree in trees.items():
        for name, position in _takers(tree):
            takers.setdefault(name, set()).add((file, position))
    codes = {str(kind): "forms/go_template/errors.py" for kind in ErrorKind}
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                known = {at for where, at in takers.get(_called(node), ()) if _is_seen(_called(node), where, file)}
                for code in _given_codes(node, known):
                    codes[code] = f"{file.relative_to(SOURCE)}:{node.lineno}"
    return codes


def _is_seen(name: str, where: Path, file: Path) -> bool:
    """Private functions are called in their own file only."""
    return not name.startswith("_") or where == file


def _takers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What takes a code as text: the name, and which argument it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            fields = [s for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
            yield from (
                (node.name, position) for position, field in enumerate(fields) if ast.unparse(field.target) == "code"
            )
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    name = node.name if method.name == "__init__" else method.name
                    yield from ((name, position - 1) for position in _code_arguments(method))
        elif isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg != "self":
            yield from ((node.name, position) for position in _code_arguments(node))


def _code_arguments(function: ast.FunctionDef) -> list[int]:
    return [
        position
        for position, argument in enumerate(function.args.args)
        if argument.arg == "code" and argument.annotation is not None and ast.unparse(argument.annotation) == "str"
    ]


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _given_codes(call: ast.Call, positions: set[int]) -> Iterator[str]:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "code"] if positions else []
    given += [call.args[position] for position in positions if position < len(call.args)]
    for argument in given:
        choices = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
        for choice in choices:
            assert not isinstance(choice, ast.JoinedStr), "a code that is put together cannot be looked up"
            if isinstance(choice, ast.Constant) and isinstance(choice.value, str) and _CODE.fullmatch(choice.value):
                yield choice.value
