"""Manifests for people to look at: of a trial that might be made, or of one that was."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trialmill.api.experiment import Experiment
from trialmill.api.space import Space, Value, format_value
from trialmill.api.tree import JsonObject
from trialmill.engine.names import trial_seed
from trialmill.engine.records import ExperimentRecord, TrialRecord
from trialmill.engine.rendering import rendered, rendered_parts, trial_labels
from trialmill.root.assigning import assign
from trialmill.root.errors import InputError
from trialmill.root.objects import in_reading_order
from trialmill.runtime.local.manifests import Manifests
from trialmill.template.compiled import TrialContext
from trialmill.template.corners import Corner, corner, middle
from trialmill.template.encode import compiled_from_json
from trialmill.template.hydration import ANNOTATION, hydrated
from trialmill.template.render import RenderError, render_parts

if TYPE_CHECKING:
    from trialmill.check.documents import Checked

_SUFFIX: Final = "sample"
"""Stands for the letters that end a real trial's name."""
MANIFEST: Final = "manifest.json"
"""The best trial's manifest, beside its logs."""


def sample_manifest(checked: "Checked", which: str | None, texts: Sequence[str]) -> tuple[JsonObject, list[str]]:
    """The manifest of a first trial, and warnings about its values.

    Values are `texts` (`name=value`), else those of the corner `which` (min or max), else the middle of the space.
    Raises InputError.
    """
    experiment, space = checked.experiment, checked.space
    assigned = assign(space, texts)
    parameters = experiment.spec.template.trial_parameters
    base: dict[str, Value] = corner(space, Corner(which)) if which else middle(space, parameters)
    assignments = space.active(base | assigned.values)
    inactive = sorted(assigned.values.keys() - assignments)
    warnings = [*assigned.warnings, *(_without_effect(name, space) for name in inactive)]
    name = f"{experiment.name}-{_SUFFIX}"
    context = TrialContext(
        assignments=assignments,
        name=name,
        namespace=experiment.namespace,
        index=0,
        seed=trial_seed(experiment.spec.seed or 0, 0),
        experiment=experiment.name,
        labels=trial_labels(experiment.name, name, experiment.labels),
    )
    try:
        manifest = in_reading_order(hydrated(checked.template, context, checked.hydrate))
        return as_applied(manifest, render_parts(checked.template, context)), warnings
    except RenderError as error:
        raise InputError(f"these values cannot be put into the template: {error}") from error


def _without_effect(name: str, space: Space) -> str:
    conditions = [c for c in space.conditions if c.parameter == name]
    needed = " and ".join(f"{c.on} is {' or '.join(map(format_value, c.values))}" for c in conditions)
    return f"{name} is inactive with these values; it counts only while {needed}"


def as_applied(resource: JsonObject, parts: Sequence[JsonObject]) -> JsonObject:
    """One object that `kubectl apply` takes: the resource alone, or a List of all in the order of creation."""
    if not parts:
        return resource
    return {"apiVersion": "v1", "kind": "List", "items": [*map(in_reading_order, parts), resource]}


def leave_manifest(directory: str, manifest: JsonObject) -> None:
    """Write the manifest beside the logs of its attempt; where there is no room for it, `best -o manifest` shows it."""
    with suppress(OSError):
        Path(directory, MANIFEST).write_text(
            json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def stored_manifest(trial: TrialRecord, record: ExperimentRecord, experiment: Experiment, runs: Path) -> JsonObject:
    """The manifest of the trial's latest attempt. Raises InputError where its values do not fit its template.

    What a function or command made is not made again, but read from what the runtime has recorded below `runs`.
    """
    if ANNOTATION in experiment.annotations:
        recorded = Manifests(str(runs), record.uid).read(trial.key)
        if recorded is None:
            raise InputError(f"the manifest of {trial.name} is not there any more: a function or command had made it")
        return as_applied(in_reading_order(recorded.resource), recorded.parts)
    template = compiled_from_json(record.compiled)
    try:
        whole = (template, record, trial, trial.attempt, experiment.labels)
        return as_applied(in_reading_order(rendered(*whole)), rendered_parts(*whole))
    except RenderError as error:
        raise InputError(f"the values of {trial.name} cannot be put into its template: {error}") from error
