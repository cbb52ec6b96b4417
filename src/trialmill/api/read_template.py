"""`spec.trialTemplate`, read into a `TrialTemplate`."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from trialmill.api.experiment import Retry, TrialParameter, TrialTemplate
from trialmill.api.reader import Fields
from trialmill.api.tree import Json, JsonObject

_OTHER_FIELDS: Final = (
    "successWhen",
    "failureWhen",
)


class Cast(StrEnum):
    """What `as` of a trial parameter may say."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


class Encoding(StrEnum):
    """What `encode` of a trial parameter may say: how its value stands in a text of another language."""

    JSON = "json"
    SHELL = "shell"


def read_template(spec: Fields) -> TrialTemplate:
    """The template; one without a `trial_spec` where there is none, or none that can be read in this release."""
    fields = spec.object("trialTemplate", required=True)
    if fields is None:
        return TrialTemplate(trial_spec=None)
    deadline = fields.integer("activeDeadlineSeconds")
    template = TrialTemplate(
        trial_spec=_manifest(fields),
        additional=fields.objects("additionalResources", _additional),
        trial_parameters=fields.objects("trialParameters", _trial_parameter),
        retain=fields.boolean("retain"),
        primary_pod_labels=fields.string_map("primaryPodLabels"),
        primary_container=fields.string("primaryContainerName"),
        success_condition=fields.string("successCondition"),
        failure_condition=fields.string("failureCondition"),
        active_deadline=None if deadline is None else timedelta(seconds=deadline),
        retry=_retry(fields),
    )
    for name in _OTHER_FIELDS:
        fields.unavailable(name)
    fields.close()
    return template


def _manifest(fields: Fields) -> Json:
    manifest = fields.raw("trialSpec")
    if manifest is None:
        fields.missing("trialSpec", "a manifest", "put the manifest of one trial there")
        return None
    if not isinstance(manifest, dict):
        remedy = "remove the '|' behind trialSpec" if isinstance(manifest, str) and "\n" in manifest else ""
        fields.reading.mismatch(fields.at("trialSpec"), manifest, "a manifest", remedy)
        return None
    return manifest


def _additional(fields: Fields) -> JsonObject:
    """A manifest, which the template's compilation and the schema of its kind look into."""
    return fields.tree


def _trial_parameter(fields: Fields) -> TrialParameter:
    parameter = TrialParameter(
        name=fields.string("name", required=True),
        reference=fields.string("reference", required=not fields.has("value")),
        description=fields.string("description"),
        type=fields.string("type"),
        default=fields.raw("default"),
        cast=fields.choice("as", Cast) or "",
        encode=fields.choice("encode", Encoding) or "",
        value=fields.word("value"),
    )
    fields.close()
    return parameter


def _retry(template: Fields) -> Retry:
    fields = template.object("retry")
    if fields is None:
        return Retry()
    retry = Retry(limit=fields.integer("limit") or 0, delay=fields.duration("delay") or timedelta(0))
    fields.close()
    return retry
