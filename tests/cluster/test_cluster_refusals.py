"""What only a cluster can know stands before the first trial: in the server's own words, at the line of the file."""

import asyncio
import re

import pytest
import yaml
from acceptance_place import Outcome, Place, Tree, ends, wait_until
from cluster_account import as_account
from cluster_admission import admission
from cluster_kinds import defined, experiment_of
from cluster_place import LONG, assert_each_trial_is_there_once, jobs, on_the_stand_in, run, start
from cluster_under_test import Cluster, Namespace, Object

from trialmill.api.problem import Problem
from trialmill.root.clusters import check_there
from trialmill.root.creating import ClusterChoice
from trialmill.root.prepare import prepare

pytestmark = pytest.mark.usefixtures("stand_in")


ROLE = [
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "delete", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]
"""All that a run of Jobs needs."""


def refused(place: Place, namespace: Namespace, tree: Tree, *words: str) -> Outcome:
    """Run what has to be refused: with exit code 2, and nothing stored and nothing made."""
    place.write("e.yaml", tree)
    outcome = run(place, namespace, "e.yaml", *words, code=2)
    assert outcome.err.endswith("nothing was started\n"), outcome.err
    assert not place.store.exists()
    assert namespace.get("jobs")["items"] == []
    return outcome


def said_without_schemas(place: Place, namespace: Namespace, tree: Tree) -> Problem:
    """The only thing that the server says of trials whose fields nobody has told."""
    place.write("e.yaml", tree)
    prepared = prepare([str(place.folder / "e.yaml")], cluster_namespace=namespace.name)
    assert prepared.checked is not None, prepared.problems
    choice = ClusterChoice(kubeconfig=str(namespace.cluster.kubeconfig))
    (problem,) = asyncio.run(check_there(prepared.checked, choice)).problems
    return problem


def line_of(place: Place, text: str) -> int:
    """The number of the only line of the file that holds the text."""
    lines = (place.folder / "e.yaml").read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if text in line)
    return number


def quota(**hard: str) -> Object:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}


def test_a_kind_that_the_cluster_does_not_have(place: Place, namespace: Namespace) -> None:
    tree = experiment_of("Gizmo", successWhen={"jsonpath": "{.status.phase}", "value": "Fine"})
    outcome = refused(place, namespace, tree)

    assert "[unknown-kind]" in outcome.err
    assert f"e.yaml:{line_of(place, 'kind: Gizmo')}:" in outcome.err


def test_a_slip_in_a_kind_comes_before_what_follows_from_it(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in()
    tree["spec"]["trialTemplate"]["trialSpec"]["kind"] = "Jobb"
    del tree["spec"]["trialTemplate"]["primaryContainerName"]
    outcome = refused(place, namespace, tree)

    assert f"e.yaml:{line_of(place, 'kind: Jobb')}:" in outcome.err
    assert "did you mean Job? [unknown-kind]" in outcome.err
    assert outcome.err.count("error:") == 1


@pytest.mark.parametrize("policy", [{}, {"restartPolicy": "Always"}], ids=["no restartPolicy", "Always"])
def test_a_pod_that_would_start_again_for_ever(place: Place, namespace: Namespace, policy: dict[str, str]) -> None:
    tree = on_the_stand_in()
    template = tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]
    spec = {key: value for key, value in template["spec"].items() if key != "restartPolicy"} | policy
    tree["spec"]["trialTemplate"]["trialSpec"] = {"apiVersion": "v1", "kind": "Pod", **template, "spec": spec}
    outcome = refused(place, namespace, tree)

    assert "[never-finishes]" in outcome.err
    assert namespace.get("pods")["items"] == []


def test_what_a_function_makes_and_no_table_knows_to_be_wrong(place: Place, namespace: Namespace) -> None:
    """A template that is right, of which the function makes what only the server finds wrong."""
    (place.folder / "made.py").write_text(
        "def build(parameters, template, trial):\n"
        "    container = template['spec']['template']['spec']['containers'][0]\n"
        "    container['ports'] = [{'containerPort': 8080, 'name': 'a-name-that-is-too-long'}]\n"
        "    return template\n"
    )
    tree = on_the_stand_in()
    tree["metadata"]["annotations"] = {"trialmill.dev/hydrate": "made:build"}
    outcome = refused(place, namespace, tree, "--allow-hydrate")

    assert f"e.yaml:{line_of(place, 'trialmill.dev/hydrate')}:" in outcome.err
    assert "containers[0].ports[0].name of the manifest that is made: the cluster refuses this" in outcome.err


def test_a_field_that_a_definition_does_not_have_would_be_pruned(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    tree = experiment_of("Doohickey", successWhen={"jsonpath": "{.status.phase}", "value": "Fine"})
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["lost"] = "away"
    with defined(cluster, "Doohickey"):
        outcome = refused(place, namespace, tree)

    assert "[unknown-field]" in outcome.err
    assert f"e.yaml:{line_of(place, 'lost: away')}:" in outcome.err


def test_a_number_that_a_definition_wants_and_a_placeholder_that_is_text(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    """As where the cluster does not tell its schemas."""
    tree = experiment_of("Thingamajig", successWhen={"jsonpath": "{.status.phase}", "value": "Fine"})
    del tree["spec"]["trialTemplate"]["trialParameters"][0]["as"]
    with defined(cluster, "Thingamajig"):
        problem = said_without_schemas(place, namespace, tree)

    assert "spec.x in body must be of type number" in problem.message
    assert "`as: number`" in problem.remedy
    assert problem.line == line_of(place, "        x: ${trialParameters.x}")


def test_a_field_that_would_be_pruned_is_found_without_the_schema_as_well(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    tree = experiment_of("Doodad", successWhen={"jsonpath": "{.status.phase}", "value": "Fine"})
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["lost"] = "away"
    with defined(cluster, "Doodad"):
        problem = said_without_schemas(place, namespace, tree)

    assert (problem.code, problem.line) == ("unknown-field", line_of(place, "lost: away"))


def test_what_a_definition_requires_stands_at_the_key_of_what_lacks_it(
    place: Place, namespace: Namespace, cluster: Cluster
) -> None:
    """At the root of the spec, in an item of a list, and deep: never at a neighbour, which has nothing wrong."""
    text: Object = {"type": "string"}
    task: Object = {"type": "object", "required": ["command"], "properties": {"title": text, "command": text}}
    inner: Object = {"type": "object", "required": ["rank"], "properties": {"size": text, "rank": text}}
    spec: Object = {
        "type": "object",
        "required": ["image"],
        "properties": {
            "x": {"type": "number"},
            "image": text,
            "tasks": {"type": "array", "items": task},
            "outer": {"type": "object", "properties": {"inner": inner}},
        },
    }
    tree = experiment_of("Contraption", successWhen={"jsonpath": "{.status.phase}", "value": "Fine"})
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"] |= {
        "tasks": [{"title": "first", "command": "c"}, {"title": "second"}],
        "outer": {"inner": {"size": "s"}},
    }
    with defined(cluster, "Contraption", spec):
        outcome = refused(place, namespace, tree)

    lines = [line_of(place, "kind: Contraption") + 1, line_of(place, "title: second"), line_of(place, "inner:")]
    for line, field in zip(lines, ("spec.image", "spec.tasks[1].command", "spec.outer.inner.rank"), strict=True):
        found = rf"e\.yaml:{line}:\d+: error: spec\.trialTemplate\.trialSpec\.{re.escape(field)}: the cluster requires"
        assert re.search(found, outcome.err)


def test_a_namespace_that_is_not_there(place: Place, namespace: Namespace) -> None:
    place.write("e.yaml", on_the_stand_in())
    outcome = place("run", "e.yaml", "--runtime", "kubernetes", "-n", f"{namespace.name}-not", code=2)

    assert "[no-namespace]" in outcome.err
    assert f"kubectl create namespace {namespace.name}-not" in outcome.err


def test_a_namespace_of_the_file_that_is_not_there(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in()
    tree["metadata"]["namespace"] = f"{namespace.name}-not"
    place.write("e.yaml", tree)
    outcome = place("run", "e.yaml", "--runtime", "kubernetes", code=2)

    assert f"e.yaml:{line_of(place, 'namespace: ')}:" in outcome.err


def test_a_quota_in_which_no_trial_fits(place: Place, namespace: Namespace) -> None:
    namespace.apply(quota(**{"requests.cpu": "100m"}))
    tree = on_the_stand_in(container={"resources": {"requests": {"cpu": "1"}}})
    namespace.wait_for("resourcequota/q", lambda found: "hard" in found.get("status", {}))
    outcome = refused(place, namespace, tree)

    assert "[quota-too-small]" in outcome.err
    assert "exceeded quota: q" in outcome.err
    assert f"e.yaml:{line_of(place, 'cpu:')}:" in outcome.err


def test_a_quota_of_what_no_container_asks_for(place: Place, namespace: Namespace) -> None:
    namespace.apply(quota(**{"limits.cpu": "1"}))
    namespace.wait_for("resourcequota/q", lambda found: "hard" in found.get("status", {}))
    outcome = refused(place, namespace, on_the_stand_in())

    assert "must specify limits.cpu for: main; give it resources.limits.cpu" in outcome.err


def test_pod_security_that_refuses_the_pods_of_a_job(place: Place, namespace: Namespace) -> None:
    """The server takes the Job and warns; it would refuse each of its pods."""
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    namespace.cluster.kubectl("label", "namespace", namespace.name, *levels)
    outcome = refused(place, namespace, on_the_stand_in())

    assert outcome.err.count("PodSecurity") == 1
    assert 'container "main" must set securityContext' in outcome.err
    assert f"e.yaml:{line_of(place, 'name: main')}:" in outcome.err


def test_a_service_account_that_is_not_there(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in()
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["serviceAccountName"] = "nosuch"
    outcome = refused(place, namespace, tree)

    assert f"e.yaml:{line_of(place, 'serviceAccountName: nosuch')}:" in outcome.err
    assert f"kubectl create serviceaccount nosuch -n {namespace.name}" in outcome.err


def test_a_policy_of_admission_that_refuses_one_value(place: Place, namespace: Namespace, cluster: Cluster) -> None:
    """Only the largest value of the parameter is refused: a look at one trial would not show it."""
    tree = on_the_stand_in()
    tree["spec"]["parameters"][0] |= {"parameterType": "int", "feasibleSpace": {"min": "1", "max": "4"}}
    tree["spec"]["trialTemplate"]["trialSpec"]["spec"]["parallelism"] = "${trialParameters.x}"
    with admission(cluster, namespace, "object.spec.parallelism < 4", "no more than three at a time, says the house"):
        outcome = refused(place, namespace, tree)

    assert "no more than three at a time, says the house" in outcome.err


def test_a_field_that_the_server_calls_invalid(place: Place, namespace: Namespace) -> None:
    tree = on_the_stand_in(container={"ports": [{"containerPort": 8080, "name": "a-name-that-is-too-long"}]})
    outcome = refused(place, namespace, tree)

    assert f"e.yaml:{line_of(place, 'a-name-that-is-too-long')}:" in outcome.err


# --- rights


def test_the_rights_that_check_cluster_prints_are_enough(place: Place, namespace: Namespace) -> None:
    printed = yaml.safe_load(place("check-cluster", "--role", "-n", namespace.name).out)
    theirs = as_account(place, namespace, printed["rules"])
    assert "ready for trials" in theirs("check-cluster", "-n", namespace.name).out
    tree = on_the_stand_in(trials=2, parallel=1, marks={"seconds": "6"})  # paused long before
    theirs.write("e.yaml", tree)
    process = start(theirs, namespace, "e.yaml")
    wait_until(lambda: jobs(namespace))
    theirs("pause", "e")
    suspended = namespace.wait_for_list("jobs", lambda found: found[0]["spec"].get("suspend") is True)
    theirs("resume", "e")
    theirs.end_of(process, seconds=LONG)

    assert len(suspended) == 1
    assert ends(assert_each_trial_is_there_once(theirs, namespace, 2)) == ["Succeeded"] * 2
    theirs("delete", "e")
    namespace.wait_for_list("jobs", lambda left: not left)


def test_the_role_that_is_printed_is_the_one_in_the_documentation(place: Place, namespace: Namespace) -> None:
    printed = yaml.safe_load(place("check-cluster", "--role", "-n", namespace.name).out)
    namespace.apply(printed)
    assert printed["metadata"] == {"name": "trialmill", "namespace": namespace.name}
    assert printed["rules"] == ROLE


def test_each_right_less_is_told(place: Place, namespace: Namespace) -> None:
    for position, rule in enumerate(ROLE):
        for verb in rule["verbs"]:
            fewer = [*ROLE]
            fewer[position] = {**rule, "verbs": [other for other in rule["verbs"] if other != verb]}
            theirs = as_account(place, namespace, [r for r in fewer if r["verbs"]])
            code = 0 if verb == "patch" else 2  # without it a pause does not suspend
            listed = theirs("check-cluster", "-n", namespace.name, code=code)
            assert f"you may not {verb} {rule['resources'][0]}" in listed.err


def test_rights_that_are_missing_are_listed_and_nothing_starts_without_them(place: Place, namespace: Namespace) -> None:
    few = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    ]
    theirs = as_account(place, namespace, few)
    listed = theirs("check-cluster", "-n", namespace.name, code=2)
    outcome = refused(theirs, namespace, on_the_stand_in())

    for said in (listed.err, outcome.err):
        assert "you may not create and delete jobs.batch" in said
        assert "you may not get pods/log" in said
