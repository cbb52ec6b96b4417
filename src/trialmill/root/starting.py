"""A first Experiment, made from a manifest that works, or from a TrialTemplate.

The Experiment is written as a skeleton with comments, the manifest is put into it as the author wrote it, and trial
parameters that point at its fields put placeholders there, as they do in any file. What comes out is checked like any
other file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trialmill.api.document import Document
from trialmill.api.experiment import FeasibleSpace, Parameter, ParameterType
from trialmill.api.load import STDIN, load_documents, read_source
from trialmill.api.marked import Node, marked, unmarked
from trialmill.api.problem import Problem, Severity
from trialmill.api.read_experiment import OWNED_BY_SERVER
from trialmill.api.space_notation import write_space
from trialmill.api.spaces import space_of
from trialmill.api.tree import Json, JsonObject, get_list, get_object, get_string
from trialmill.forms import trial_template
from trialmill.forms.candidates import Candidate, candidates
from trialmill.forms.draft import Draft
from trialmill.forms.field_paths import place_parameters
from trialmill.forms.normalize import normalize
from trialmill.forms.several import SERVING_KINDS
from trialmill.kinds.profile import KindProfile, profile_of
from trialmill.root.errors import InputError
from trialmill.root.prepare import Lines, lines_of, prepare_documents
from trialmill.root.skeleton import Skeleton
from trialmill.template.corners import read_default

DEFAULT_TRIALS: Final = 20
_OWNED: Final = ("name", "namespace", "generateName", *OWNED_BY_SERVER)
"""Metadata of a manifest that each trial has its own of."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an Experiment is made from: a manifest or a TrialTemplate, and the documents beside it in its file."""

    file: str
    document: Document
    beside: tuple[Document, ...]
    fields: tuple[Candidate, ...]
    containers: tuple[str, ...]
    profile: KindProfile | None

    @property
    def is_template(self) -> bool:
        return get_string(self.document.tree, "kind") == trial_template.KIND

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that a TrialTemplate reports."""
        named = [
            m if isinstance(m, str) else get_string(m, "name") for m in get_list(self.document.tree, "spec", "metrics")
        ]
        return tuple(name for name in named if name)

    @property
    def primary_container(self) -> str:
        """The container whose output counts; empty where that has to be said."""
        usual = self.profile.training_container if self.profile else ""
        if usual in self.containers:
            return usual
        return self.containers[0] if len(self.containers) == 1 else ""

    @property
    def name(self) -> str:
        """A name for the Experiment."""
        own = get_string(self.document.tree, "metadata", "name") or Path(self.file).stem
        return re.sub("[^a-z0-9]+", "-", own.lower()).strip("-")[:40].strip("-") or "experiment"


@dataclass(frozen=True, slots=True)
class Variation:
    """One field or parameter that is varied: its path (of a TrialTemplate, its name), and its space."""

    path: str
    name: str
    type: ParameterType
    space: FeasibleSpace
    present: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of the Experiment."""

    name: str
    metric: str
    maximize: bool
    variations: tuple[Variation, ...]
    container: str = ""
    algorithm: str = "tpe"
    max_trials: int = DEFAULT_TRIALS


@dataclass(frozen=True, slots=True)
class Started:
    """The text of the file, what is wrong with it, and its lines, by the name that problems carry."""

    text: str
    problems: tuple[Problem, ...]
    lines: Lines

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def read_start(file: str) -> Source:
    """What the file holds. Raises InputError where it cannot be read, or holds nothing that could be tuned."""
    problems: list[Problem] = []
    documents = read_source(file, problems)
    if problems:
        raise InputError(str(problems[0]))
    own = [d for d in documents if isinstance(d.tree, dict) and get_string(d.tree, "kind") not in SERVING_KINDS]
    if len(own) != 1:
        kinds = ", ".join(get_string(document.tree, "kind") or "one without a kind" for document in own)
        found = f"there are {kinds}" if own else "there is none"
        raise InputError(f"{file}: expected one manifest of a resource that runs, {found}")
    document = own[0]
    kind = get_string(document.tree, "kind")
    if kind == "Experiment":
        raise InputError(f"{file} is an Experiment already", "give the manifest of a Job, or of what else trials run")
    if not kind or not get_string(document.tree, "apiVersion"):
        raise InputError(f"{file}: the manifest needs an apiVersion and a kind")
    beside = tuple(d for d in documents if d is not document)
    if kind == trial_template.KIND:
        return Source(file, document, beside, (), (), None)
    profile = profile_of(get_string(document.tree, "apiVersion"), kind)
    fields = tuple(candidates(document.tree))
    return Source(file, document, beside, fields, _containers(document.tree, profile), profile)


def _containers(manifest: Json, profile: KindProfile | None) -> tuple[str, ...]:
    from trialmill.check.pods import pod_templates

    pods = [pod for _, pod in pod_templates(manifest, profile)]
    names = [get_string(c, "name") for pod in pods for c in get_list(pod, "spec", "containers")]
    return tuple(dict.fromkeys(name for name in names if name))


def template_parameters(source: Source) -> Mapping[str, JsonObject]:
    """The declared parameters of a TrialTemplate, by name."""
    spec = get_object(source.document.tree, "spec")
    declared = spec.get("parameters") or spec.get("params")
    entries = declared if isinstance(declared, list) else []
    return {get_string(entry, "name"): entry for entry in entries if isinstance(entry, dict)}


# --- Writing


def start(source: Source, wishes: Wishes, file: str) -> Started:
    """The Experiment as a file of that name would have it. Raises InputError for a path that leads nowhere."""
    from trialmill.api.yaml_commented import commented_yaml

    skeleton = Skeleton(source.file if source.file != STDIN else "a manifest", file if file != STDIN else "FILE")
    document = load_documents(skeleton.text(wishes_object(source, wishes)).encode(), file, [])[0]
    problems: list[Problem] = []
    if source.is_template:
        normal = normalize(document, (source.document, *source.beside))
        problems, document = list(normal.problems), normal.document
    else:
        document = _with_manifest(document, source, wishes.variations)
    lines = lines_of([document, source.document, *source.beside])
    texts = [commented_yaml(each, lines) for each in (document, *source.beside)]
    text = "---\n".join(texts)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return Started(text, tuple(problems), lines)
    found: list[Problem] = []
    prepared = prepare_documents(load_documents(text.encode(), file, found), found)
    return Started(text, prepared.problems, prepared.lines)


def wishes_object(source: Source, wishes: Wishes) -> JsonObject:
    """The Experiment's tree without its manifest, in the order in which people read it."""
    template: JsonObject = {}
    if wishes.container or source.primary_container:
        template["primaryContainerName"] = wishes.container or source.primary_container
    if source.is_template:
        kind, name = trial_template.KIND, get_string(source.document.tree, "metadata", "name")
        template["trialTemplateRef"] = {"apiVersion": trial_template.API_VERSION, "kind": kind, "name": name}
    else:
        template["trialParameters"] = [_trial_parameter(variation) for variation in wishes.variations]
        template["trialSpec"] = {}
    spec: JsonObject = {
        "objective": {
            "type": "maximize" if wishes.maximize else "minimize",
            "objectiveMetricName": wishes.metric,
        },
        "algorithm": {"algorithmName": wishes.algorithm},
        "maxTrialCount": wishes.max_trials,
        "parallelTrialCount": min(2, wishes.max_trials),
        "maxFailedTrialCount": min(3, wishes.max_trials),
    }
    if wishes.variations:
        spec["parameters"] = [_parameter(variation) for variation in wishes.variations]
    spec["trialTemplate"] = template
    version: JsonObject = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment"}
    return {**version, "metadata": {"name": wishes.name}, "spec": spec}


def _trial_parameter(variation: Variation) -> JsonObject:
    """With the present value as default: `try` and `render` then do what the manifest did."""
    declared: JsonObject = {"name": variation.name, "reference": variation.name, "path": variation.path}
    (dimension,) = space_of([Parameter(variation.name, variation.type, variation.space)]).dimensions
    if variation.present and read_default(dimension, variation.present) is not None:
        declared["default"] = variation.present
    return declared


def _parameter(variation: Variation) -> JsonObject:
    space: JsonObject = {
        name: value if isinstance(value, str) else [*value] for name, value in write_space(variation.space).items()
    }
    return {"name": variation.name, "parameterType": str(variation.type), "feasibleSpace": space}


def _with_manifest(document: Document, source: Source, variations: Sequence[Variation]) -> Document:
    """The skeleton with the manifest in it, and placeholders where the variations point."""
    draft = Draft(marked(document), document)
    manifest = marked(source.document)
    _leave_to_trials(manifest)
    manifest.key = draft.template.fields["trialSpec"].key
    draft.template.fields["trialSpec"] = manifest
    place_parameters(draft)
    if draft.problems:
        wrong = draft.problems[0]
        path = wrong.found or next((v.path for v in variations), "")
        raise InputError(f"{path}: {wrong.message}", wrong.remedy)
    return unmarked(draft.experiment, document)


def _leave_to_trials(manifest: Node) -> None:
    """Without what each trial has of its own, and what a server added."""
    manifest.fields.pop("status", None)
    metadata = manifest.fields.get("metadata")
    if metadata is not None:
        for name in _OWNED:
            metadata.fields.pop(name, None)
        if metadata.content == {}:
            del manifest.fields["metadata"]


def variation_of(source: Source, given: str, kind: ParameterType, space: FeasibleSpace) -> Variation:
    """What `given` means: a path, or the name of a field or option that is there once. Raises InputError."""
    if source.is_template:
        if given not in template_parameters(source):
            known = ", ".join(template_parameters(source)) or "none"
            raise InputError(f"the template has no parameter {given!r}", f"it has {known}")
        return Variation(given, given, kind, space)
    named = [field for field in source.fields if given in (field.path, field.name, f"--{field.name}")]
    if named:
        return Variation(named[0].path, named[0].name, kind, space, named[0].value)
    if not set(given) & set(".[]"):
        from trialmill.api.nearest import nearest

        names = [field.name for field in source.fields]
        meant = nearest(given, names)
        remedy = f"did you mean {meant}?" if meant else f"it has {', '.join(names) or 'none'}; or give a path"
        raise InputError(f"{source.file} has no field {given!r} to vary", remedy)
    return Variation(given, _name_of(given), kind, space)


def _name_of(path: str) -> str:
    """A name for a field by the end of its path: the option, the variable, or the field."""
    option = re.search(r"\[-{1,2}([^\[\]=]+)=?\]$", path)
    variable = re.search(r"\[name=([^\[\]]+)\]\.value$", path)
    quoted = re.search(r"\[['\"]([^'\"]+)['\"]\]$", path)
    found = option or variable or quoted
    return found[1] if found else re.sub(r"\[\d+\]", "", path).rpartition(".")[2]


def distinct(variations: Sequence[Variation]) -> tuple[Variation, ...]:
    """With names that are each there once. Raises InputError for a field that is varied twice."""
    taken: set[str] = set()
    paths: set[str] = set()
    result = []
    for variation in variations:
        if variation.path in paths:
            raise InputError(f"{variation.path} is varied twice")
        paths.add(variation.path)
        name, number = variation.name, 2
        while name in taken:
            name, number = f"{variation.name}-{number}", number + 1
        taken.add(name)
        result.append(replace(variation, name=name))
    return tuple(result)
