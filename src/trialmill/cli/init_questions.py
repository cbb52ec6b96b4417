"""What `init` asks: which fields to vary, within which spaces, and which metric is optimised.

Each question has an answer that Enter gives, where one can be guessed. An answer that means nothing is explained, and
the question comes again.
"""

from dataclasses import dataclass, replace
from typing import Final, Protocol

from trialmill.api.fields import FieldType
from trialmill.api.space_notation import read_space
from trialmill.api.spaces import read_number
from trialmill.forms.candidates import Candidate
from trialmill.root.errors import InputError
from trialmill.root.starting import Source, Variation, distinct, template_parameters, variation_of

_SPACES: Final = "  Spaces: 1..8   0.1..0.9   log:1e-5..1e-1   16,32,64   sgd,adam"

_MINIMISED: Final = ("loss", "error", "err", "mse", "rmse", "mae", "perplexity", "wer", "cost", "time", "latency")
"""Words in the names of metrics of which less is better."""


class Terminal(Protocol):
    """Somebody who can be asked."""

    def ask(self, question: str) -> str:
        """The answer, without the blanks around it. Raises EOFError where there will be no more."""

    def tell(self, text: str) -> None:
        """Show a line."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known so far. `maximize` is None where it is open."""

    variations: tuple[Variation, ...] = ()
    metric: str = ""
    maximize: bool | None = None
    container: str = ""


def ask(source: Source, known: Answers, terminal: Terminal) -> Answers:
    """The answers, with those that were missing. Raises EOFError."""
    answers = known
    if not answers.variations:
        answers = replace(answers, variations=_variations(source, terminal))
    if not answers.metric:
        usual = next(iter(source.metrics), "accuracy")
        answers = replace(answers, metric=terminal.ask(f"Which metric does training print? [{usual}] ") or usual)
    if answers.maximize is None:
        answers = replace(answers, maximize=_direction(answers.metric, terminal))
    if not answers.container and not source.primary_container and not source.is_template:
        answers = replace(answers, container=_container(source, terminal))
    return answers


def _variations(source: Source, terminal: Terminal) -> tuple[Variation, ...]:
    fields = _declared(source) if source.is_template else source.fields
    _show(source, fields, terminal)
    if source.is_template and not terminal.ask("Other spaces than the template's? [no] ").lower().startswith("y"):
        return ()
    while True:
        chosen = _chosen(source, fields, terminal)
        if not chosen:
            continue
        terminal.tell(_SPACES)
        try:
            return distinct([_variation(source, path, fields, terminal) for path in chosen])
        except InputError as error:
            terminal.tell(f"  {error}")


def _show(source: Source, fields: tuple[Candidate, ...], terminal: Terminal) -> None:
    what = "parameters" if source.is_template else "fields that could vary"
    terminal.tell(f"{source.file} has {len(fields)} {what}:" if fields else f"No {what} were found in {source.file}.")
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_row, fields), strict=True)] or [0]
    for number, field in enumerate(fields, start=1):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(_row(field), widths, strict=True))
        terminal.tell(f"{number:4}  {cells}".rstrip())


def _row(field: Candidate) -> tuple[str, str, str, str]:
    return field.name, str(field.type), field.value, field.path if field.path != field.name else ""


def _declared(source: Source) -> tuple[Candidate, ...]:
    """A TrialTemplate's parameters as fields."""
    types = {"integer": FieldType.INTEGER, "number": FieldType.NUMBER, "boolean": FieldType.BOOLEAN}
    return tuple(
        Candidate(name, name, types.get(str(entry.get("type")), FieldType.STRING), str(entry.get("default", "")))
        for name, entry in template_parameters(source).items()
    )


def _chosen(source: Source, fields: tuple[Candidate, ...], terminal: Terminal) -> list[str]:
    """The paths that an answer names; none, and explained, where a part of it names no field."""
    answer = terminal.ask("Which of them? (numbers, names or paths, with commas between) ")
    words = [word.strip() for word in answer.split(",") if word.strip()]
    paths: list[str] = []
    for word in words:
        if word.isdecimal() and 0 < int(word) <= len(fields):
            paths.append(fields[int(word) - 1].path)
            continue
        if word.isdecimal():
            terminal.tell(f"  There is no field {word}, the last one is {len(fields)}.")
            return []
        try:
            paths.append(variation_of(source, word, *read_space("0..1")).path)
        except InputError as error:
            terminal.tell(f"  {error}")
            return []
    return paths


def _variation(source: Source, path: str, fields: tuple[Candidate, ...], terminal: Terminal) -> Variation:
    field = next((field for field in fields if field.path == path), None)
    name, usual = (field.name, suggestion(field)) if field else (path, "")
    present = f" (now {field.value})" if field and field.value else ""
    default = f" [{usual}]" if usual else ""
    while True:
        answer = terminal.ask(f"Space of {name}{present}?{default} ") or usual
        try:
            return variation_of(source, path, *read_space(answer))
        except ValueError as error:
            terminal.tell(f"  {error}")


def suggestion(field: Candidate) -> str:
    """A space around the present value; empty where there is nothing to go by."""
    if field.type is FieldType.BOOLEAN:
        return "true,false"
    number = read_number(field.value)
    if number is None or number < 0 or field.type not in (FieldType.INTEGER, FieldType.NUMBER):
        return ""
    if field.type is FieldType.INTEGER:
        return f"int:{max(1, int(number) // 4)}..{int(number) * 4}" if number else "int:0..10"
    return f"log:{number / 10:g}..{number * 10:g}" if number else "double:0..1"


def _direction(metric: str, terminal: Terminal) -> bool:
    usual = is_maximised(metric)
    while True:
        answer = terminal.ask(f"Maximize or minimize {metric}? [{'maximize' if usual else 'minimize'}] ").lower()
        if not answer:
            return usual
        if answer[:3] in ("max", "min"):
            return answer.startswith("max")
        terminal.tell("  Answer maximize or minimize.")


def is_maximised(metric: str) -> bool:
    """Whether more of a metric is better, by its name."""
    words = metric.lower().replace("-", "_").replace("/", "_").split("_")
    return not any(word in _MINIMISED for word in words)


def _container(source: Source, terminal: Terminal) -> str:
    known = source.containers
    listed = f" ({', '.join(known)})" if known else ""
    while True:
        answer = terminal.ask(f"Which container prints it?{listed} ")
        if answer and (answer in known or not known):
            return answer
        terminal.tell("  Name one of them." if known else "  It has to be said.")
