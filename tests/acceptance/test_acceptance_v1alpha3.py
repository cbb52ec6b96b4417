"""Experiments of `kubeflow.org/v1alpha3`, as they lie in repositories, with the real command."""

from pathlib import Path

import pytest
from acceptance_place import Place

FILES = Path(__file__).parents[1] / "forms" / "v1alpha3"


@pytest.mark.examples
def test_a_job_of_v1alpha3_runs_to_its_end_with_every_value_as_an_argument(place: Place) -> None:
    place("run", str(FILES / "job.yaml"))

    trials = place("trials", "old-job", "-n", "kubeflow", "-o", "json").tree["items"]
    assert len(trials) == 3
    for trial in trials:
        name = trial["metadata"]["name"]
        values = [f"{a['name']}={a['value']}" for a in trial["spec"]["parameterAssignments"]]
        log = place("logs", "old-job", name, "-n", "kubeflow").out
        assert log.splitlines()[0] == " ".join([f"--job={name}", *values])


@pytest.mark.parametrize("kind", ["job", "tfjob", "pytorchjob"])
@pytest.mark.parametrize("corner", ["min", "max"])
def test_what_convert_writes_makes_the_same_resources(place: Place, kind: str, corner: str) -> None:
    file = str(FILES / f"{kind}.yaml")
    converted = place.write("converted.yaml", place("convert", file).out)

    assert "goTemplate" not in converted.read_text()
    assert "apiVersion: kubeflow.org/v1beta1" in converted.read_text()
    rendered = place("render", file, "--corner", corner, "-o", "json").tree
    assert rendered == place("render", str(converted), "--corner", corner, "-o", "json").tree


def test_a_config_map_that_was_not_given_is_asked_for(place: Place) -> None:
    experiment, config_map = (FILES / "pytorchjob.yaml").read_text().split("---\n")
    file = place.write("experiment.yaml", experiment)

    assert "config-map-missing" in place("validate", str(file), code=2).out
    beside = place.write("templates.yaml", config_map)
    assert place("validate", str(file), str(beside), code=None).code != 2
