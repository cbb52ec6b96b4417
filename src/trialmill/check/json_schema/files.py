"""The schemas that editors ask for."""

from collections.abc import Callable, Mapping
from typing import Final

from trialmill.api.experiment import API_VERSION
from trialmill.api.read_experiment import KIND
from trialmill.check.json_schema.experiment import experiment
from trialmill.check.json_schema.manifests import manifests
from trialmill.check.json_schema.parts import Schema, reference, where
from trialmill.check.json_schema.template import trial_template, trial_template_document
from trialmill.forms import trial_template as own
from trialmill.forms.normalize import UPGRADES

DRAFT: Final = "http://json-schema.org/draft-07/schema#"


def any_document() -> Schema:
    """Documents of a file that holds an Experiment: the Experiment itself, TrialTemplates, and any others."""
    return {
        "type": "object",
        "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}},
        "allOf": [
            where({"apiVersion": API_VERSION, "kind": KIND}, reference("Experiment")),
            *(where({"apiVersion": old, "kind": KIND}, {"properties": {"spec": _old_spec()}}) for old in UPGRADES),
            where({"apiVersion": own.API_VERSION, "kind": own.KIND}, reference("TrialTemplateDocument")),
        ],
    }


def _old_spec() -> Schema:
    """What matters of an Experiment of Katib v1alpha3 that is read as one of today; `convert` brings it up to date."""
    return {"properties": {"trialTemplate": reference("TrialTemplate")}}


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "file": any_document,
    "experiment": lambda: {"allOf": [reference("Experiment")]},
    "trialtemplate": lambda: {"allOf": [reference("TrialTemplateDocument")]},
}
"""By name: what it is a schema of. All refer to the same definitions."""


def schema_of(name: str) -> Schema:
    """The schema of that name, complete in itself."""
    titles = {"file": "Trialmill", "experiment": "Experiment", "trialtemplate": "TrialTemplate"}
    definitions: Schema = {
        "Experiment": experiment(),
        "TrialTemplate": trial_template(),
        "TrialTemplateDocument": trial_template_document(),
        **manifests(),
    }
    return {"$schema": DRAFT, "title": titles[name], **SCHEMAS[name](), "definitions": definitions}
