import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_fakes import FakeSchema, compiled, job

from trialmill.api.fields import FieldType
from trialmill.api.tree import JsonObject
from trialmill.template.compiled import CompiledTemplate, Ref, RefKind, Slot
from trialmill.template.encode import compiled_from_json, compiled_to_json, digest

PATHS = st.lists(st.text(max_size=3) | st.integers(0, 9), min_size=1, max_size=4).map(tuple)
PARTS = st.lists(st.text(max_size=4) | st.builds(Ref, st.sampled_from(RefKind), st.text(max_size=4)), max_size=3)
SLOTS = st.builds(Slot, PATHS, PARTS.map(tuple), st.sampled_from(FieldType), st.booleans())
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
