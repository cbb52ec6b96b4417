"""Running an experiment, here or on a cluster: the parts put together, from a checked file or from the store."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from trialmill.api.experiment import Experiment
from trialmill.api.history import Exhausted, History, NewTrial, Settings, Suggestions
from trialmill.api.problem import Problem, Problems
from trialmill.api.space import Space, Value
from trialmill.api.spaces import space_of
from trialmill.api.tree import Json, JsonObject, is_object, string_map
from trialmill.check.documents import Checked
from trialmill.engine.driver import Driver
from trialmill.engine.ports import HeldByError, NotFoundError, Runtime, RuntimeLostError, Searcher, Stopper, Stores
from trialmill.engine.records import ExperimentRecord, ExperimentRef, RunState, TrialRecord
from trialmill.engine.rules import Rules, rules_of
from trialmill.engine.state import State
from trialmill.engine.world import Plan, Watcher, World
from trialmill.kinds.lowering import lower
from trialmill.kinds.plan import Resources
from trialmill.kinds.profile import profile_of
from trialmill.kinds.verdict import Policy, policy_of_template
from trialmill.root.clock import SystemClock
from trialmill.root.control import refuse_fewer_trials
from trialmill.root.creating import Difference, Options, changed_counts, cluster_of, differences, new_record, resumed
from trialmill.root.errors import EditedError, InputError, NextStep, RefusedError
from trialmill.root.hydrating import hydrate_of
from trialmill.root.lookup import experiment_of
from trialmill.root.manifests import leave_manifest, stored_manifest
from trialmill.root.opening import runs_directory
from trialmill.root.placing import in_the_file
from trialmill.root.same_place import at_same_place, found_again, identified
from trialmill.root.sampling import first, sample
from trialmill.root.stop_signals import StopSignals
from trialmill.runtime.local.layout import attempt_directory
from trialmill.runtime.local.runtime import LocalRuntime
from trialmill.runtime.local.slots import slots_of_this_machine
from trialmill.runtime.local.stand_ins import StandInError
from trialmill.search.catalogue import ALGORITHMS, EARLY_STOPPING
from trialmill.store.sql.open import open_store
from trialmill.template.compiled import CompiledTemplate
from trialmill.template.encode import compiled_from_json
from trialmill.template.hydration import Hydrate

_LEASE: Final = timedelta(seconds=30)
_COMPUTE_LONG: Final = frozenset({"tpe", "multivariate-tpe"})
"""Algorithms that are asked in a thread of their own, so that trials are looked after meanwhile."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a session ended. `interrupted`: by a signal; `already`: the experiment was over before."""

    record: ExperimentRecord
    # asyncio.run (3.11) makes a repr of its result on the way out, and drops it.
    trials: tuple[TrialRecord, ...] = field(repr=False)
    experiment: Experiment = field(repr=False)
    interrupted: bool = False
    already: bool = False


class Session(Watcher):
    """What a door looks at while an experiment runs: the state after each save, and whether a stop was asked for."""

    def opened(self, record: ExperimentRecord, experiment: Experiment, *, resumed: bool) -> None:
        """The experiment is stored and about to be driven."""

    def counts_changed(self, changes: Sequence[Difference]) -> None:
        """The file or the options allow an experiment that is stored other counts than before."""

    def changed(self, state: State) -> None:
        """Something was saved."""

    def driven(self, stop: Callable[[], None]) -> None:
        """Driving begins. `stop`, called in the event loop, does what a signal does: end gently, then at once."""

    def stopping(self, *, at_once: bool) -> None:
        """A signal, or a call of `stop`, has asked for the end."""


async def check_before(checked: Checked, options: Options) -> list[Problem]:
    """What keeps the experiment's trials from running where they are to run. Raises InputError."""
    if options.cluster is None:
        return await check_here(checked, options)
    from trialmill.root.clusters import check_there

    return list((await check_there(checked, options.cluster)).problems)


async def check_here(checked: Checked, options: Options) -> list[Problem]:
    """What keeps the experiment's trials from running on this machine."""
    runtime = _local_runtime(Path(os.devnull), checked.experiment, options)
    resource, parts = await asyncio.to_thread(sample, checked) if checked.hydrate else sample(checked)
    found = await runtime.check(resource, parts)
    return [in_the_file(problem, checked) for problem in found]


def parallel_that_fits(checked: Checked) -> int:
    """How many trials fit on this machine by what they ask for; one for each CPU where they ask for nothing."""
    machine = slots_of_this_machine()
    problems = Problems()
    resource, parts = sample(checked)
    workload = lower(resource, (*checked.companions, *parts), problems)
    wanted = workload.resources if workload else Resources()
    limits = [machine.cpu / (wanted.cpu or 1.0)]
    if wanted.memory:
        limits.append(machine.memory / wanted.memory)
    if wanted.gpus:
        limits.append(len(machine.gpus) / wanted.gpus)
    return max(1, int(min(limits)))


async def run(store: str, checked: Checked, options: Options, session: Session) -> Finished:
    """Start the experiment, or go on with the one of its name. Raises EditedError, HeldByError, StoreError; InputError
    for fewer trials than there are.
    """
    ref = ExperimentRef(checked.experiment.namespace, checked.experiment.name)
    async with open_store(store, durable=options.durable) as stores:
        try:
            found = differences(await stores.trials.experiment(ref), checked, options)
        except NotFoundError:
            options = await identified(options)
            await stores.trials.save([new_record(checked, options, SystemClock().now())])
            async with _lease(stores, ref):
                return await _drive(stores, ref, runs_directory(store), session, checked.hydrate, resumed=False)
        if found:
            raise EditedError(checked.experiment.name, found)
        options = at_same_place(await stores.trials.experiment(ref), await identified(options))
        async with _lease(stores, ref):
            record = await stores.trials.experiment(ref)
            wanted = resumed(record, checked, options)
            await refuse_fewer_trials(stores, record, wanted.intent)
            session.counts_changed(changed_counts(record.intent, wanted.intent))
            await stores.trials.save([wanted])
            return await _drive(stores, ref, runs_directory(store), session, checked.hydrate, resumed=True)


async def resume(
    store: str, ref: ExperimentRef, session: Session, *, durable: bool = False, allow_hydrate: bool = False
) -> Finished:
    """Go on with a stored experiment. Raises HeldByError, StoreError; RefusedError where its trials are made by a
    function or command, and that is not allowed.
    """
    async with open_store(store, durable=durable) as stores, _lease(stores, ref):
        record = await stores.trials.experiment(ref)
        options = _options(record)
        there = options.cluster is not None
        hydrate = hydrate_of(experiment_of(record), options.base, allowed=allow_hydrate, on_cluster=there)
        wanted = await found_again(replace(record, intent=replace(record.intent, state=RunState.RUN)))
        if wanted != record:
            await stores.trials.save([wanted])
        return await _drive(stores, ref, runs_directory(store), session, hydrate, resumed=True)


async def as_before(store: str, checked: Checked, options: Options) -> tuple[Checked, Options, bool]:
    """What the stored experiment of this name goes on with: the types that its template was compiled with, whatever a
    cluster says of the kind today, and its stand-ins where none are given; and whether it is over and stays so, so that
    nothing will run. Raises StoreError.
    """
    if not Path(store).exists():
        return checked, options, False
    ref = ExperimentRef(checked.experiment.namespace, checked.experiment.name)
    async with open_store(store) as stores:
        try:
            record = await stores.trials.experiment(ref)
        except NotFoundError:
            return checked, options, False
    options = replace(options, images=options.images or _options(record).images)
    if not differences(record, checked, options):
        checked = replace(checked, template=compiled_from_json(record.compiled))
    return checked, options, record.phase.is_over and resumed(record, checked, options).intent == record.intent


async def bring_to_rest(store: str, ref: ExperimentRef) -> None:
    """End what still runs of an experiment that is to stop and that nobody drives. Raises HeldByError, StoreError."""
    async with open_store(store) as stores, _lease(stores, ref):
        await _drive(stores, ref, runs_directory(store), Session(), None, resumed=True)


@asynccontextmanager
async def _lease(stores: Stores, ref: ExperimentRef) -> AsyncIterator[None]:
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    lease = await stores.trials.acquire(ref, holder, _LEASE)

    async def keep() -> None:
        while True:
            await asyncio.sleep(_LEASE.total_seconds() / 3)
            await lease.renew(_LEASE)

    keeper = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError, HeldByError):
            await keeper
        await lease.release()


async def try_once(folder: Path, checked: Checked, options: Options, session: Session) -> Finished:
    """Run one trial on defaults; nothing of it is kept but its attempt's directory below `folder`."""
    record = new_record(checked, replace(options, max_trials=1, parallel=1), SystemClock().now())
    async with open_store(":memory:") as stores:
        await stores.trials.save([record])
        searcher = OneTrial(first(checked))
        return await _drive(stores, record.ref, folder, session, checked.hydrate, resumed=False, searcher=searcher)


class OneTrial:
    """Suggests one assignment, once."""

    def __init__(self, assignments: Mapping[str, Value]) -> None:
        self._assignments = assignments

    def ask(
        self, space: Space, settings: Settings, seed: int, history: History, first: int, count: int
    ) -> Suggestions | Exhausted:
        del space, settings, seed, history, count
        return Exhausted("one trial was asked for") if first else Suggestions((NewTrial(self._assignments),))


async def _drive(
    stores: Stores,
    ref: ExperimentRef,
    runs: Path,
    session: Session,
    hydrate: Hydrate | None,
    *,
    resumed: bool,
    searcher: Searcher | None = None,
) -> Finished:
    record, trials, cursor = await stores.trials.load(ref)
    experiment = experiment_of(record)
    session.opened(record, experiment, resumed=resumed)
    state = State(record, trials, _rules(experiment, record), await _curves(stores, experiment, trials))
    template = compiled_from_json(record.compiled)
    plan = Plan(experiment, space_of(experiment.spec.parameters), template, policy_of(experiment, hydrate))
    already = record.phase.is_over
    async with _runtime(runs, experiment, template, _options(record)) as runtime:
        world = World(
            stores=stores,
            runtime=runtime,
            searcher=searcher or searcher_of(experiment),
            clock=SystemClock(),
            stopper=stopper_of(experiment),
            watcher=session,
            offload=experiment.spec.algorithm.name in _COMPUTE_LONG,
            hydrate=hydrate,
        )
        driver = Driver(plan, state, world, cursor)
        with StopSignals(driver, session.stopping) as signals:
            session.driven(signals.received)
            try:
                final = await driver.run()
            except RuntimeLostError as error:
                steps = [] if searcher else [NextStep("then go on with", "resume", record.name)]
                raise RefusedError(error.message, error.remedy, steps) from error
        best = state.trials[state.best] if state.best is not None else None
        if best is not None:
            leave_manifest(attempt_directory(str(runs), best.key), stored_manifest(best, final, experiment, runs))
    return Finished(
        final,
        tuple(state.trials),
        experiment,
        interrupted=signals.count > 0,
        already=already and final.finished == record.finished,
    )


# --- the parts


def policy_of(experiment: Experiment, hydrate: Hydrate | None = None) -> Policy:
    """How the experiment's resources are judged: by its conditions, and its kind's profile as a safety net. Where a
    function makes them, nobody knows beforehand what they need; where they hold the metrics, a pod does not.
    """
    template = experiment.spec.template
    tree: Json = template.trial_spec
    profile = profile_of(str(tree.get("apiVersion", "")), str(tree.get("kind", ""))) if is_object(tree) else None
    policy = policy_of_template(template, profile)
    return replace(policy, one_pod=False) if hydrate or experiment.spec.collector.metric_fields else policy


def searcher_of(experiment: Experiment) -> Searcher:
    """Raises NotAvailableError, KeyError: `check` has made sure of both."""
    return ALGORITHMS[experiment.spec.algorithm.name].load()


def stopper_of(experiment: Experiment) -> Stopper | None:
    stopping = experiment.spec.early_stopping
    return EARLY_STOPPING[stopping.name].load() if stopping else None


@asynccontextmanager
async def _runtime(
    runs: Path, experiment: Experiment, template: CompiledTemplate, options: Options
) -> AsyncIterator[Runtime]:
    """Where the experiment's trials run. Raises InputError where there is no way to its cluster."""
    if options.cluster is None:
        async with _local_runtime(runs, experiment, options) as local:
            yield local
        return
    from trialmill.root.clusters import cluster_runtime

    async with cluster_runtime(options.cluster, experiment, template, runs, SystemClock()) as there:
        yield there


def _local_runtime(runs: Path, experiment: Experiment, options: Options) -> LocalRuntime:
    """Raises InputError for a stand-in that cannot be used."""
    collector = experiment.spec.collector
    try:
        return LocalRuntime(
            runs,
            base=Path(options.base),
            stand_ins=options.images or {},
            companions=options.companions,
            collector_paths=collector.paths,
        )
    except StandInError as error:
        raise InputError(str(error)) from error


def _rules(experiment: Experiment, record: ExperimentRecord) -> Rules:
    rules = rules_of(experiment.spec)
    if cluster_of(record) is not None:
        from trialmill.root.clusters import grace_of_pods

        rules = replace(rules, stop_grace=grace_of_pods(experiment))
    seconds = record.settings.get("timeout")
    return replace(rules, timeout=timedelta(seconds=seconds)) if isinstance(seconds, int | float) else rules


def _options(record: ExperimentRecord) -> Options:
    companions = record.settings.get("companions")
    objects: tuple[JsonObject, ...] = (
        tuple(c for c in companions if isinstance(c, dict)) if isinstance(companions, list) else ()
    )
    return Options(
        base=str(record.settings.get("base") or "."),
        images=string_map(record.settings.get("images")),
        companions=objects,
        cluster=cluster_of(record),
    )


async def _curves(
    stores: Stores, experiment: Experiment, trials: Sequence[TrialRecord]
) -> dict[int, tuple[float, ...]]:
    """The objective's values of finished trials, read back for early stopping; nothing else needs them."""
    if experiment.spec.early_stopping is None:
        return {}
    name = experiment.spec.objective.metric
    curves = {}
    for trial in trials:
        if trial.phase.is_over:
            points = await stores.metrics.read(trial.key, [name])
            curves[trial.index] = tuple(float(p.value) for p in points if p.is_finite)
    return curves
