"""Forms 11 and 13, a reference to anything with declared parameters: `trialTemplateRef: {apiVersion, kind, name}`,
which may be written as `reference` too.

From the template the *run* is made: of a Tekton Task a TaskRun, of a Pipeline a PipelineRun, of an Argo
WorkflowTemplate a Workflow, of a training runtime a TrainJob, of a `TrialTemplate` what it holds, and of somebody's own
XTrialTemplate an XTrialRun of the same group, which that one's controller carries out. The template is one of the
documents that were given; its content goes into the run, so that the Experiment stays what it was when it began.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from trialmill.api.document import Document
from trialmill.api.marked import Node, marked
from trialmill.api.nearest import nearest
from trialmill.api.tree import get_string, with_article
from trialmill.forms import trial_template
from trialmill.forms.beside import report_misspelt_kind
from trialmill.forms.draft import Draft
from trialmill.forms.trial_template import use_typed
from trialmill.forms.typed import Typed, read_typed

_FIELDS: Final = ("apiVersion", "kind", "name", "namespace")
_OF_MANIFESTS: Final = ("apiVersion", "kind", "metadata", "spec", "data")
_OF_METADATA: Final = ("name", "namespace", "labels", "annotations")
_TEMPLATE_SUFFIX: Final = "TrialTemplate"
_RUN_SUFFIX: Final = "TrialRun"

Expansion: TypeAlias = Callable[[Draft, Node, Node], None]
"""Puts the run of a template (third) into the draft, in the place of the reference to it (second)."""


def rewrite(draft: Draft, reference: Node) -> None:
    """The run that is made from what is referred to."""
    target = _target(draft, reference)
    if target is None:
        return
    draft.check_fields(target, _FIELDS)
    kind, name = draft.text(target, "kind", required=True), draft.text(target, "name", required=True)
    if not kind or not name:
        return
    expansion = _EXPANSIONS.get(kind) or (_expand_foreign if kind.endswith(_TEMPLATE_SUFFIX) else None)
    if expansion is None:
        message = f"nothing is known about how {with_article(kind)} is run"
        meant = nearest(kind, _EXPANSIONS)
        known = f"one of {', '.join(_EXPANSIONS)}, or a kind of yours that ends in {_TEMPLATE_SUFFIX}"
        remedy = f"did you mean {meant!r}?" if meant else known
        draft.error("unknown-kind", message, target.fields["kind"], found=kind, remedy=remedy)
    elif (document := _find(draft, target, kind, name)) is not None:
        draft.used.append(document)
        for field in ("trialTemplateRef", "reference"):
            draft.template.fields.pop(field, None)
        expansion(draft, reference, marked(document))


def _target(draft: Draft, reference: Node) -> Node | None:
    """The one reference, which the proposal wrote as a list of one."""
    target = reference.items[0] if len(reference.items) == 1 else reference
    if isinstance(target.content, dict):
        return target
    if len(reference.items) > 1:
        message = f"there are {len(reference.items)} references, and a trial is made of one template"
        draft.error("wrong-type", message, reference.items[1], found="a list", expected="one reference")
    else:
        draft.mismatch(reference, "a mapping with apiVersion, kind and name")
    return None


def _find(draft: Draft, target: Node, kind: str, name: str) -> Document | None:
    api_version = draft.text(target, "apiVersion")
    same_kind = [d for d in draft.beside if get_string(d.tree, "kind") == kind]
    for document in same_kind:
        fits = not api_version or get_string(document.tree, "apiVersion") == api_version
        if fits and get_string(document.tree, "metadata", "name") == name:
            return document
    others = [*_EXPANSIONS, *(own for own in _kinds_beside(draft) if own.endswith(_TEMPLATE_SUFFIX))]
    if _report_unidentified(draft, kind, name) or report_misspelt_kind(draft, kind, name, others):
        return None
    of_name = [d for d in same_kind if get_string(d.tree, "metadata", "name") == name]
    if of_name:
        _report_version(draft, target, of_name[-1])
        return None
    names = [get_string(d.tree, "metadata", "name") for d in same_kind]
    meant = nearest(name, names)
    remedy = f"did you mean {meant!r}?" if meant else "put its manifest into the same file, or give it as another one"
    message = f"there is no {kind} {name} among the documents that were given"
    draft.error("template-missing", message, target.fields["name"], found=name, remedy=remedy)
    return None


def _kinds_beside(draft: Draft) -> list[str]:
    return [get_string(document.tree, "kind") for document in draft.beside]


def _report_version(draft: Draft, target: Node, document: Document) -> None:
    """Say that the document of this kind and name has another apiVersion than what refers to it."""
    root, asked = marked(document), target.fields["apiVersion"]
    own, kind, name = (_text(root, *path) for path in (("apiVersion",), ("kind",), ("metadata", "name")))
    wrong, right = asked, own
    if kind == trial_template.KIND and asked.string == trial_template.API_VERSION:
        wrong, right = root.fields["apiVersion"], asked.string
        draft.used.append(document)
    message = f"the {kind} {name} that was given is of {own}, and the reference asks for one of {asked.string}"
    remedy = f"write `apiVersion: {right}`"
    draft.error("template-missing", message, wrong, found=wrong.string, expected=right, remedy=remedy)


def _report_unidentified(draft: Draft, kind: str, name: str) -> bool:
    """Whether a document that was probably meant lacks what it would be found by; that is reported there."""
    for document in draft.beside:
        root = marked(document)
        missing = _missing_identity(root, kind, name)
        if missing is not None:
            parent = root.get(*missing[:-1]) or root
            draft.check_fields(parent, _OF_METADATA if len(missing) > 1 else _OF_MANIFESTS)
            if (wrong := parent.get(missing[-1])) is not None:
                draft.mismatch(wrong, "a mapping" if missing == ("metadata",) else "a string")
            else:
                draft.missing(missing[-1], parent, f"what this {kind} is referred to by")
            draft.used.append(document)
            return True
    return False


def _missing_identity(root: Node, kind: str, name: str) -> tuple[str, ...] | None:
    """The one field that keeps a document from being found as this kind and name; None where that is not all."""
    fields = (("apiVersion",), ("kind",), ("metadata", "name"))
    lacking = [path for path in fields if not _text(root, *path)]
    others = (_text(root, "kind") in ("", kind), _text(root, "metadata", "name") in ("", name))
    if len(lacking) != 1 or not all(others):
        return None
    metadata = root.get("metadata")
    return ("metadata",) if lacking[0][0] == "metadata" and (metadata is None or not metadata.fields) else lacking[0]


# --- What each kind of template becomes


def _expand_task(draft: Draft, reference: Node, task: Node) -> None:
    _expand_tekton(draft, reference, task, "TaskRun", "taskSpec")
    steps = task.get("spec", "steps")
    if steps is not None and len(steps.items) == 1 and draft.template.get("primaryContainerName") is None:
        draft.template.fields["primaryContainerName"] = steps.made(f"step-{_text(steps.items[0], 'name')}")


def _expand_pipeline(draft: Draft, reference: Node, pipeline: Node) -> None:
    _expand_tekton(draft, reference, pipeline, "PipelineRun", "pipelineSpec")


def _expand_tekton(draft: Draft, reference: Node, template: Node, kind: str, spec_field: str) -> None:
    """A run with the template's spec in it. Tekton's own `$(params.x)` stay, and get their values as its params."""
    spec = template.get("spec") or template.made({})
    typed = _tekton_params(draft, spec)
    run = _run_of(reference, template, kind)
    run.fields["spec"] = reference.made({})
    values = _declare(draft, reference, typed, run)
    run.fields["spec"].fields["params"] = reference.made([{"name": n, "value": v} for n, v in values.items()])
    run.fields["spec"].fields[spec_field] = spec


def _tekton_params(draft: Draft, spec: Node) -> list[Typed]:
    """Tekton's params; their type says only whether they are texts, which all values can be."""
    params = spec.get("params")
    typed = []
    for node in params.items if params is not None else ():
        kind = node.get("type")
        if kind is not None and kind.string not in ("", "string"):
            if node.get("default") is None:
                message = f"the parameter {draft.text(node, 'name')} is of type {kind.string}, which no search has"
                draft.error("type-mismatch", message, kind, found=kind.string, remedy="give it a default")
            continue
        typed.append(Typed(node, draft.text(node, "name", required=True), ""))
    return typed


def _expand_workflow(draft: Draft, reference: Node, template: Node) -> None:
    """A Workflow with the template's spec, and the values as its arguments."""
    spec = template.get("spec") or template.made({})
    arguments = spec.get("arguments", "parameters")
    typed = []
    for node in arguments.items if arguments is not None else ():
        value = node.get("value")
        declared = node.copy()
        if value is not None:
            declared.fields["default"] = value
        typed.append(Typed(declared, draft.text(node, "name", required=True), ""))
    run = _run_of(reference, template, "Workflow")
    run.fields["spec"] = spec
    if draft.template.get("primaryContainerName") is None:
        draft.template.fields["primaryContainerName"] = reference.made("main")
    values = _declare(draft, reference, typed, run)
    for node in arguments.items if arguments is not None else ():
        name = node.get("name")
        if name is not None and name.string in values:
            node.fields["value"] = node.made(values[name.string])


def _expand_runtime(draft: Draft, reference: Node, runtime: Node) -> None:
    """A TrainJob of a training runtime, which declares no parameters: values get in by `inject`, as arguments."""
    group, _, _ = _text(runtime, "apiVersion").partition("/")
    ref = {"apiGroup": group, "kind": _text(runtime, "kind"), "name": _text(runtime, "metadata", "name")}
    run = _run_of(reference, runtime, "TrainJob")
    run.fields["spec"] = reference.made({"runtimeRef": dict(ref), "trainer": {}})
    draft.template.fields["trialSpec"] = run
    if draft.template.get("inject") is None and draft.template.get("trialParameters") is None:
        draft.template.fields["inject"] = reference.made({"as": "args"})


def _expand_foreign(draft: Draft, reference: Node, template: Node) -> None:
    """An XTrialTemplate: one that holds its job's spec is filled in here, any other is run by its own controller."""
    kind = _text(template, "kind")
    name = kind.removesuffix(_TEMPLATE_SUFFIX)
    spec = template.get("spec") or template.made({})
    typed = read_typed(draft, spec.get("params") or spec.get("parameters"))
    held = next((field for field in spec.fields if field.lower() == f"{name}spec".lower()), None)
    job_kind = _OWN_KINDS.get(name)
    if held is not None and job_kind is not None:
        run = reference.made({"apiVersion": job_kind, "kind": name})
        run.fields["spec"] = spec.fields[held]
        draft.template.fields["trialSpec"] = run
        use_typed(draft, typed, run)
        return
    run = _run_of(reference, template, f"{name}{_RUN_SUFFIX}")
    run.fields["spec"] = reference.made({"templateRef": {"name": _text(template, "metadata", "name")}})
    values = _declare(draft, reference, typed, run)
    run.fields["spec"].fields["params"] = reference.made([{"name": n, "value": v} for n, v in values.items()])


_EXPANSIONS: Final[Mapping[str, Expansion]] = {
    trial_template.KIND: trial_template.expand,
    "Task": _expand_task,
    "Pipeline": _expand_pipeline,
    "WorkflowTemplate": _expand_workflow,
    "ClusterWorkflowTemplate": _expand_workflow,
    "ClusterTrainingRuntime": _expand_runtime,
    "TrainingRuntime": _expand_runtime,
}
_OWN_KINDS: Final = {
    "Job": "batch/v1",
    "TFJob": "kubeflow.org/v1",
    "PyTorchJob": "kubeflow.org/v1",
    "MPIJob": "kubeflow.org/v1",
    "XGBoostJob": "kubeflow.org/v1",
    "PaddleJob": "kubeflow.org/v1",
    "JAXJob": "kubeflow.org/v1",
}
"""Kinds of jobs that a foreign template may hold the spec of, with their versions."""


def _run_of(reference: Node, template: Node, kind: str) -> Node:
    return reference.made({"apiVersion": _text(template, "apiVersion"), "kind": kind})


def _declare(draft: Draft, reference: Node, typed: list[Typed], run: Node) -> dict[str, str]:
    """Trial parameters for the declared ones that are searched; their placeholders by name."""
    draft.template.fields["trialSpec"] = run
    nothing = reference.made({})  # what the template says with its own placeholders is its own
    use_typed(draft, typed, nothing)
    declared = draft.template.get("trialParameters")
    names = [_text(item, "name") for item in declared.items] if declared is not None else []
    return {name: f"${{trialParameters.{name}}}" for name in names}


def _text(node: Node, *path: str) -> str:
    found = node.get(*path)
    return found.string if found is not None else ""
