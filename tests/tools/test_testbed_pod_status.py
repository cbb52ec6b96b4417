"""The statuses that the stand-in node writes are those of a kubelet."""

import pytest
from testbed import pod_status
from testbed.api import Object
from testbed.stand_in_logs import lines_of

NOW = 1_700_000_000.25


def pod(annotations: dict[str, str] | None = None, **spec: object) -> Object:
    marks = {pod_status.PREFIX + name: value for name, value in (annotations or {}).items()}
    container = {"name": "main", "image": "any:1"}
    return {
        "metadata": {"name": "p", "uid": "0a0b0c0d-0000-0000-0000-000000000000", "annotations": marks},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }


def started(found: Object) -> Object:
    return {**found, "status": pod_status.started(found, "10.0.0.9", NOW)}


def test_a_started_pod_is_ready_and_its_containers_run() -> None:
    status = started(pod())["status"]
    assert status["phase"] == "Running"
    assert {"Ready", "Initialized"} <= {it["type"] for it in status["conditions"] if it["status"] == "True"}
    assert status["containerStatuses"][0]["state"] == {"running": {"startedAt": "2023-11-14T22:13:20Z"}}


def test_init_containers_have_ended_before_the_main_ones_run_but_sidecars_run_beside_them() -> None:
    side = {"name": "side", "image": "any:1", "restartPolicy": "Always"}
    status = started(pod(initContainers=[{"name": "first", "image": "any:1"}, side]))["status"]
    first, second = status["initContainerStatuses"]
    assert first["state"]["terminated"]["exitCode"] == 0
    assert "running" in second["state"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, ("Succeeded", 0, "Completed"), id="nothing said"),
        pytest.param({"exit-code": "3"}, ("Failed", 3, "Error"), id="an exit code"),
        pytest.param({"exit-code": "137", "reason": "OOMKilled"}, ("Failed", 137, "OOMKilled"), id="a reason"),
    ],
)
def test_a_pod_ends_as_its_annotations_say(annotations: dict[str, str], expected: tuple[str, int, str]) -> None:
    status = pod_status.finished(started(pod(annotations)), NOW + 5)
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (status["phase"], ended["exitCode"], ended["reason"]) == expected
    assert (ended["startedAt"], ended["finishedAt"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:13:25Z")


@pytest.mark.parametrize(
    ("found", "least", "most"),
    [
        pytest.param(pod(), 0, 0, id="at once"),
        pytest.param(pod({"seconds": "3"}), 3, 4, id="after three seconds, and not earlier"),
    ],
)
def test_a_pod_runs_at_least_as_long_as_it_says(found: Object, least: float, most: float) -> None:
    ends_in = pod_status.ends_in(started(found), NOW)
    assert ends_in is not None
    assert least <= ends_in <= most


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(pod({"seconds": "never"}), id="by annotation"),
        pytest.param(pod(restartPolicy="Always"), id="since it is always started again"),
    ],
)
def test_a_pod_may_run_for_ever(found: Object) -> None:
    assert pod_status.ends_in(started(found), NOW) is None


def test_a_log_has_a_time_for_each_line_and_lines_before_since_time_are_left_out() -> None:
    found = started(pod({"log": "a\nb"}))
    assert lines_of(found, {}) == ["a", "b"]
    stamped = ["2023-11-14T22:13:20.000000000Z a", "2023-11-14T22:13:20.000000001Z b"]
    assert lines_of(found, {"timestamps": ["true"], "sinceTime": ["2023-11-14T22:13:20Z"]}) == stamped
    assert lines_of(found, {"sinceTime": ["2023-11-14T22:13:21Z"]}) == []
    assert lines_of(found, {"tailLines": ["1"]}) == ["b"]


def test_a_pod_that_has_not_started_has_printed_nothing() -> None:
    assert lines_of(pod({"log": "a"}), {}) == []
