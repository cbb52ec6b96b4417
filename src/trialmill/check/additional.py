"""The resources that are made beside a trial's own: their fields, and whether this machine can have them."""

from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.problem import Problems
from trialmill.api.tree import get_string, with_article
from trialmill.check.companions import COMPANION_KINDS
from trialmill.check.manifest import PLACEHOLDERS, ManifestCheck
from trialmill.check.places import TEMPLATE
from trialmill.kinds.schema import BUILT_IN

_NEEDLESS_HERE: Final = ("Service",)
"""Kinds that name what processes on one machine reach without them."""


def check_additional(
    experiment: Experiment, problems: Problems, schema: SchemaSource = BUILT_IN, *, on_cluster: bool = False
) -> None:
    """Report unknown fields, and kinds that only a cluster can make."""
    for position, manifest in enumerate(experiment.spec.template.additional):
        place = (*TEMPLATE, "additionalResources", position)
        kind = get_string(manifest, "kind")
        if on_cluster:
            pass
        elif kind in _NEEDLESS_HERE:
            problems.note("not-needed-here", f"on this machine no {kind} is made", (*place, "kind"))
        elif kind and kind not in COMPANION_KINDS:
            message = f"{with_article(kind)} beside a trial's own resource is made on a cluster only"
            remedy = f"on this machine it can be a {' or a '.join(COMPANION_KINDS)}"
            problems.unavailable("not-available-yet", message, (*place, "kind"), remedy=remedy)
        ManifestCheck(schema, problems, place, openings=PLACEHOLDERS).run(manifest)
