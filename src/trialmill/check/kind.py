"""The kind of resource that trials are: whether there is one, whether it ends, and whether it runs on this machine."""

from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.fields import SchemaSource
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problems
from trialmill.api.tree import Json, Path, get, get_object, get_string, with_article
from trialmill.check import tekton
from trialmill.check.places import MANIFEST, TEMPLATE
from trialmill.kinds.profile import KindProfile, all_profiles, profile_of
from trialmill.kinds.schema import BUILT_IN

_OF_KUBERNETES: Final = ("", "batch", "apps")
"""Groups that nobody adds kinds to: what is not known there does not exist."""
_TTLS: Final[tuple[Path, ...]] = (
    ("spec", "ttlSecondsAfterFinished"),
    ("spec", "runPolicy", "ttlSecondsAfterFinished"),
    ("spec", "ttlStrategy", "secondsAfterCompletion"),
    ("spec", "ttlStrategy", "secondsAfterSuccess"),
    ("spec", "ttlStrategy", "secondsAfterFailure"),
    ("spec", "timeToLiveSeconds"),
)
"""After how many seconds the cluster deletes what is over: Jobs, JobSets; the training operator's; Argo's; Spark's."""
_WITH_ANOTHER_TTL: Final = ("RayJob",)
"""What it deletes is its cluster, not itself."""
_SHORT_TTL: Final = 3600
"""Seconds in which a process that watches may be started again."""


def check_kind(
    experiment: Experiment, problems: Problems, schema: SchemaSource = BUILT_IN, *, on_cluster: bool = False
) -> KindProfile | None:
    """The profile of the template's kind, or of the one that was probably meant; None where there is none. A cluster
    knows by itself which kinds and versions it has.
    """
    manifest = experiment.spec.template.trial_spec
    api_version, kind = get_string(manifest, "apiVersion"), get_string(manifest, "kind")
    if not api_version or not kind or "${" in api_version + kind:
        return None
    profile = profile_of(api_version, kind)
    if profile is None:
        if not on_cluster:
            return _report_unknown(api_version, kind, problems)
        if missing := schema.missing(api_version, kind):
            place = (*MANIFEST, "kind")
            problems.add("unknown-kind", missing.message, place, found=kind, remedy=missing.remedy)
        return None
    if not profile.finite:
        message = f"{with_article(kind)} never finishes by itself, so its trial would not either"
        problems.add("never-finishes", message, (*MANIFEST, "kind"), found=kind, remedy="use a Job")
    elif not profile.runs_here and not on_cluster:
        _report_elsewhere(api_version, kind, problems)
    elif not on_cluster and api_version.rpartition("/")[2] not in profile.versions:
        _report_version(api_version, profile, problems)
    _check_roles(manifest, profile, problems)
    if not profile.runs_here:  # of others it is known how they run, and so what they refuse
        _check_counts(manifest, profile, problems)
    if on_cluster or not profile.runs_here:
        _check_ttl(manifest, profile, problems)
    if profile.group == tekton.GROUP:
        tekton.check_run(manifest, problems)
    return profile


def check_published(experiment: Experiment, schema: SchemaSource, problems: Problems) -> None:
    """Say once why a cluster that was asked for the fields of a kind does not tell them."""
    template = experiment.spec.template
    made: list[tuple[Path, Json]] = [(MANIFEST, template.trial_spec)]
    made += [((*TEMPLATE, "additionalResources", i), part) for i, part in enumerate(template.additional)]
    said: set[str] = set()
    for place, manifest in made:
        api_version, kind = get_string(manifest, "apiVersion"), get_string(manifest, "kind")
        if not api_version or not kind or schema.knows(api_version, kind) or problems.has_error_at((*place, "kind")):
            continue
        why = schema.why_unknown(api_version, kind)
        if why and why not in said:
            said.add(why)
            message = f"the fields of {kind} are not known: {why}"
            remedy = "a placeholder that is a whole field becomes text there; say otherwise with `as`"
            problems.note("fields-unknown", message, (*place, "kind"), remedy=remedy)


def _report_unknown(api_version: str, kind: str, problems: Problems) -> KindProfile | None:
    """A slip in the name or the version of a kind is an error; any other kind may exist on a cluster."""
    group = api_version.rpartition("/")[0]
    local = [p for p in all_profiles() if p.runs_here]
    same_kind = next((p for p in local if p.kind == kind), None)
    if same_kind and (group in _OF_KUBERNETES or nearest(group, [same_kind.group])):
        _report_version(api_version, same_kind, problems)
        return same_kind
    if group not in _OF_KUBERNETES:
        _report_elsewhere(api_version, kind, problems)
        return None
    meant = nearest(kind, [p.kind for p in all_profiles() if p.group == group])
    message = f"there is no kind {kind} of {api_version} that could be a trial"
    remedy = f"did you mean {meant!r}?" if meant else f"use {' or '.join(p.kind for p in local)}"
    problems.add("unknown-kind", message, (*MANIFEST, "kind"), found=kind, remedy=remedy)
    return profile_of(api_version, meant) if meant else None


def _report_version(api_version: str, profile: KindProfile, problems: Problems) -> None:
    problems.add(
        "unknown-api-version",
        f"there is no {profile.kind} of {api_version}",
        (*MANIFEST, "apiVersion"),
        found=api_version,
        expected=profile.api_version,
        remedy=f"write `apiVersion: {profile.api_version}`",
    )


def _report_elsewhere(api_version: str, kind: str, problems: Problems) -> None:
    local = " and ".join(p.kind for p in all_profiles() if p.runs_here)
    message = f"{with_article(kind)} of {api_version} runs on a cluster only; this release runs {local} on this machine"
    problems.unavailable("not-available-yet", message, (*MANIFEST, "kind"))


def _check_roles(manifest: Json, profile: KindProfile, problems: Problems) -> None:
    """Roles that the training operator does not know, apart from their case; it would refuse the job."""
    known = {template.role: template.path[:2] for template in profile.pod_templates if template.replicas_path}
    folded = {role.lower() for role in known}
    for path in dict.fromkeys(path for path in known.values() if str(path[1]).endswith("ReplicaSpecs")):
        for name in get_object(manifest, *path):
            if name.lower() not in folded and "${" not in name:
                meant = nearest(name, known)
                remedy = f"did you mean {meant!r}?" if meant else f"it has {', '.join(known)}"
                message = f"{with_article(profile.kind)} has no role {name}"
                place = (*MANIFEST, *path, name)
                problems.add("unknown-role", message, place, found=name, remedy=remedy, at_key=True)


def _check_ttl(manifest: Json, profile: KindProfile, problems: Problems) -> None:
    """A resource that the cluster deletes itself soon after its end: while nobody watches, that end is not seen."""
    for path in () if profile.kind in _WITH_ANOTHER_TTL else _TTLS:
        seconds = get(manifest, *path)
        if isinstance(seconds, int) and seconds < _SHORT_TTL:
            message = (
                f"{with_article(profile.kind)} is deleted {seconds} s after its end; where nobody watches it then, "
            )
            message += "its trial counts as lost and runs again"
            remedy = "write 3600 or more, or leave it out: what is over is deleted, unless `retain` is true"
            problems.warn("short-ttl", message, (*MANIFEST, *path), remedy=remedy)


def _check_counts(manifest: Json, profile: KindProfile, problems: Problems) -> None:
    """How many pods there are to be of each role: no cluster takes fewer than none."""
    for path in dict.fromkeys(template.replicas_path for template in profile.pod_templates):
        count = get(manifest, *path) if path else None
        if path and isinstance(count, int) and count < 0:
            message = f"{path[-1]} is {count}, but there cannot be fewer than 0"
            problems.add("out-of-range", message, (*MANIFEST, *path), found=str(count), expected="0 or more")
