"""A template of several documents: the ConfigMap of each trial is mounted with its values, also after `kill -9`."""

from collections import Counter

import pytest
import yaml
from acceptance_place import Place, Tree, assignments, ends, experiment, wait_until

SCRIPT = 'x=$(cat "$1"); echo "$0 $x" >> starts; {} echo "loss=$x"'
NAME = "${trial.name}-values"


def several(then: str, trials: int = 4) -> Tree:
    """Each trial reads its x from the file of a ConfigMap that is its own, writes down who it is, and goes on."""
    command = ["sh", "-c", SCRIPT.format(then), "${trial.name}", "/etc/train/x"]
    mounts = {"volumeMounts": [{"name": "values", "mountPath": "/etc/train"}]}
    volumes = {"volumes": [{"name": "values", "configMap": {"name": NAME}}]}
    tree = experiment(command, trials=trials, container=mounts, pod=volumes)
    template = tree["spec"]["trialTemplate"]
    values = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME},
        "data": {"x": "${trialParameters.x}"},
    }
    template["trialSpec"] = {"apiVersion": "v1", "kind": "List", "items": [values, template["trialSpec"]]}
    return tree


def starts(place: Place) -> list[list[str]]:
    file = place.folder / "starts"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def assert_each_has_read_its_own(place: Place) -> None:
    """What each trial has read and reported is what it was assigned."""
    trials = place.trials()
    assigned = {trial["metadata"]["name"]: a["x"] for trial, a in zip(trials, assignments(trials), strict=True)}
    assert ends(trials) == ["Succeeded"] * len(trials)
    for attempt, x in starts(place):
        assert x == next(value for name, value in assigned.items() if attempt.startswith(name))
    reported = [trial["status"]["observation"]["metrics"][0]["latest"] for trial in trials]
    assert [float(value) for value in reported] == [float(value) for value in assigned.values()]


def test_each_trial_has_a_config_map_of_its_own_that_is_shown_with_it(place: Place) -> None:
    place.write("e.yaml", several(""))
    place("run", "e.yaml")

    assert_each_has_read_its_own(place)
    best = place("best", "e", "-o", "manifest").out
    kinds = [item["kind"] for item in yaml.safe_load(best)["items"]]
    assert kinds == ["ConfigMap", "Job"]
    place("delete", "e")
    assert list((place.folder / ".trialmill").rglob("x")) == []


@pytest.mark.crash
def test_running_trials_keep_their_config_maps_when_trialmill_is_killed(place: Place) -> None:
    place.write("e.yaml", several("sleep 1;"))
    process = place.start("run", "e.yaml")
    wait_until(lambda: len(starts(place)) == 2)

    process.kill()
    process.communicate()
    place("resume", "e")

    assert_each_has_read_its_own(place)
    assert set(Counter(name for name, _ in starts(place)).values()) == {1}
    place.assert_nothing_runs()


@pytest.mark.crash
def test_a_trial_that_is_killed_too_gets_its_values_again(place: Place) -> None:
    place.write("e.yaml", several('if mkdir "lock.$x"; then sleep 1000; fi;', trials=2))
    process = place.start("run", "e.yaml")
    wait_until(lambda: len(list(place.folder.glob("lock.*"))) == 2)

    process.kill()
    place.clean()
    process.communicate()
    place("resume", "e")

    assert_each_has_read_its_own(place)
    assert sorted(Counter(x for _, x in starts(place)).values()) == [2, 2]
