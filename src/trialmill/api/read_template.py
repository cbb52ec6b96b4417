"""`spec.trialTemplate`, read into a `TrialTemplate`."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from trialmill.api.experiment import Retry, TrialParameter, TrialTemplate, When
from trialmill.api.nearest import nearest
from trialmill.api.reader import Fields
from trialmill.api.tree import Json, JsonObject

FORMS: Final = (
    "configMap",
    "goTemplate",
    "template",
    "reference",
    "trialTemplateRef",
    "hyperTunable",
    "jobSpec",
    "job",
    "tfJobSpec",
    "tfJob",
    "pytorchJobSpec",
    "pytorchJob",
    "mpiJobSpec",
    "mpiJob",
    "xgboostJobSpec",
    "xgboostJob",
    "paddleJobSpec",
    "paddleJob",
    "trainJobSpec",
    "trainJob",
)
"""The fields that a manifest may come from as well; they are rewritten before anything is read here."""
_WAYS: Final = ("condition", "jsonpath", "cel")
"""How a condition of `successWhen` and `failureWhen` may be written."""


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
        additional=fields.objects("additionalResources", _additional),
        trial_parameters=fields.objects("trialParameters", _trial_parameter),
        retain=fields.boolean("retain"),
        primary_pod_labels=fields.string_map("primaryPodLabels"),
        primary_container=fields.string("primaryContainerName"),
        success_condition=fields.string("successCondition"),
        failure_condition=fields.string("failureCondition"),
        success_when=_when(fields, "successWhen", "successCondition"),
        failure_when=_when(fields, "failureWhen", "failureCondition"),
        active_deadline=None if deadline is None else timedelta(seconds=deadline),
        retry=_retry(fields),
        trial_spec=_manifest(fields),  # last, when it is known which fields nothing else has asked for
    )
    fields.close()
    return template


def _manifest(fields: Fields) -> Json:
    manifest = fields.raw("trialSpec")
    if manifest is None:
        _report_missing(fields)
        return None
    if not isinstance(manifest, dict):
        remedy = "remove the '|' behind trialSpec" if isinstance(manifest, str) and "\n" in manifest else ""
        fields.reading.mismatch(fields.at("trialSpec"), manifest, "a manifest", remedy)
        return None
    return manifest


def _report_missing(fields: Fields) -> None:
    """Report that there is no manifest, at the field that was to bring it where one has a slip in its name."""
    for name in fields.unknown():
        meant = nearest(name, ("trialSpec", *FORMS))
        if meant:
            fields.allow(name)
            message, remedy = f"the field {name!r} is not known here", f"did you mean {meant!r}?"
            fields.problems.add("unknown-field", message, fields.at(name), found=name, remedy=remedy, at_key=True)
            return
    fields.missing("trialSpec", "a manifest", "put the manifest of one trial there")


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


def _when(template: Fields, name: str, other: str) -> When | None:
    fields = template.object(name)
    if fields is None:
        return None
    if template.has(other):
        message = f"{name} and {other} are two ways to say the same thing"
        template.problems.add("two-conditions", message, fields.path, remedy="keep one of the two", at_key=True)
    when = When(
        condition=fields.string("condition"),
        jsonpath=fields.string("jsonpath"),
        value=fields.text("value") if fields.has("value") else None,
        cel=fields.string("cel"),
    )
    fields.close()
    given = [way for way in _WAYS if fields.has(way)]
    if len(given) != 1:
        message = f"{name} has {' and '.join(given) or 'no condition'}, and needs exactly one"
        remedy = 'write for example {condition: Complete}, or {jsonpath: "{.status.phase}", value: Done}'
        template.problems.add(
            "not-one-condition", message, fields.path, expected=f"one of {', '.join(_WAYS)}", remedy=remedy, at_key=True
        )
        return None
    if when.value is not None and not when.jsonpath:
        template.problems.warn("no-effect", "value belongs to jsonpath, and has no effect here", fields.at("value"))
    return when


def _retry(template: Fields) -> Retry:
    fields = template.object("retry")
    if fields is None:
        return Retry()
    retry = Retry(limit=fields.integer("limit") or 0, delay=fields.duration("delay") or timedelta(0))
    fields.close()
    return retry
