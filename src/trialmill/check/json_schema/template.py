"""`trialTemplate` in all its forms, and the document of kind TrialTemplate."""

from typing import Final

from trialmill.api.read_template import Cast, Encoding
from trialmill.check.json_schema.experiment import feasible_space, parameter
from trialmill.check.json_schema.manifests import kind_definition, spec_definition
from trialmill.check.json_schema.parts import (
    Schema,
    anything,
    boolean,
    integer,
    listed,
    mapping,
    reference,
    string_map,
    text,
    value,
    word,
    words_of,
)
from trialmill.forms.image_command import KINDS
from trialmill.forms.injected_file import FORMATS
from trialmill.forms.known_specs import KNOWN_SPECS
from trialmill.forms.normalize import MANIFEST_FORMS
from trialmill.forms.trial_template import API_VERSION, CARRIED, KIND
from trialmill.forms.typed import TYPES
from trialmill.kinds.schema import BUILT_IN

_WAYS: Final = ("env", "args", "file")


def trial_template() -> Schema:
    """`spec.trialTemplate`: one field that says where the manifest is, and ways for values to get in."""
    fields: Schema = {
        **_manifest_forms(),
        **_value_forms(),
        **_carried(),
        "additionalResources": listed(
            "Trialmill: manifests of resources that are made and removed with the trial's own.", reference("Manifest")
        ),
    }
    one: list[Schema] = [{"required": [name]} for name in MANIFEST_FORMS]
    return mapping("What each trial runs, and how values get into it.", fields, anyOf=[*one])


def trial_template_document() -> Schema:
    """A document of kind TrialTemplate."""
    spec: Schema = {
        "parameters": listed("What can be set in the template.", _typed()),
        "params": listed("The same as parameters.", _typed()),
        "metrics": listed("The metrics that it reports.", {"type": ["string", "object"]}),
        "template": reference("Manifest"),
        **_carried(),
    }
    fields: Schema = {
        "apiVersion": word("The version of the format.", [API_VERSION]),
        "kind": word("The kind of document.", [KIND]),
        "metadata": {
            "type": "object",
            "description": "Its name, by which `trialTemplateRef` refers to it.",
            "properties": {"name": text("The template's name.")},
            "required": ["name"],
        },
        "spec": mapping("A manifest with typed parameters.", spec, ("template",)),
    }
    required = ("apiVersion", "kind", "metadata", "spec")
    return mapping("A template that Experiments refer to by its name.", fields, required)


# --- Where the manifest comes from


def _manifest_forms() -> Schema:
    return {
        "trialSpec": {
            "description": "The manifest, or in short an image and a command.",
            "if": {"required": ["image"], "not": {"required": ["apiVersion"]}},
            "then": _short(),
            "else": reference("Manifest"),
        },
        "configMap": _config_map("Katib: a ConfigMap with the manifest's text."),
        "goTemplate": mapping(
            "Katib v1alpha3: a Go template.",
            {
                "rawTemplate": text("Its text."),
                "templateSpec": _config_map("A ConfigMap with its text."),
            },
        ),
        "template": mapping(
            "A proposal's form of a template.",
            {
                "kind": word("How values get in.", ("goTemplate", "args", "envVar")),
                "rawTemplate": text("Its text."),
                "configmapTemplate": _config_map("A ConfigMap with its text.", "path"),
            },
            ("kind",),
        ),
        "reference": _reference(),
        "trialTemplateRef": _template_ref(),
        "hyperTunable": _hyper_tunable(),
        "jobKind": word("The kind of the one spec beside it.", KINDS),
        **{name: _known_spec(kind) for name, kind in KNOWN_SPECS.items()},
    }


def _config_map(description: str, *more: str) -> Schema:
    fields: Schema = {
        "configMapName": text("Its name; its manifest is given with the Experiment."),
        "configMapNamespace": text("Its namespace."),
        "templatePath": text("The key of its data that has the text."),
        **{name: text("The same as templatePath.") for name in more},
    }
    return mapping(description, fields, ("configMapName",))


def _reference() -> Schema:
    fields: Schema = {
        "file": text("A file with a manifest, its path relative to this one."),
        "configMap": _config_map("A ConfigMap with the manifest's text."),
        **_template_ref_fields(),
    }
    return mapping("Trialmill: a manifest that is already there.", fields)


def _template_ref() -> Schema:
    one = mapping("Anything with declared parameters.", _template_ref_fields(), ("kind", "name"))
    return {
        "description": "Trialmill: a TrialTemplate, Task, Pipeline, WorkflowTemplate or training runtime, by its name.",
        "anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 1}],
    }


def _template_ref_fields() -> Schema:
    return {
        "apiVersion": text("The version of the template's kind."),
        "kind": text("The template's kind."),
        "name": text("The template's name; its manifest is given with the Experiment."),
        "namespace": text("The template's namespace."),
    }


def _hyper_tunable() -> Schema:
    fields: Schema = {
        "image": text("The image, which runs as a Job."),
        "parameterSpecs": listed("The experiment's parameters, where it has none of its own.", parameter("type")),
        "parameterAssignments": listed(
            "Values that are not searched.",
            mapping("One value.", {"name": text("The parameter."), "value": value("Its value.")}, ("name",)),
        ),
        "metrics": listed(
            "The files that hold the metrics.",
            mapping("One metric.", {"name": text("The metric."), "path": text("The file.")}, ("name", "path")),
        ),
        **{
            name: schema
            for name, schema in _container_fields().items()
            if name in ("command", "args", "env", "resources")
        },
    }
    return mapping("Trialmill: an image that reads /inputs/parameters.json.", fields, ("image",))


def _known_spec(kind: str) -> Schema:
    """The spec of a kind, or the whole resource."""
    version = KINDS[kind].api_version
    schema: Schema = {"type": "object", "description": f"The spec of a {kind}."}
    spec = spec_definition(version, kind) if BUILT_IN.knows(version, kind) else None
    if spec is None:
        return schema
    whole: Schema = {"allOf": [reference(kind_definition(version, kind))]}
    return {**schema, "if": {"required": ["spec"]}, "then": whole, "else": {"allOf": [reference(spec)]}}


def _short() -> Schema:
    fields: Schema = {
        "kind": word("The kind of resource that is made.", KINDS),
        "clusterSpec": {
            "type": "object",
            "description": "How many pods there are of each role, as {worker: 4, ps: 2}.",
            "additionalProperties": {"type": ["integer", "string"]},
        },
        **_container_fields(),
        "volumes": listed("Volumes of the pods.", reference("core.Volume")),
        "nodeSelector": string_map("Labels of the nodes that pods may run on."),
        "tolerations": listed("Taints that pods tolerate.", reference("core.Toleration")),
        "serviceAccountName": text("The service account of the pods."),
        "restartPolicy": word("When containers are started again.", ("Never", "OnFailure", "Always"), default="Never"),
    }
    return mapping("An image and a command, from which the manifest is made.", fields, ("kind", "image"))


def _container_fields() -> Schema:
    words: Schema = {"type": ["string", "array"], "items": {"type": "string"}}
    return {
        "image": text("The container's image."),
        "command": {**words, "description": "The command, in words or as one text; no shell is added."},
        "args": {**words, "description": "Its arguments."},
        "env": listed("Environment variables.", reference("core.EnvVar")),
        "envFrom": listed("ConfigMaps and Secrets whose entries become variables.", reference("core.EnvFromSource")),
        "resources": reference("core.ResourceRequirements"),
        "volumeMounts": listed("Where volumes are seen.", reference("core.VolumeMount")),
        "workingDir": text("Where the command starts."),
        "imagePullPolicy": word("When the image is pulled.", ("Always", "IfNotPresent", "Never")),
        "ports": listed("Ports of the container.", reference("core.ContainerPort")),
    }


# --- How values get into it


def _value_forms() -> Schema:
    short = {"name": text("The name; options with their dashes."), "description": text("What it is.")}
    return {
        "trialParameters": listed("The placeholders of the manifest.", _trial_parameter()),
        "trialParams": listed(
            "A proposal's form of trialParameters.",
            mapping("One of them.", {**_trial_parameter_fields(), **short}, ("name",)),
        ),
        "params": listed("Trialmill: typed parameters, in the manifest as $(params.NAME).", _typed()),
        "inject": _inject(),
        "parametersInjectPolicy": word("A proposal's form of inject.", ("args", "env")),
        "parametersFormat": text("How injected arguments look, by example: --lr=0.01 or --lr 0.01."),
    }


def _trial_parameter() -> Schema:
    either: list[Schema] = [{"required": ["reference"]}, {"required": ["path"]}, {"required": ["value"]}]
    return mapping("One placeholder.", _trial_parameter_fields(), ("name",), anyOf=[*either])


def _trial_parameter_fields() -> Schema:
    path = (
        "Trialmill: the field that gets the value, as spec.template.spec.containers[name=main].args[--lr]; or several."
    )
    return {
        "name": text("Its name: ${trialParameters.NAME}."),
        "reference": text("The parameter whose value it has, or metadata such as ${trialSpec.Name}."),
        "description": text("What it is."),
        "as": words_of("Trialmill: the type of the value where no schema says it.", Cast),
        "encode": words_of("Trialmill: how the value stands in a text of another language.", Encoding),
        "type": text("Trialmill: the type that its template declares."),
        "default": anything("Trialmill: the value for `try` and `render`, and where the parameter is inactive."),
        "value": {
            "type": ["string", "number", "boolean"],
            "description": "Trialmill: in the place of a reference, an expression over parameters (CEL).",
        },
        "path": {"type": ["string", "array"], "items": {"type": "string"}, "description": path},
    }


def _inject() -> Schema:
    ways: Schema = {"type": "string", "enum": [*_WAYS]}
    fields: Schema = {
        "as": {
            "description": "Environment variables, arguments or a file, or several of these.",
            "anyOf": [ways, {"type": "array", "items": ways, "minItems": 1}],
        },
        "format": {
            "type": ["string", "array"],
            "items": {"type": "string"},
            "description": f'Of arguments, such as "--{{name}}={{value}}"; of a file, one of {", ".join(FORMATS)}.',
        },
        "container": text("The container that gets the values."),
        "containers": listed("The containers that get the values.", {"type": "string"}),
        "upperCase": boolean("Whether variables are in upper case.", default=False),
        "path": text("The path of the file in the container.", pattern="^/"),
        "constants": {
            "type": "object",
            "description": "Values that every trial gets beside its own, by their names.",
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    }
    return mapping("Trialmill: give every parameter to the container.", fields, ("as",))


def _typed() -> Schema:
    fields: Schema = {
        "name": text("Its name: $(params.NAME)."),
        "type": word("Its type.", TYPES),
        "default": anything("Its value where it is not tuned."),
        "enum": listed("The values that it may have.", {}),
        "feasibleSpace": feasible_space(),
        "description": text("What it is."),
    }
    return mapping("A parameter with a type.", fields, ("name",))


# --- How the resource is judged and kept


def _carried() -> Schema:
    retry = mapping(
        "Trialmill: further attempts of a failed trial.",
        {"limit": integer("How many.", 0), "delay": value("How long to wait before one, such as 30s.")},
    )
    fields: Schema = {
        "primaryContainerName": text("The container whose output has the metrics."),
        "primaryPodLabels": string_map("Labels of the pod that has it."),
        "successCondition": text("When the resource has succeeded, as a GJSON path."),
        "failureCondition": text("When the resource has failed, as a GJSON path."),
        "successWhen": _when("succeeded"),
        "failureWhen": _when("failed"),
        "retain": boolean("Whether the resource stays after its trial.", default=False),
        "activeDeadlineSeconds": integer("Trialmill: how long one attempt may take.", 1),
        "retry": retry,
    }
    assert set(fields) == set(CARRIED)  # noqa: S101 (a field that is added to one is added to both)
    return fields


def _when(end: str) -> Schema:
    fields: Schema = {
        "condition": text("A condition of its status: Type, or Type=Status, such as Complete."),
        "jsonpath": text("A JSONPath that finds one value, such as {.status.phase}."),
        "value": {
            "type": ["string", "number", "boolean"],
            "description": "What the value at jsonpath must be; any where it is left out.",
        },
        "cel": text("A CEL expression over the resource, object, that is true or false."),
    }
    either: list[Schema] = [{"required": [name]} for name in ("condition", "jsonpath", "cel")]
    belongs: Schema = {"value": ["jsonpath"]}
    about = f"Trialmill: when the resource has {end}, as a condition, a JSONPath or CEL."
    return mapping(about, fields, oneOf=[*either], dependencies=belongs)
