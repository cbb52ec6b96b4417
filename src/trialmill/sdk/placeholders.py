"""Placeholders as objects: what a template holds where a trial's value belongs.

A placeholder is a text, the one that a file would have: so it goes wherever text goes, through every model and every
serializer. Alone in a field it becomes a value of that field's type; within a longer text it becomes text.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NoReturn, SupportsIndex, TypeAlias

from trialmill.api.tree import Json
from trialmill.template.compiled import Ref, RefKind
from trialmill.template.placeholders import Placeholder as Declared
from trialmill.template.placeholders import escape, parse, unparse

Cast: TypeAlias = Literal["string", "integer", "number", "boolean", "json"]
Encoding: TypeAlias = Literal["json", "shell"]

_SPELLINGS: Final[Mapping[str, tuple[str, str]]] = {
    **{f":{word}": ("as", word) for word in ("string", "integer", "number", "boolean", "json")},
    **{f":{word}-text": ("encode", word) for word in ("json", "shell")},
}
"""By the end of a trial parameter's name: the field of its declaration, and what it says."""


def _refused(what: str) -> Callable[..., NoReturn]:
    """A method for what cannot be done with a value before its trial."""

    def refuse(placeholder: object, *_args: object, **_named: object) -> NoReturn:
        raise TypeError(f"{placeholder} cannot be {what}: its value is known in the trial only")

    return refuse


class Placeholder(str):
    """The text of a placeholder, which a trial's value will replace.

    What Python would do to the text, and nobody can mean of the value, is an error: a value is not known before its
    trial.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Placeholder({str(self)!r})"

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, spec: str) -> str:
        if spec:
            raise ValueError(f"{self} cannot be formatted as {spec!r}: its value is known in the trial only")
        return str(self)

    def __add__(self, after: object) -> str:
        if not isinstance(after, str):
            _calculate(self)
        return str.__add__(self, after)

    def __radd__(self, before: object) -> str:
        if not isinstance(before, str):
            _calculate(self)
        # `$$` before a brace escapes the placeholder, and would leave its bare text to the trial.
        if before.endswith("$"):
            raise ValueError(f"a $ right before {self} would escape it: put the two into one value of the parameter")
        return str.__add__(before, self)

    # As texts they can be put in order, which dumpers do with keys.
    def __lt__(self, other: object) -> bool:
        return str.__lt__(self, other) if isinstance(other, str) else _compare(self)

    def __le__(self, other: object) -> bool:
        return str.__le__(self, other) if isinstance(other, str) else _compare(self)

    def __gt__(self, other: object) -> bool:
        return str.__gt__(self, other) if isinstance(other, str) else _compare(self)

    def __ge__(self, other: object) -> bool:
        return str.__ge__(self, other) if isinstance(other, str) else _compare(self)

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> str:
        """For those who replace what a text might hold, as `shlex.quote` does: what it does hold has to stay."""
        text = str.replace(self, old, new, count)
        return text if text == self else _rewrite(self)

    __mul__ = __rmul__ = _refused("multiplied")
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _refused("divided")
    __sub__ = __rsub__ = __mod__ = __pow__ = __rpow__ = __neg__ = __abs__ = __round__ = _refused("used to calculate")
    __int__ = __float__ = _refused("turned into a number")
    __getitem__ = __iter__ = split = rsplit = partition = rpartition = _refused("taken apart")
    upper = lower = title = capitalize = casefold = swapcase = translate = _refused("rewritten")
    zfill = ljust = rjust = center = _refused("padded")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Lets a field of a pydantic model be annotated as, say, `int | Placeholder`."""
        del source, handler
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(cls, serialization=core_schema.to_string_ser_schema())


_calculate: Final = _refused("used to calculate")
_rewrite: Final = _refused("rewritten")
_compare: Final = _refused("compared with a number")


def param(name: str, *, cast: Cast | None = None, encode: Encoding | None = None) -> Placeholder:
    """The value of the search parameter `name`.

    >>> param("lr")
    Placeholder('${trialParameters.lr}')
    >>> f"--lr={param('lr')}"
    '--lr=${trialParameters.lr}'
    >>> {"parallelism": param("workers")}
    {'parallelism': Placeholder('${trialParameters.workers}')}

    The type comes from the field; `cast` says it where no schema does, as in a custom resource. `encode` is for text
    in another language: `"json"` is a literal of JSON or YAML with its quotes, `"shell"` one word of a POSIX shell.
    Raises ValueError for a name with braces, and for `cast` and `encode` together.
    """
    if cast and encode:
        raise ValueError("a placeholder has a type of its own (cast), or is text (encode): choose one")
    if not name or set(name) & set("{}"):
        raise ValueError(f"{name!r} is no name of a parameter: braces end a placeholder")
    end = f":{cast}" if cast else f":{encode}-text" if encode else ""
    return Placeholder(unparse([Declared(name + end)]))


def literal(text: str) -> str:
    """The text as it is, also where it looks like a placeholder.

    >>> literal("echo ${trial.name}")
    'echo $${trial.name}'
    """
    return escape(text)


class _Trial:
    """What a trial knows of itself; each is a placeholder."""

    name: Final = Placeholder(unparse([Ref(RefKind.NAME)]))
    namespace: Final = Placeholder(unparse([Ref(RefKind.NAMESPACE)]))
    index: Final = Placeholder(unparse([Ref(RefKind.INDEX)]))
    """From 0, in the order in which trials were made."""
    seed: Final = Placeholder(unparse([Ref(RefKind.SEED)]))
    """A number of the trial's own, the same whenever the experiment is repeated with its seed."""


class _Experiment:
    """What a trial knows of its experiment; each is a placeholder."""

    name: Final = Placeholder(unparse([Ref(RefKind.EXPERIMENT)]))


trial: Final = _Trial()
experiment: Final = _Experiment()


def declarations(manifests: Iterable[Json], parameters: Iterable[str]) -> list[dict[str, Json]]:
    """A trial parameter for each placeholder of a known parameter, in the order of their first use.

    A placeholder of an unknown one stays undeclared: so the problem about it names the place where it stands.
    """
    known = set(parameters)
    names = dict.fromkeys(name for manifest in manifests for name in _names(manifest))
    return [declared for name in names if (declared := _declaration(name, known)) is not None]


def _declaration(name: str, known: set[str]) -> dict[str, Json] | None:
    if name in known:
        return {"name": name, "reference": name}
    reference, colon, word = name.rpartition(":")
    spelling = _SPELLINGS.get(colon + word)
    if spelling is None or reference not in known:
        return None
    return {"name": name, "reference": reference, spelling[0]: spelling[1]}


def _names(tree: Json) -> Iterable[str]:
    match tree:
        case str():
            yield from (piece.name for piece in parse(tree).pieces if isinstance(piece, Declared))
        case list():
            for item in tree:
                yield from _names(item)
        case dict():
            for key, value in tree.items():
                yield from _names(key)
                yield from _names(value)
