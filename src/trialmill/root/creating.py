"""From a checked file and the user's options to the record of a new experiment, and what an edited file changes in an
old one.
"""

import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.tree import Json, JsonObject, Path, format_path, get, get_object, get_string
from trialmill.check.documents import Checked
from trialmill.engine.records import ExperimentRecord, Intent, RunState
from trialmill.kinds.profile import profile_of
from trialmill.template.encode import compiled_to_json
from trialmill.template.hydration import PLACE

_COUNTS: Final = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount")
"""What may be changed while an experiment lives (Katib allows the same three)."""
_SEED_BITS: Final = 31


@dataclass(frozen=True, slots=True)
class ClusterChoice:
    """Which cluster trials run on, and how; empty and None where nothing was said.

    `kubeconfig` is a value for KUBECONFIG, of absolute paths; empty for a pod's service account. `printer_image` prints
    files with metrics. `pending_timeout` is how long a trial may wait for an image or a node. By `server`, its address,
    `authority`, a digest of its certificate authority, and `uid`, that of its namespace `kube-system` where that may be
    read, the same cluster is known again.
    """

    context: str = ""
    kubeconfig: str = ""
    server: str = ""
    authority: str = ""
    uid: str = ""
    printer_image: str = ""
    pending_timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the file; None where it says nothing. `base` is the folder that commands
    start in. `cluster` is None for this machine.
    """

    base: str
    parallel: int | None = None
    max_trials: int | None = None
    seed: int | None = None
    timeout: timedelta | None = None
    images: Mapping[str, str] | None = None
    companions: tuple[JsonObject, ...] = ()
    durable: bool = False
    cluster: ClusterChoice | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where an edited file differs from the experiment that was started from it."""

    path: str
    stored: Json
    given: Json


def new_record(checked: Checked, options: Options, at: datetime) -> ExperimentRecord:
    """A record that was never saved. The seed is drawn here, if nobody gave one, and kept."""
    experiment = checked.experiment
    return ExperimentRecord(
        uid=str(uuid.uuid4()),
        namespace=experiment.namespace,
        name=experiment.name,
        source=source_of(checked),
        compiled=compiled_to_json(checked.template),
        seed=choose_seed(experiment, options.seed),
        created=at,
        settings=settings_of(options),
        intent=intent_of(experiment, options),
    )


def source_of(checked: Checked) -> JsonObject:
    """The file's tree with the container named whose output counts, also where the file leaves that to us."""
    source = checked.experiment.source
    spec = get_object(source, "spec")
    template = get_object(spec, "trialTemplate")
    named: JsonObject = {**template, "primaryContainerName": checked.primary_container}
    return {**source, "spec": {**spec, "trialTemplate": named}}


def settings_of(options: Options) -> JsonObject:
    """What the runtime must know again when the experiment is resumed."""
    settings: JsonObject = {
        "base": options.base,
        "images": dict(options.images or {}),
        "companions": list(options.companions),
    }
    if options.timeout is not None:
        settings["timeout"] = options.timeout.total_seconds()
    if options.cluster is not None:
        settings["cluster"] = _cluster_settings(options.cluster)
    return settings


def _cluster_settings(choice: ClusterChoice) -> JsonObject:
    said: JsonObject = {
        "context": choice.context,
        "kubeconfig": choice.kubeconfig,
        "server": choice.server,
        "authority": choice.authority,
        "uid": choice.uid,
        "printerImage": choice.printer_image,
        "pendingTimeout": choice.pending_timeout.total_seconds() if choice.pending_timeout else None,
    }
    return {name: value for name, value in said.items() if value}


def cluster_of(record: ExperimentRecord) -> ClusterChoice | None:
    """The cluster that a stored experiment runs on; None for this machine."""
    said = record.settings.get("cluster")
    if not isinstance(said, dict):
        return None
    seconds = said.get("pendingTimeout")
    return ClusterChoice(
        context=get_string(said, "context"),
        kubeconfig=get_string(said, "kubeconfig"),
        server=get_string(said, "server"),
        authority=get_string(said, "authority"),
        uid=get_string(said, "uid"),
        printer_image=get_string(said, "printerImage"),
        pending_timeout=timedelta(seconds=seconds) if isinstance(seconds, int | float) else None,
    )


def is_suspended_by_pause(record: ExperimentRecord) -> bool:
    """Whether a pause suspends this experiment's trials; those of other kinds run to their end."""
    profile = profile_of(get_string(record.compiled, "apiVersion"), get_string(record.compiled, "kind"))
    return profile is not None and profile.suspend_path is not None


def with_cluster(record: ExperimentRecord, choice: ClusterChoice) -> ExperimentRecord:
    """The record with another way to its cluster."""
    return replace(record, settings={**record.settings, "cluster": _cluster_settings(choice)})


def intent_of(experiment: Experiment, options: Options) -> Intent:
    """The file's counts with the options' in their place; what runs in parallel never exceeds what runs at all."""
    spec = experiment.spec
    max_trials = spec.max_trials if options.max_trials is None else options.max_trials
    parallel = spec.parallel_trials if options.parallel is None else options.parallel
    return Intent(
        state=RunState.PAUSE if spec.suspend else RunState.RUN,
        parallel_trials=parallel if max_trials is None else min(parallel, max_trials),
        max_trials=max_trials,
        max_failed_trials=spec.max_failed_trials,
    )


def choose_seed(experiment: Experiment, given: int | None) -> int:
    """`--seed`, else `spec.seed`, else the algorithm's `random_state`, else drawn."""
    stated = experiment.spec.algorithm.settings_map().get("random_state", "")
    for seed in (given, experiment.spec.seed, int(stated) if stated.lstrip("+").isdecimal() else None):
        if seed is not None:
            return seed
    return random.SystemRandom().getrandbits(_SEED_BITS)


def resumed(record: ExperimentRecord, checked: Checked, options: Options) -> ExperimentRecord:
    """The stored experiment with the counts of the file and the options as they are now, and wanted to run."""
    source = {**record.source, "spec": {**get_object(record.source, "spec"), **_counts(checked.experiment.source)}}
    settings = settings_of(options)
    kept = {key: value for key, value in record.settings.items() if key == "images" and not options.images}
    return replace(
        record, source=source, settings={**settings, **kept}, intent=_resumed_intent(record, checked, options)
    )


def _resumed_intent(record: ExperimentRecord, checked: Checked, options: Options) -> Intent:
    if _counts(record.source) == _counts(checked.experiment.source):
        # The file asks for nothing new: what `extend` has changed since stays.
        intent = replace(record.intent, state=RunState.RUN)
        if options.max_trials is not None:
            intent = replace(intent, max_trials=options.max_trials)
        if options.parallel is not None:
            intent = replace(intent, parallel_trials=options.parallel)
        return intent
    return replace(intent_of(checked.experiment, options), state=RunState.RUN)


def differences(record: ExperimentRecord, checked: Checked, options: Options) -> list[Difference]:
    """Where the file's spec differs from the stored one, its counts aside, and what makes its trials; and a seed that
    was not the one it was started with.
    """
    stored, given = _without_counts(record.source), _without_counts(source_of(checked))
    old, new = (get(source, *PLACE) for source in (record.source, checked.experiment.source))
    found = [*_compare(stored, given, ("spec",)), *_compare(old, new, PLACE)]
    if options.seed is not None and options.seed != record.seed:
        found.append(Difference("--seed", record.seed, options.seed))
    return found


def changed_counts(old: Intent, new: Intent) -> list[Difference]:
    """Which of the three counts are other ones now."""
    pairs = (
        (old.parallel_trials, new.parallel_trials),
        (old.max_trials, new.max_trials),
        (old.max_failed_trials, new.max_failed_trials),
    )
    return [Difference(name, *pair) for name, pair in zip(_COUNTS, pairs, strict=True) if pair[0] != pair[1]]


def _counts(source: JsonObject) -> JsonObject:
    spec = get_object(source, "spec")
    return {name: spec[name] for name in _COUNTS if name in spec}


def _without_counts(source: JsonObject) -> JsonObject:
    return {name: value for name, value in get_object(source, "spec").items() if name not in _COUNTS}


def _compare(stored: Json, given: Json, path: Path) -> Iterator[Difference]:
    if isinstance(stored, dict) and isinstance(given, dict):
        for name in {**stored, **given}:
            yield from _compare(stored.get(name), given.get(name), (*path, name))
    elif isinstance(stored, list) and isinstance(given, list) and len(stored) == len(given):
        for position, (old, new) in enumerate(zip(stored, given, strict=True)):
            yield from _compare(old, new, (*path, position))
    elif stored != given:
        yield Difference(format_path(path), stored, given)
