"""One trial of an experiment, on defaults: what is looked at before there are any."""

from collections.abc import Mapping

from trialmill.api.space import Value
from trialmill.api.tree import JsonObject
from trialmill.check.documents import Checked
from trialmill.root.errors import InputError
from trialmill.template.compiled import TrialContext
from trialmill.template.corners import middle
from trialmill.template.hydration import hydrated
from trialmill.template.render import RenderError, render_parts


def sample(checked: Checked) -> tuple[JsonObject, tuple[JsonObject, ...]]:
    """What a trial on defaults is made of, and what is made with it. Raises InputError."""
    context = _default_context(checked)
    try:
        return hydrated(checked.template, context, checked.hydrate), render_parts(checked.template, context)
    except RenderError as error:
        raise InputError(f"a trial on defaults cannot be made: {error}") from error


def _default_context(checked: Checked) -> TrialContext:
    experiment = checked.experiment
    return TrialContext(
        assignments=first(checked),
        name=experiment.name,
        namespace=experiment.namespace,
        index=0,
        seed=0,
        experiment=experiment.name,
    )


def first(checked: Checked) -> Mapping[str, Value]:
    """The assignment of a trial on defaults."""
    return checked.space.active(middle(checked.space, checked.experiment.spec.template.trial_parameters))
