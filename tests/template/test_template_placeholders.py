import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialmill.api.problem import Severity
from trialmill.template.compiled import Ref, RefKind
from trialmill.template.placeholders import METADATA, Piece, Placeholder, escape, parse, unparse

NAME = Ref(RefKind.NAME)
A, B = Placeholder("a"), Placeholder("b")

FOUND: dict[str, tuple[str, tuple[Piece, ...] | None]] = {
    "empty": ("", ()),
    "no placeholder": ("--lr=0.1", ("--lr=0.1",)),
    "alone": ("${trialParameters.a}", (A,)),
    "inside text": ("--lr=${trialParameters.a}!", ("--lr=", A, "!")),
    "side by side": ("${trialParameters.a}${trialParameters.b}", (A, B)),
    "dots and dashes": ("${trialParameters.model.num-layers}", (Placeholder("model.num-layers"),)),
    "odd names": ("${trialParameters.--lr $x\n:é}", (Placeholder("--lr $x\n:é"),)),
    "metadata": ("${trial.name}", (NAME,)),
    "experiment": ("${experiment.name}", (Ref(RefKind.EXPERIMENT),)),
    "in braces of others": ("${HOME}/${trial.name}/$(X)", ("${HOME}/", NAME, "/$(X)")),
    "shell variable that begins alike": ("${trialist} ${trial} ${trialParameters}", None),
    "shell default": ("${trial:-x} ${trialParameters[0]}", None),
    "dollars": ("$$ $ $$(X) $${HOME} $$$", None),
    "escape": ("$${trialParameters.a}", ("${trialParameters.a}",)),
    "escaped metadata": ("$${trial.name}$${experiment.name}", ("${trial.name}${experiment.name}",)),
    "escape before a placeholder": ("$${trial.name}${trial.name}", ("${trial.name}", NAME)),
    "three dollars": ("$$${trial.name}", ("$${trial.name}",)),
    "escape of what is none": ("$${trial.oops", ("${trial.oops",)),
    "placeholder inside an escaped one": ("$${trialParameters.${trialParameters.a}}", ("${trialParameters.", A, "}")),
}


@pytest.mark.parametrize(("text", "pieces"), FOUND.values(), ids=FOUND)
def test_a_text_is_split_at_its_placeholders(text: str, pieces: tuple[Piece, ...] | None) -> None:
    parsed = parse(text)
    assert parsed.pieces == ((text,) if pieces is None else pieces)
    assert parsed.faults == ()


FAULTS = {
    "no name": ("${trialParameters.}", "empty-placeholder", "name"),
    "not closed": ("x ${trialParameters.lr", "unclosed-placeholder", "$${trialParameters."),
    "not closed before another": ("${trialParameters.lr ${HOME}", "unclosed-placeholder", "close it"),
    "misspelt metadata": ("${trial.nmae}", "unknown-metadata", "did you mean trial.name?"),
    "metadata in another case": ("${experiment.Name}", "unknown-metadata", "did you mean experiment.name?"),
    "no metadata name": ("${trial.}", "unknown-metadata", "$${trial.}"),
}


@pytest.mark.parametrize(("text", "code", "remedy"), FAULTS.values(), ids=FAULTS)
def test_a_malformed_placeholder_is_a_fault_and_stays_text(text: str, code: str, remedy: str) -> None:
    parsed = parse(text)
    assert [f.code for f in parsed.faults] == [code]
    assert parsed.faults[0].severity is Severity.ERROR
    assert remedy in parsed.faults[0].remedy
    assert parsed.pieces == (text,)


def test_an_unclosed_placeholder_does_not_swallow_the_next_one() -> None:
    parsed = parse("${trialParameters.lr${trialParameters.a}")
    assert parsed.pieces == ("${trialParameters.lr", A)
    assert [f.code for f in parsed.faults] == ["unclosed-placeholder"]


LOOKALIKES = {
    "Katib's metadata written directly": ("${trialSpec.Name}", "direct-trial-spec", "trial parameter"),
    "wrong case": ("${trialparameters.lr}", "placeholder-lookalike", "${trialParameters.lr}"),
    "singular": ("${trialParameter.lr}", "placeholder-lookalike", "${trialParameters.lr}"),
    "a reference in the wrong case": ("${trialspec.Name}", "placeholder-lookalike", "${trial.name}?"),
    "plural": ("${trials.name}", "placeholder-lookalike", "${trial.name}"),
}


@pytest.mark.parametrize(("text", "code", "remedy"), LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_was_probably_meant_as_a_placeholder_stays_with_a_warning(text: str, code: str, remedy: str) -> None:
    parsed = parse(f"a {text} b")
    assert parsed.pieces == (f"a {text} b",)
    assert [(f.code, f.severity) for f in parsed.faults] == [(code, Severity.WARNING)]
    assert remedy in parsed.faults[0].remedy


def test_other_tools_keep_their_dotted_variables() -> None:
    assert parse("${params.lr} ${inputs.parameters.x}").faults == ()


FRAGMENTS = st.sampled_from(
    ["$", "${", "{", "}", "trialParameters.", "trial.", "trial", "experiment.", "name", "a", "é", "\n", " "]
    + [f"${{{name}}}" for name in METADATA]
)
SCRAPS = st.lists(FRAGMENTS | st.text(max_size=3), max_size=8).map("".join)
NAMES = st.text(st.characters(exclude_characters="{}"), min_size=1, max_size=5)
REFS = st.builds(Placeholder, NAMES) | st.sampled_from(list(METADATA.values()))


@given(SCRAPS)
def test_an_escaped_text_reads_as_itself(text: str) -> None:
    parsed = parse(escape(text))
    assert parsed.pieces == ((text,) if text else ())
    assert all(f.severity is Severity.WARNING for f in parsed.faults)


@given(SCRAPS)
def test_writing_what_was_read_and_reading_it_again_changes_nothing(text: str) -> None:
    pieces = parse(text).pieces
    assert parse(unparse(pieces)).pieces == pieces


@given(st.lists(REFS | SCRAPS.map(lambda text: text.rstrip("$")), max_size=6))
def test_reading_what_was_written_gives_the_same_pieces(pieces: list[Piece]) -> None:
    text = unparse(pieces)
    assert unparse(parse(text).pieces) == text
    assert [p for p in parse(text).pieces if not isinstance(p, str)] == [p for p in pieces if not isinstance(p, str)]


@pytest.mark.parametrize("pieces", [("$", A), (Ref(RefKind.KIND),)], ids=["dollar before", "no direct form"])
def test_pieces_that_no_text_says_cannot_be_written(pieces: tuple[Piece, ...]) -> None:
    with pytest.raises(ValueError, match="placeholder"):
        unparse(pieces)
