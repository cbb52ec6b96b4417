"""The resource of an attempt: the template, filled in for one trial. Always the same, so creating is idempotent."""

from collections.abc import Mapping

from trialmill.api.history import Budget
from trialmill.api.space import Value
from trialmill.api.tree import JsonObject
from trialmill.engine.names import trial_seed
from trialmill.engine.records import AttemptRecord, ExperimentRecord, TrialRecord
from trialmill.template.compiled import EXPERIMENT_LABEL, TRIAL_LABEL, CompiledTemplate, TrialContext
from trialmill.template.hydration import Hydrate, hydrated
from trialmill.template.render import render_parts


def rendered(
    template: CompiledTemplate,
    experiment: ExperimentRecord,
    trial: TrialRecord,
    attempt: AttemptRecord,
    labels: Mapping[str, str],
    hydrate: Hydrate | None = None,
) -> JsonObject:
    """The resource of one attempt of the trial. `labels` are the experiment's own.

    Raises RenderError where a value does not fit its field, or `hydrate` makes nothing of it. With `hydrate`, it may
    take its time.
    """
    return hydrated(template, context_of(experiment, trial, attempt, labels), hydrate)


def rendered_parts(
    template: CompiledTemplate,
    experiment: ExperimentRecord,
    trial: TrialRecord,
    attempt: AttemptRecord,
    labels: Mapping[str, str],
) -> tuple[JsonObject, ...]:
    """The resources that are made and removed with that of the attempt. Raises RenderError."""
    return render_parts(template, context_of(experiment, trial, attempt, labels)) if template.parts else ()


def context_of(
    experiment: ExperimentRecord, trial: TrialRecord, attempt: AttemptRecord, labels: Mapping[str, str]
) -> TrialContext:
    """What the template is stamped out with. Each attempt has its own resource name; the label names the trial."""
    return TrialContext(
        assignments=spent(trial.assignments, attempt.budget),
        name=attempt.resource_name,
        namespace=experiment.namespace,
        index=trial.index,
        seed=trial_seed(experiment.seed, trial.index),
        experiment=experiment.name,
        labels=trial_labels(experiment.name, trial.name, {**labels, **trial.labels}),
    )


def trial_labels(experiment: str, trial: str, own: Mapping[str, str]) -> dict[str, str]:
    """The labels of a trial and its resource: its own, and those that Katib sets."""
    return {**own, EXPERIMENT_LABEL: experiment, TRIAL_LABEL: trial}


def spent(assignments: Mapping[str, Value], budget: Budget | None) -> Mapping[str, Value]:
    """The assignments of one attempt: the trial's own, with the attempt's budget in its parameter, in that one's
    type.
    """
    if budget is None:
        return assignments
    return {**assignments, budget.parameter: _as_value(budget.amount, assignments.get(budget.parameter))}


def _as_value(amount: float, like: Value | None) -> Value:
    if isinstance(like, float) or not float(amount).is_integer():
        return float(amount)
    return str(int(amount)) if isinstance(like, str) else int(amount)
