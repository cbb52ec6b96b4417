"""The way from a file's documents to an experiment that can run, or to everything that keeps it from running."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.api.document import Document
from trialmill.api.experiment import API_VERSION, Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.read_experiment import KIND, read_experiment
from trialmill.api.space import Space
from trialmill.api.tree import JsonObject, format_path, get_string
from trialmill.check.additional import check_additional
from trialmill.check.algorithm import check_algorithm, check_early_stopping
from trialmill.check.budgets import check_budgets
from trialmill.check.collector import check_collector
from trialmill.check.companions import COMPANION_KINDS, read_companions
from trialmill.check.conditions import check_conditions
from trialmill.check.containers import check_containers
from trialmill.check.corners import SampleTrials, check_corners, check_expressions, check_unrendered, corners
from trialmill.check.hydration import check_hydration, checking, is_hydrated, made_by
from trialmill.check.kind import check_kind, check_published
from trialmill.check.metadata import check_metadata
from trialmill.check.objective import check_objective
from trialmill.check.parameters import check_parameters
from trialmill.check.places import TEMPLATE, is_inside
from trialmill.check.pods import check_pods
from trialmill.check.template import check_unread, compile_checked, is_readable
from trialmill.check.terms import HERE, Terms
from trialmill.forms.normalize import Normalized, in_authors_words, normalize
from trialmill.kinds.verdict import Policy
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.hydration import Hydrate

_FOLLOWING: Final = ("which-container", "unknown-containers")
"""What a form says that finds no containers; a manifest with errors explains it."""
_INCOMPLETE: Final = ("config-map-missing", "config-map-key-missing", "template-missing", "unused-document")
"""What follows where only the documents before a mistake in the syntax are known."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An experiment without errors. What is not available yet (`Severity.UNAVAILABLE`) can still keep it from running.

    `primary_container` is the one whose output counts, also where the file leaves it to us. `hydrate` makes the
    resources, where a function or command does.
    """

    experiment: Experiment
    space: Space
    template: CompiledTemplate
    companions: tuple[JsonObject, ...]
    policy: Policy
    primary_container: str
    document: Document | None = None
    """Its file in the normal form, where it was read from one: places of problems that are found later."""
    hydrate: Hydrate | None = None


def check_documents(documents: Sequence[Document], problems: list[Problem], terms: Terms = HERE) -> Checked | None:
    """The one Experiment among the documents, checked with the ConfigMaps and Secrets beside it.

    Adds what is wrong to `problems`, the loader's own among them, and sorts all by place, each once. None where there
    is an error in the end, or no template that this release can read.
    """
    is_cut_short = any(p.code.startswith("yaml-") and not p.path for p in problems)
    experiments = _experiments(documents)
    own = {id(document) for document in experiments}
    beside = [d for d in documents if id(d) not in own]
    normal = [normalize(document, beside, terms.schema) for document in experiments]
    used = {id(document) for each in normal for document in each.used}
    unused = [d for d in beside if id(d) not in used]
    # What a template refers to is not known where the template itself is wrong.
    companions = read_companions(unused, problems, warns=not any(each.failed for each in normal))
    if not experiments and not any(p.severity is Severity.ERROR for p in problems):
        file = documents[0].file if documents else ""
        message = "there is no Experiment here"
        remedy = f"give a file with one: its kind is {KIND}, its apiVersion {API_VERSION}"
        problems.append(Problem("no-experiment", Severity.ERROR, message, expected=KIND, file=file, remedy=remedy))
    checked = [_check_document(each, companions, problems, terms) for each in normal]
    _report_others(experiments, problems)
    if is_cut_short:
        problems[:] = [p for p in problems if p.code not in _INCOMPLETE]
    order = {file: number for number, file in enumerate(dict.fromkeys(p.file for p in problems))}
    problems[:] = sorted(_unique(problems), key=lambda p: (order[p.file], p.line, p.column))
    return checked[0] if checked and not any(p.severity is Severity.ERROR for p in problems) else None


def check_experiment(
    experiment: Experiment, companions: Sequence[JsonObject], problems: Problems, terms: Terms = HERE
) -> Checked | None:
    """An experiment that was read already, or never was in a file (`problems.document` is None then).

    Errors that are in `problems` already silence those that only follow from them. None where there is an error.
    """
    check_metadata(experiment, problems)
    check_objective(experiment, problems)
    check_budgets(experiment, problems)
    check_collector(experiment, problems)
    check_early_stopping(experiment, problems)
    space = check_parameters(experiment, problems)
    check_algorithm(experiment, space, problems)
    hydrate = check_hydration(experiment, terms.hydrators, problems)
    checked = None
    if is_readable(experiment, problems):
        if is_hydrated(experiment):
            checked = _check_hydrated(experiment, space, companions, hydrate, problems, terms)
        else:
            checked = _check_template(experiment, space, companions, problems, terms)
    problems.found[:] = _unique(problems.found)
    return None if problems.has_errors else checked


def _check_template(
    experiment: Experiment,
    space: Space | None,
    companions: Sequence[JsonObject],
    problems: Problems,
    terms: Terms,
) -> Checked | None:
    """All that concerns what trials become; None where that cannot be known yet."""
    profile = check_kind(experiment, problems, terms.schema, on_cluster=terms.on_cluster)
    primary_container = check_containers(experiment, profile, problems)
    policy = check_conditions(experiment, profile, problems)
    check_published(experiment, terms.schema, problems)
    template, explained = compile_checked(experiment, space, problems, terms.schema)
    check_pods(experiment, profile, explained, problems, on_cluster=terms.on_cluster)
    check_additional(experiment, problems, terms.schema, on_cluster=terms.on_cluster)
    if space is None or template is None:
        beside = (*companions, *experiment.spec.template.additional)
        check_unrendered(experiment, beside, policy, explained, problems, on_cluster=terms.on_cluster)
        if space is not None:
            check_expressions(experiment, space, problems)
        return None
    trials = SampleTrials(experiment, companions, policy, template, on_cluster=terms.on_cluster, schema=terms.schema)
    check_corners(trials, space, explained, problems)
    document = problems.document
    return Checked(experiment, space, template, tuple(companions), policy, primary_container, document)


def _check_hydrated(
    experiment: Experiment,
    space: Space | None,
    companions: Sequence[JsonObject],
    hydrate: Hydrate | None,
    problems: Problems,
    terms: Terms,
) -> Checked | None:
    """The same where a function or command makes the resources: by what it makes."""
    profile = check_kind(experiment, problems, terms.schema, on_cluster=terms.on_cluster)
    policy = check_conditions(experiment, profile, problems)
    check_published(experiment, terms.schema, problems)
    template, _ = compile_checked(experiment, space, problems, terms.schema)
    check_additional(experiment, problems, terms.schema, on_cluster=terms.on_cluster)
    if space is None or template is None or hydrate is None:
        return None
    trials = SampleTrials(experiment, companions, policy, template, hydrate, terms.on_cluster, terms.schema)
    check_corners(trials, space, (), problems)
    if problems.has_errors:
        return None
    primary_container = check_containers(made_by(experiment, trials.resource(next(corners(space)))), profile, problems)
    document, checked = problems.document, checking(experiment, hydrate, on_cluster=terms.on_cluster)
    return Checked(experiment, space, template, tuple(companions), policy, primary_container, document, checked)


def _experiments(documents: Sequence[Document]) -> list[Document]:
    """The documents that are Experiments; where none is, the one that was probably meant to be."""
    found = [d for d in documents if get_string(d.tree, "kind") == KIND]
    if found:
        return found
    others = [d for d in documents if get_string(d.tree, "kind") not in COMPANION_KINDS]
    near = [d for d in others if nearest(get_string(d.tree, "kind"), [KIND]) or not get_string(d.tree, "kind")]
    return near[:1] or list(documents if len(documents) == 1 else ())


def _report_others(experiments: Sequence[Document], problems: list[Problem]) -> None:
    for document in experiments[1:]:
        first = experiments[0].mark(())
        message = f"this is a second Experiment, the first begins in line {first.line}"
        if first.file != document.file:
            message += f" of {first.file}"
        report = Problems(document, problems)
        report.add("several-experiments", message, ("kind",), remedy="put each Experiment in a file of its own")


def _check_document(
    normal: Normalized, companions: Sequence[JsonObject], problems: list[Problem], terms: Terms
) -> Checked | None:
    report = Problems(normal.document)
    experiment = read_experiment(normal.document, report)
    checked = check_experiment(experiment, companions, report, terms) if experiment else None
    place = format_path(TEMPLATE)
    problems += _why_it_failed(normal, terms.schema) if normal.failed else normal.problems
    for problem in report:
        if not normal.failed or not (is_inside(problem.path, place) or _follows_from_template(problem)):
            problems.append(in_authors_words(problem, normal.document))
    return None if normal.failed else checked


def _follows_from_template(problem: Problem) -> bool:
    """Whether a template that could not be read explains the problem: it may use parameters, and bring them along."""
    return problem.code == "unused-parameter" or (problem.code, problem.path) == ("required", "spec.parameters")


def _why_it_failed(normal: Normalized, schema: SchemaSource) -> list[Problem]:
    """The problems of a form that cannot be read on: where the manifest itself is wrong, no form misses its parts."""
    found = list(normal.problems)
    if normal.partial is None:
        return found
    report = Problems(normal.partial)
    check_unread(normal.partial.tree, report, schema)
    own = [in_authors_words(problem, normal.partial) for problem in report]
    if any(p.severity is Severity.ERROR for p in own):
        found = [p for p in found if p.code not in _FOLLOWING]
    return [*found, *own]


def _unique(problems: Sequence[Problem]) -> list[Problem]:
    """Each problem once, in the order in which they were found."""
    return list({(p.code, p.file, p.line, p.column, p.path, p.message): p for p in reversed(problems)}.values())[::-1]
