import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_fakes import FakeSchema, compiled, job

from trialmill.api.fields import FieldType
from trialmill.api.tree import JsonObject, get_list
from trialmill.template.compiled import CompiledTemplate, Derived, Ref, RefKind, Slot, ValueType
from trialmill.template.encode import compiled_from_json, compiled_to_json, digest

PATHS = st.lists(st.text(max_size=3) | st.integers(0, 9), min_size=1, max_size=4).map(tuple)
DEFAULTS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False, allow_infinity=False)
)
REFS = st.builds(Ref, st.sampled_from(RefKind), st.text(max_size=4), st.booleans(), st.booleans(), DEFAULTS)
PARTS = st.lists(st.text(max_size=4) | REFS, max_size=3)
FALLS = st.lists(PATHS, max_size=2).map(tuple)
SLOTS = st.builds(Slot, PATHS, PARTS.map(tuple), st.sampled_from(FieldType), st.booleans(), FALLS)
VARIABLES = st.lists(st.tuples(st.text(max_size=3), st.sampled_from(ValueType)), max_size=2).map(tuple)
DERIVED = st.builds(Derived, st.text(max_size=3), st.text(max_size=5), VARIABLES)
TEXT_MAPS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
LEAVES = st.text(max_size=4) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.none()
TREES = st.dictionaries(st.text(max_size=3), LEAVES | st.lists(LEAVES, max_size=2), max_size=3)
TEMPLATES = st.builds(
    CompiledTemplate,
    st.text(max_size=5),
    st.text(max_size=5),
    TREES,
    st.lists(SLOTS, max_size=3).map(tuple),
    TEXT_MAPS,
    TEXT_MAPS,
    st.text(max_size=5),
    derived=st.lists(DERIVED, max_size=2).map(tuple),
)


@given(TEMPLATES)
def test_a_template_survives_the_store(template: CompiledTemplate) -> None:
    back = compiled_from_json(json.loads(json.dumps(compiled_to_json(template))))
    assert back == template
    assert [type(slot.target) for slot in back.slots] == [FieldType] * len(template.slots)
    assert digest(back) == digest(template)


def test_the_digest_tells_content_and_types_apart_but_not_the_order_of_keys() -> None:
    def of(spec: JsonObject, target: FieldType = FieldType.STRING) -> str:
        return compiled(job(spec), ("a", "a"), schema=FakeSchema({("spec", "a"): target})).digest

    base = of({"a": "${trialParameters.a}", "b": 1})
    assert len(base) == 64
    assert of({"b": 1, "a": "${trialParameters.a}"}) == base
    assert of({"a": "${trialParameters.a}", "b": 2}) != base
    assert of({"a": "${trialParameters.a}", "b": 1}, FieldType.INTEGER) != base


WRONG: dict[str, JsonObject] = {
    "target": {"path": ["a"], "parts": ["x"], "target": "colour"},
    "ref": {"path": ["a"], "parts": [{"ref": "colour"}], "target": "string"},
    "path": {"path": [None], "parts": ["x"], "target": "string"},
}


@pytest.mark.parametrize("slot", WRONG.values(), ids=WRONG)
def test_data_of_another_origin_is_refused(slot: JsonObject) -> None:
    with pytest.raises(ValueError, match=r"not a"):
        compiled_from_json({"slots": [slot]})


def test_what_an_earlier_release_stored_reads_as_before() -> None:
    """Neither conditions nor derived values were known: nothing of them is written where there are none."""
    template = compiled(job({"lr": "${trialParameters.lr}"}), ("lr", "lr"))
    data = compiled_to_json(template)
    assert sorted(data) == ["annotations", "apiVersion", "digest", "kind", "labels", "slots", "tree"]
    (slot,) = get_list(data, "slots")
    assert slot == {
        "path": ["spec", "lr"],
        "parts": [{"ref": "parameter", "key": "lr"}],
        "target": "string",
        "inKey": False,
    }
    assert compiled_from_json(data) == template
