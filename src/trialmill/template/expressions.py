"""Derived values: small expressions over parameters, in CEL (the Common Expression Language).

By Google's own library, which is imported when there is an expression. It checks types before anything is computed.
Two things differ from plain CEL: integers and decimals may be mixed, as authors of `batch * 0.5` expect, and there are
no loops, so that no expression takes long.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from trialmill.api.cel_faults import LONGEST_EXPRESSION, TYPES, cel_sentence
from trialmill.api.nearest import nearest
from trialmill.api.space import Assignments, Categorical, Dimension, Discrete, Double, Integer, Value
from trialmill.api.spaces import read_integer, read_number
from trialmill.template.compiled import Derived, ValueType

if TYPE_CHECKING:
    from cel_expr_python import cel

LONGEST_TEXT: Final = 2**20
_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<whole>\bparameters\s*(?:\[\s*(?:"(?P<double>[^"\\]*)"|'(?P<single>[^'\\]*)')\s*\]|\.\s*(?P<field>\w+)))"""
    r"""|(?P<number>\d[\w.]*)|(?P<dot>\.\s*)?(?P<name>[A-Za-z_]\w*)(?P<call>\s*\()?""",
    re.ASCII,
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LOOPS: Final = frozenset(
    ("all", "exists", "exists_one", "existsOne", "filter", "map", "transformList", "transformMap")
)
_WORDS: Final = frozenset({"true", "false", "null", "in", "math"})
_RESERVED: Final = _WORDS.union(
    ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
    ("namespace", "parameters", "return", "var", "void", "while"),
    ("bool", "bytes", "double", "int", "list", "map", "string", "type", "uint", "null_type", "dyn"),
)
"""Words that cannot name a parameter in an expression by themselves."""


class ExpressionError(Exception):
    """An expression that means nothing, or has no value; `message` is one plain sentence."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def derive(name: str, text: str, dimensions: Mapping[str, Dimension]) -> Derived:
    """The expression of trial parameter `name`, checked as far as it can be without values. Raises ExpressionError."""
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    _check_names(text, dimensions)
    used = {each: _type_of(dimensions[each]) for each in names_in(text, dimensions)}
    derived = Derived(name, text, tuple(used.items()))
    _result_type(_program(derived))
    return derived


def evaluate(derived: Derived, assignments: Assignments) -> Value:
    """The value of an expression: a number, a text, true or false. Raises ExpressionError where it has none."""
    data = {_variable(n): _typed(n, assignments[n], kind) for n, kind in derived.variables}
    try:
        result = _program(derived).eval(data=data)
        value: object = result.value()
    except Exception as error:
        raise ExpressionError(cel_sentence(str(error))) from None
    if result.type() == _error_type():
        raise ExpressionError(cel_sentence(str(value)))
    if not isinstance(value, bool | int | float | str):
        raise ExpressionError(f"it gives a {type(value).__name__}, not a number, a text, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError(f"it gives {value}, which is no number that could be passed on")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise ExpressionError(f"it gives a text of {len(value)} characters, more than {LONGEST_TEXT}")
    return value


def names_in(text: str, known: Collection[str]) -> list[str]:
    """The parameters that an expression uses, each once."""
    found = (name for token in _tokens(text) if (name := _parameter(token, known)) is not None)
    return list(dict.fromkeys(found))


def _tokens(text: str) -> Iterator[re.Match[str]]:
    return _TOKEN.finditer(text)


def _parameter(token: re.Match[str], known: Collection[str]) -> str | None:
    """The parameter that a token stands for, if any."""
    if token["whole"]:
        name = next(n for n in (token["double"], token["single"], token["field"]) if n is not None)
        return name if name in known else None
    name = token["name"]
    is_plain = name is not None and not token["dot"] and not token["call"] and name not in _RESERVED
    return name if is_plain and name in known else None


def _check_names(text: str, known: Collection[str]) -> None:
    """Say which name is unknown in the words of an Experiment. Raises ExpressionError."""
    for token in _tokens(text):
        name = token["double"] or token["single"] or token["field"] if token["whole"] else token["name"]
        if token["whole"]:
            if name is None or name not in known:
                raise _unknown(name or "", text, known)
        elif token["dot"] and token["call"] and name in _LOOPS:
            raise ExpressionError(f"expressions have no loops such as {name}(), so that each takes but a moment")
        elif name and not token["dot"] and not token["call"] and name not in known and name not in _RESERVED:
            raise _unknown(name, text, known)
        elif name == "parameters" and not token["dot"]:
            raise ExpressionError("parameters needs the name of one", 'write parameters["NAME"]')


def _unknown(name: str, text: str, known: Collection[str]) -> ExpressionError:
    dashed = next((n for n in known if not _IDENTIFIER.fullmatch(n) and name in n and n in text), None)
    if dashed:
        message = f"{dashed} cannot stand in an expression as it is, since it reads as several names"
        return ExpressionError(message, f'write parameters["{dashed}"]')
    if any(quote in _TOKEN.sub("", text) for quote in "'\""):
        return ExpressionError("a text in quotes does not end", "close it with the quote that it begins with")
    meant = nearest(name, known)
    remedy = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
    return ExpressionError(f"there is no parameter {name}", remedy)


def _type_of(dimension: Dimension) -> ValueType:
    match dimension:
        case Double():
            return ValueType.DECIMAL
        case Integer():
            return ValueType.INTEGER
        case Discrete(values=values):
            return ValueType.INTEGER if all(read_integer(v) is not None for v in values) else ValueType.DECIMAL
        case Categorical():
            return ValueType.TEXT


def _typed(name: str, value: Value, kind: ValueType) -> Value:
    """A value as the expression's types want it: listed numbers are texts in an assignment."""
    typed: Value | None = value
    match kind:
        case ValueType.INTEGER:
            typed = read_integer(str(value))
        case ValueType.DECIMAL:
            typed = read_number(value) if isinstance(value, str) else float(value)
        case ValueType.TEXT:
            typed = str(value)
    if typed is None:
        raise ExpressionError(f"{value} of {name} is no {kind} number")
    return typed


# --- the library


def _error_type() -> object:
    from cel_expr_python import cel

    return cel.Type.ERROR


@lru_cache(maxsize=256)
def _program(derived: Derived) -> "cel.Expression":
    """The expression, parsed and checked. Raises ExpressionError."""
    from cel_expr_python import cel

    types = {ValueType.INTEGER: cel.Type.INT, ValueType.DECIMAL: cel.Type.DOUBLE, ValueType.TEXT: cel.Type.STRING}
    variables = {_variable(name): types[kind] for name, kind in derived.variables}
    config, functions, extensions = _dialect()
    try:
        environment = cel.NewEnv(config=config, functions=functions, extensions=extensions, variables=variables)
        return environment.compile(_with_variables(derived.text, [name for name, _ in derived.variables]))
    except RuntimeError as error:
        raise ExpressionError(cel_sentence(str(error))) from None


def _result_type(program: "cel.Expression") -> None:
    """Raises ExpressionError where the result can be no value of a trial parameter."""
    name = str(program.return_type().name()).lower()
    if name not in (*TYPES, "dyn"):
        raise ExpressionError(f"it gives a {name.partition('<')[0]}, not a number, a text, true or false")


def _variable(name: str) -> str:
    """The identifier of a parameter in the library's eyes."""
    if _IDENTIFIER.fullmatch(name) and name not in _RESERVED:
        return name
    return "_" + name.encode().hex()


def _with_variables(text: str, names: Collection[str]) -> str:
    """The expression with identifiers in the place of `parameters["..."]`."""
    return _TOKEN.sub(lambda token: _identifier(token, names), text)


def _identifier(token: re.Match[str], names: Collection[str]) -> str:
    name = _parameter(token, names) if token["whole"] else None
    return token[0] if name is None else _variable(name)


@lru_cache(maxsize=1)
def _dialect() -> tuple[Any, Any, Any]:
    """Arithmetic and comparisons that take integers and decimals together, and CEL's own `math` functions.

    The checker's declarations are replaced; what the library computes by itself, it goes on computing.
    """
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_math

    whole, decimal, text, boolean = cel.Type.INT, cel.Type.DOUBLE, cel.Type.STRING, cel.Type.BOOL
    pairs = [(a, b) for a in (whole, decimal) for b in (whole, decimal)]
    functions = []
    for name, compute in _ARITHMETIC.items():
        overloads = [
            cel.Overload(
                f"{name}{a.name()}{b.name()}",
                return_type=whole if a == b == whole else decimal,
                parameters=[a, b],
                impl=None if a == b else compute,
            )
            for a, b in pairs
        ]
        if name == "_+_":
            overloads.append(cel.Overload("join", return_type=text, parameters=[text, text]))
        functions.append(cel.FunctionDecl(name, overloads))
    for name in _COMPARISONS:
        same = [(text, text), (boolean, boolean)]
        overloads = [
            cel.Overload(f"{name}{a.name()}{b.name()}", return_type=boolean, parameters=[a, b]) for a, b in pairs + same
        ]
        functions.append(cel.FunctionDecl(name, overloads))
    excluded = "".join(f'    - name: "{name}"\n' for name in (*_ARITHMETIC, *_COMPARISONS))
    config = cel.NewEnvConfigFromYaml(f"name: trialmill\nstdlib:\n  exclude_functions:\n{excluded}")
    return config, functions, [ext_math.ExtMath()]


def _divided(left: float, right: float) -> float:
    """As IEEE 754 has it; Python raises an error for a division by zero."""
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


_ARITHMETIC: Final[Mapping[str, Any]] = {
    "_*_": lambda left, right: float(left) * float(right),
    "_/_": lambda left, right: _divided(float(left), float(right)),
    "_+_": lambda left, right: float(left) + float(right),
    "_-_": lambda left, right: float(left) - float(right),
}
_COMPARISONS: Final = ("_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_")
