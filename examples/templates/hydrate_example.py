"""Makes the Job of each trial: as many containers as the trial has workers."""

from copy import deepcopy


def build(parameters, template, trial):
    """`parameters` and `template` are what the Experiment says, `trial` has the trial's name, index and seed."""
    job = deepcopy(template)
    pod = job["spec"]["template"]["spec"]
    worker = pod["containers"][0]
    worker["args"] = [f"{parameters['lr']}", f"{trial['seed']}"]
    for number in range(1, parameters["workers"]):
        pod["containers"].append({**worker, "name": f"worker-{number}"})
    return job
