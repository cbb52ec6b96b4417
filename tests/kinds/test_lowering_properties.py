"""What holds for every Job, however its runs end."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lowering_simulation import Ends, Simulation, container, job, lowered, problems_of

from trialmill.api.tree import Json, JsonObject
from trialmill.kinds.lowering.indexes import format_indexes, parse_indexes
from trialmill.kinds.plan import RunId

ENDS = st.builds(
    Ends,
    code=st.sampled_from([0, 0, 1, 137]),
    after=st.sampled_from([0.0, 0.05, 1.0, 3.0, 7.5]),
    stop_after=st.sampled_from([0.001, 0.5, 4.0]),
    stop_code=st.sampled_from([0, 143]),
    error=st.sampled_from(["", "", "", "no such file"]),
)
SIDECAR_ENDS = st.builds(Ends, after=st.sampled_from([2.0, 1000.0]))
CONTAINERS: list[list[Json]] = [[], [container("init")], [container("side", restartPolicy="Always"), container("init")]]


@st.composite
def jobs(draw: st.DrawFn) -> JsonObject:
    spec: JsonObject = {
        "parallelism": draw(st.integers(1, 3)),
        "completions": draw(st.one_of(st.none(), st.integers(1, 4))),
        "backoffLimit": draw(st.integers(0, 4)),
    }
    if draw(st.booleans()):
        spec["activeDeadlineSeconds"] = draw(st.integers(0, 15))
    if spec["completions"] is not None and draw(st.booleans()):
        spec["completionMode"] = "Indexed"
        if draw(st.booleans()):
            spec["backoffLimitPerIndex"] = draw(st.integers(0, 2))
    names = draw(st.sampled_from([["train"], ["train", "eval"]]))
    pod: JsonObject = {
        "restartPolicy": draw(st.sampled_from(["Never", "OnFailure"])),
        "initContainers": draw(st.sampled_from(CONTAINERS)),
        "containers": [container(name) for name in names],
    }
    if draw(st.booleans()):
        pod["activeDeadlineSeconds"] = draw(st.integers(1, 9))
    return job(spec, pod)


@st.composite
def simulations(draw: st.DrawFn) -> Simulation:
    chosen: dict[RunId, Ends] = {}
    ends = draw(st.lists(ENDS, min_size=1, max_size=12))
    side = draw(SIDECAR_ENDS)

    def script(run: RunId) -> Ends:
        if run.container == "side":
            return side
        return chosen.setdefault(run, ends[len(chosen) % len(ends)])

    return Simulation(lowered(draw(jobs())), script)


def parallelism(simulation: Simulation) -> int:
    workload: Any = simulation.workload
    return int(workload.rules.parallelism)


@settings(max_examples=150, deadline=None)
@given(simulations())
def test_every_job_ends_and_its_counts_add_up(simulation: Simulation) -> None:
    step = simulation.run()
    status: Any = step.status
    made = len({run.pod for run in simulation.facts})
    stopped = status["conditions"][-1]["reason"] != "CompletionsReached"
    succeeded, failed = status.get("succeeded", 0), status.get("failed", 0)
    assert succeeded + failed == made
    assert status["conditions"][-1]["type"] in ("Complete", "Failed")
    assert stopped == (status["conditions"][-1]["type"] == "Failed")
    assert "active" not in status
    assert status["terminating"] == 0
    assert all(p.over for p in step.pods)


@settings(max_examples=100, deadline=None)
@given(simulations())
def test_no_more_pods_are_active_than_parallelism_allows_and_one_is_primary(simulation: Simulation) -> None:
    simulation.run()
    for step in simulation.steps:
        new = {run.pod for run in step.start}
        known = {p.id for p in step.pods if not p.over}
        assert len(known | new) <= parallelism(simulation)
        assert sum(p.primary for p in step.pods) == (1 if step.pods else 0)


@settings(max_examples=60, deadline=None)
@given(simulations(), st.floats(0, 30))
def test_the_same_facts_give_the_same_answer_in_any_order_and_process(simulation: Simulation, until: float) -> None:
    simulation.run(until=1000 + until)
    backwards = dict(reversed(simulation.facts.items()))
    first = simulation.workload.step(simulation.facts, simulation.now, 1000.0)
    assert simulation.workload.step(backwards, simulation.now, 1000.0) == first


@settings(max_examples=60, deadline=None)
@given(simulations())
def test_a_job_that_has_ended_keeps_its_end(simulation: Simulation) -> None:
    end = simulation.run()
    later = simulation.workload.step(simulation.facts, simulation.now + 1e5, 1000.0)
    assert later == end


@given(st.sets(st.integers(0, 40)))
def test_indexes_read_back_as_they_were_written(indexes: set[int]) -> None:
    text = format_indexes(indexes)
    assert parse_indexes(text, 41) == (frozenset(indexes) if indexes else None)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["template", "parallelism", "completions", "completionMode", "podFailurePolicy", "successPolicy", "suspend"]
POD_FIELDS = ["containers", "initContainers", "volumes", "restartPolicy", "activeDeadlineSeconds", "hostname"]
CONTAINER_FIELDS = ["name", "command", "args", "env", "envFrom", "volumeMounts", "resources", "lifecycle"]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2),
    st.dictionaries(st.sampled_from(POD_FIELDS), JSON, max_size=2),
    st.dictionaries(st.sampled_from(CONTAINER_FIELDS), JSON, max_size=3),
)
def test_no_manifest_raises(spec: JsonObject, pod: JsonObject, one: JsonObject) -> None:
    resource = job(spec, {"containers": [{**container("train"), **one}], **pod})
    for problem in problems_of(resource):
        assert problem.message


def test_indexes_that_a_job_does_not_have_are_refused() -> None:
    assert [parse_indexes(text, 5) for text in ("0-5", "3-1", "x", "", "1-")] == [None] * 5
    assert parse_indexes("0-1,4", 5) == frozenset({0, 1, 4})


@settings(max_examples=150, deadline=None)
@given(simulations())
def test_what_was_decided_stays_decided(simulation: Simulation) -> None:
    simulation.run()
    decisions: list[Any] = [s.status["conditions"] for s in simulation.steps if "conditions" in s.status]
    assert all(d[0] == decisions[0][0] for d in decisions)
    assert not any(s.start for s in simulation.steps if "conditions" in s.status)
