"""The store takes lists and events over, and tells what has changed by them."""

import pytest

from trialmill.api.tree import JsonObject, get_list, get_object, get_string
from trialmill.kube.api import EventType, WatchEvent
from trialmill.kube.object_store import Change, ObjectStore


def thing(name: str, uid: str = "", version: int = 1, owner: str = "") -> JsonObject:
    metadata: JsonObject = {"name": name, "namespace": "n", "uid": uid or name, "resourceVersion": str(version)}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner}]
    return {"metadata": metadata}


def told(changes: list[Change]) -> list[str]:
    """`ADDED a`, and `DELETED a?` where it was inferred."""
    return [f"{c.type} {get_string(c.object, 'metadata', 'uid')}{'?' * c.inferred}" for c in changes]


@pytest.mark.parametrize(
    ("before", "event", "expected"),
    [
        pytest.param([], ("ADDED", thing("a")), ["ADDED a"], id="a new object"),
        pytest.param([], ("MODIFIED", thing("a")), ["ADDED a"], id="a change of an unknown object"),
        pytest.param([thing("a")], ("ADDED", thing("a")), [], id="an object that was told before"),
        pytest.param([thing("a")], ("MODIFIED", thing("a", version=2)), ["MODIFIED a"], id="a change"),
        pytest.param([thing("a")], ("ADDED", thing("a", version=2)), ["MODIFIED a"], id="a change told as new"),
        pytest.param([thing("a")], ("DELETED", thing("a", version=2)), ["DELETED a"], id="an end"),
        pytest.param([], ("DELETED", thing("a")), [], id="the end of an unknown object"),
        pytest.param([thing("a", "2")], ("DELETED", thing("a", "1")), [], id="the end of one that had the name before"),
        pytest.param([thing("a", "1")], ("ADDED", thing("a", "2")), ["DELETED 1?", "ADDED 2"], id="same name, new uid"),
    ],
)
def test_an_event_is_told_as_what_it_changes(
    before: list[JsonObject], event: tuple[str, JsonObject], expected: list[str]
) -> None:
    store = ObjectStore()
    store.replace(before)
    assert told(store.apply(WatchEvent(EventType(event[0]), event[1]))) == expected


def test_a_list_replaces_everything_at_once() -> None:
    store = ObjectStore()
    store.replace([thing("same"), thing("changed"), thing("gone"), thing("again", "old")])
    changes = store.replace([thing("new"), thing("same"), thing("changed", version=2), thing("again", "new")])
    assert told(changes) == ["DELETED gone?", "ADDED new", "MODIFIED changed", "DELETED old?", "ADDED new"]
    assert len(store) == 4
    assert store.get("gone", "n") is None


def test_objects_are_found_under_all_values_of_an_index_and_no_others() -> None:
    def owners(object: JsonObject) -> list[str]:
        return [get_string(o, "uid") for o in get_list(object, "metadata", "ownerReferences")]

    store = ObjectStore({"owner": owners})
    store.replace([thing("a", owner="x"), thing("b", owner="x"), thing("c")])
    assert [get_string(o, "metadata", "name") for o in store.find("owner", "x")] == ["a", "b"]
    store.apply(WatchEvent(EventType.MODIFIED, thing("a", version=2, owner="y")))
    store.apply(WatchEvent(EventType.DELETED, thing("b", version=3, owner="x")))
    assert store.find("owner", "x") == []
    assert store.find("owner", "y") == [store.get("a", "n")]


def test_managed_fields_are_dropped_and_the_rest_stays() -> None:
    store = ObjectStore()
    whole = thing("a")
    store.replace([{**whole, "metadata": {**get_object(whole, "metadata"), "managedFields": [{"manager": "x"}]}}])
    assert store.get("a", "n") == whole
