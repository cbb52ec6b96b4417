"""Trialmill: hyperparameter tuning from one file, with any Kubernetes resource as the trial.

The parts, from the outside in: `cli` is the door, `root` puts the parts together, `runtime` and `store` are adapters of
the ports in `engine.ports`, `engine` decides and acts, `check` finds mistakes before the first trial, and `search`,
`template`, `kinds` and `metrics` are four bodies of knowledge that do not know each other. `api` is what users write.
"""

__version__ = "0.1.0"
