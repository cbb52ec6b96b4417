"""Finding placeholders in a text.

Ours are `${trialParameters.NAME}`, `${trial.name}`, `${trial.namespace}`, `${trial.index}`, `${trial.seed}` and
`${experiment.name}`. Everything else in `${}` belongs to the shell or to another tool and stays as it is, byte for
byte, and so do `$`, `$$` and `$(X)`. One more `$` in front takes a placeholder back: `$${trial.name}` is the text
`${trial.name}`. Names are anything but braces, as in Katib.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from trialmill.api.problem import Severity
from trialmill.template.compiled import Ref, RefKind
from trialmill.template.spelling import closest, did_you_mean


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`${trialParameters.NAME}` as written: what it stands for is declared elsewhere."""

    name: str


Piece: TypeAlias = str | Placeholder | Ref


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a text that looks like a placeholder and is none; it stays in the text as it is."""

    code: str
    message: str
    found: str
    remedy: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text in pieces: no two literal pieces are neighbours and none is empty, so an empty text has no pieces."""

    pieces: tuple[Piece, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def is_literal(self) -> bool:
        return all(isinstance(p, str) for p in self.pieces)

    @property
    def literal(self) -> str:
        """The text of a literal, its escapes resolved."""
        return "".join(p for p in self.pieces if isinstance(p, str))


METADATA: Final = {
    "trial.name": Ref(RefKind.NAME),
    "trial.namespace": Ref(RefKind.NAMESPACE),
    "trial.index": Ref(RefKind.INDEX),
    "trial.seed": Ref(RefKind.SEED),
    "experiment.name": Ref(RefKind.EXPERIMENT),
}
_WRITTEN: Final = {ref: name for name, ref in METADATA.items()}
_SCOPES: Final = ("trialParameters", "trial", "experiment")
_OURS: Final = rf"\{{(?:{'|'.join(_SCOPES)})\."
_TOKEN: Final = re.compile(
    rf"(?P<escape>\$\$(?={_OURS}))"
    rf"|\$\{{(?P<scope>{'|'.join(_SCOPES)})\.(?P<name>[^{{}}]*)(?P<end>\}}?)"
    r"|\$\{(?P<foreign>[A-Za-z]+)\.[^{}]*\}"
)
_UNESCAPED: Final = re.compile(rf"\$(?={_OURS})")


def parse(text: str) -> Parsed:
    """Split a text at its placeholders."""
    if "${" not in text:
        return Parsed((text,) if text else ())
    pieces: list[Piece] = []
    faults: list[Fault] = []
    start = 0
    while token := _TOKEN.search(text, start):
        pieces.append(text[start : token.start()])
        piece = _read(token)
        if isinstance(piece, Fault):
            faults.append(piece)
            # An unclosed placeholder may have swallowed the `$` of the next one; go on just behind its prefix.
            start = token.end() if token["end"] or token["foreign"] else token.start("name")
            pieces.append(text[token.start() : start])
        else:
            pieces.append(piece)
            start = token.end()
    pieces.append(text[start:])
    return Parsed(tuple(_joined(pieces)), tuple(faults))


def unparse(pieces: Iterable[Piece]) -> str:
    """The text that `parse` splits into these pieces.

    Raises ValueError for what no text says: metadata without a direct placeholder, and a literal `$` right before a
    placeholder, which would read as its escape.
    """
    text = ""
    for piece in _joined(pieces):
        if isinstance(piece, str):
            text += escape(piece)
        elif text.endswith("$"):
            raise ValueError("a $ right before a placeholder would escape it")
        else:
            text += f"${{{_name(piece)}}}"
    return text


def escape(text: str) -> str:
    """The text that `parse` reads as exactly this literal."""
    return _UNESCAPED.sub("$$", text)


def _read(token: re.Match[str]) -> Piece | Fault:
    if token["escape"]:
        return "$"
    if token["foreign"]:
        return _foreign(token[0], token["foreign"])
    if not token["end"]:
        return Fault(
            "unclosed-placeholder",
            "the placeholder has no closing brace",
            found=f"${{{token['scope']}.",
            remedy=f"close it with }}, or write $${{{token['scope']}. to keep the text as it is",
        )
    name = f"{token['scope']}.{token['name']}"
    if token["scope"] != "trialParameters":
        return METADATA.get(name) or _unknown_metadata(token[0], name)
    if token["name"]:
        return Placeholder(token["name"])
    return Fault("empty-placeholder", "the placeholder names no trial parameter", token[0], "write its name")


def _unknown_metadata(found: str, name: str) -> Fault:
    remedy = f"{did_you_mean(name, METADATA)}; to keep the text as it is, write ${found}"
    return Fault("unknown-metadata", f"trials have no metadata {name}", found, remedy)


def _foreign(found: str, scope: str) -> Piece | Fault:
    """Text of another tool, with a warning where it was probably meant as a placeholder."""
    if scope == "trialSpec":
        return Fault(
            "direct-trial-spec",
            f"{found} stays as it is: it is read in the reference of a trial parameter only",
            found,
            "declare a trial parameter with this reference and write ${trialParameters.NAME} here",
            Severity.WARNING,
        )
    if meant := closest(scope, _SCOPES):
        # What stands behind it may be misspelt as well: what is suggested has to be one that there is.
        name = found.removeprefix("${").removesuffix("}").replace(scope, meant, 1)
        name = name if meant == "trialParameters" else closest(name, METADATA) or name
        return Fault(
            "placeholder-lookalike",
            f"{found} stays as it is: placeholders begin with ${{{meant}.",
            found,
            f"did you mean ${{{name}}}?",
            Severity.WARNING,
        )
    return found


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces with neighbouring literals made one, and empty ones gone."""
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece)
    return joined


def _name(piece: Placeholder | Ref) -> str:
    if isinstance(piece, Placeholder):
        return f"trialParameters.{piece.name}"
    if piece not in _WRITTEN:
        raise ValueError(f"there is no direct placeholder for the trial's {piece.kind}")
    return _WRITTEN[piece]
