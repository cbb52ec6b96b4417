"""The Experiment as Python programs write, check and run it."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias

from trialmill.api.document import Document
from trialmill.api.durations import parse_duration
from trialmill.api.fields import SchemaSource
from trialmill.api.load import load_documents, read_source
from trialmill.api.problem import Problem, Problems, Severity
from trialmill.api.read_experiment import KIND
from trialmill.api.tree import JsonObject, get_string, is_object
from trialmill.root.errors import InputError
from trialmill.root.prepare import Prepared, prepare_documents
from trialmill.sdk.errors import ExperimentWarning, ValidationError, is_against
from trialmill.sdk.result import Result, TrialResult, result_of
from trialmill.sdk.spaces import FeasibleSpace, text_of
from trialmill.sdk.trees import tree_of
from trialmill.sdk.words import Algorithm, Duration, Metrics, Objective, Retry, duration_text, given
from trialmill.sdk.writing import check_spaces, experiment_tree, parameters_tree, template_tree

StrPath: TypeAlias = str | os.PathLike[str]
_TEXT: Final = "<text>"
"""What problems name as the file of a text that came from none."""


class Experiment:
    """An Experiment: what to tune, how to judge it, and the template of one trial. It never changes.

    >>> from trialmill import Experiment, double, maximize, param
    >>> job = {
    ...     "apiVersion": "batch/v1",
    ...     "kind": "Job",
    ...     "spec": {"template": {"spec": {
    ...         "restartPolicy": "Never",
    ...         "containers": [{
    ...             "name": "train", "image": "train", "command": ["python", "train.py", f"--lr={param('lr')}"]
    ...         }],
    ...     }}},
    ... }
    >>> tuning = Experiment(
    ...     name="first",
    ...     objective=maximize("accuracy"),
    ...     parameters={"lr": double(1e-4, 1e-1, log=True)},
    ...     template=job,
    ...     max_trials=20,
    ... )
    >>> [str(problem.severity) for problem in tuning.validate()]
    ['note']
    >>> tuning.render({"lr": 0.01})["spec"]["template"]["spec"]["containers"][0]["command"]
    ['python', 'train.py', '--lr=0.01']

    `template` is a manifest: a dict, a pydantic model, an object of a Kubernetes client, or a list of these, of which
    one is the trial's own resource and the others (ConfigMaps, Services, ...) come and go with it. A `Template` says
    more about it. What it uses is declared by itself. `companions` are ConfigMaps and Secrets that trials use as they
    are. `directory` is where commands start: the working directory if left out.

    Nothing wrong with an Experiment is an error here: `validate` returns all of it, and `run` raises all of it.
    """

    def __init__(
        self,
        *,
        name: str,
        objective: Objective,
        parameters: Mapping[str, FeasibleSpace],
        template: object,
        algorithm: str | Algorithm = "tpe",
        early_stopping: str | Algorithm | None = None,
        metrics: Metrics | None = None,
        max_trials: int | None = None,
        parallel_trials: int | None = None,
        max_failed_trials: int | None = None,
        retry: int | Retry | None = None,
        timeout: Duration | None = None,
        seed: int | None = None,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        companions: Sequence[object] = (),
        directory: StrPath | None = None,
    ) -> None:
        check_spaces(parameters)
        problems = Problems()
        written = template_tree(template, parameters, _retry(retry), problems)
        spec = given(
            objective=objective.tree(),
            algorithm=_named(algorithm).tree(),
            earlyStopping=None if early_stopping is None else _named(early_stopping).tree(),
            metricsCollectorSpec=None if metrics is None else metrics.tree(),
            parallelTrialCount=parallel_trials,
            maxTrialCount=max_trials,
            maxFailedTrialCount=max_failed_trials,
            timeout=None if timeout is None else duration_text(timeout),
            seed=seed,
            parameters=parameters_tree(parameters),
            trialTemplate=written,
        )
        metadata = given(
            name=name,
            namespace=namespace,
            labels=dict(labels) if labels else None,
            annotations=dict(annotations) if annotations else None,
        )
        # Numbers of other packages, such as numpy's, may be anywhere in the rest.
        tree = tree_of(experiment_tree(metadata, spec), (), problems)
        beside = [tree_of(companion, (), problems) for companion in companions]
        self._documents = tuple(Document("", each) for each in (tree, *beside))
        self._problems: tuple[Problem, ...] = tuple(problems)
        self._directory = directory

    # --- from and to files

    @classmethod
    def from_yaml(cls, source: StrPath, *more: StrPath) -> Self:
        """Read files, or texts: a string with a line break in it, or that begins with `{`, is a text.

        `more` are files that belong to the Experiment: ConfigMaps, Secrets, templates that it refers to. What is wrong
        in them is returned by `validate`, each with its line. Commands start in the folder of the first file.
        """
        problems: list[Problem] = []
        documents = [document for each in (source, *more) for document in _read(each, problems)]
        folder = None if _is_text(source) else Path(source).absolute().parent
        return cls._of(documents, problems, folder)

    @classmethod
    def from_dict(cls, tree: object, *companions: object, directory: StrPath | None = None) -> Self:
        """An Experiment from the tree that a file would have. It may hold placeholders, models and client objects."""
        problems = Problems()
        documents = [Document("", tree_of(each, (), problems)) for each in (tree, *companions)]
        return cls._of(documents, list(problems), directory)

    @classmethod
    def _of(cls, documents: Sequence[Document], problems: Sequence[Problem], directory: StrPath | None) -> Self:
        made = cls.__new__(cls)
        made._documents = tuple(documents)
        made._problems = tuple(problems)
        made._directory = directory
        return made

    def to_dict(self) -> JsonObject:
        """The Experiment as a file would have it; the caller's own copy. Empty where there is none."""
        tree = tree_of(self._tree, (), Problems())
        return tree if is_object(tree) else {}

    def to_yaml(self) -> str:
        """The text of a file that `trialmill run`, `from_yaml` and Katib read; companions follow it.

        Loading it and running it creates the same resources.
        """
        from trialmill.api.yaml_text import yaml_text

        return "---\n".join(yaml_text(document.tree) for document in self._documents)

    @property
    def name(self) -> str:
        return get_string(self._tree, "metadata", "name")

    @property
    def namespace(self) -> str:
        return get_string(self._tree, "metadata", "namespace") or "default"

    @property
    def _tree(self) -> JsonObject:
        trees = [document.tree for document in self._documents if is_object(document.tree)]
        return next((tree for tree in trees if tree.get("kind") == KIND), {})

    def __repr__(self) -> str:
        return f"Experiment(name={self.name!r})"

    # --- before a run

    def validate(self, *, strict: bool = False) -> tuple[Problem, ...]:
        """Everything that is wrong, as `trialmill validate` says it; at most notes for one that is ready.

        Each problem has a code, a severity, a message, and the path of the field; the line, too, where it came from a
        file. `strict` makes errors of warnings.
        """
        return self._prepared(strict=strict).problems

    def render(
        self, assignment: Mapping[str, object] | None = None, *, corner: Literal["min", "max"] | None = None
    ) -> JsonObject:
        """The manifest that a first trial with these values would create.

        Parameters without a value have their default, or the middle of their space; with `corner`, its smallest or
        largest. Several resources come as one `List`. Raises ValidationError, InputError for values of a wrong type.
        """
        from trialmill.root.manifests import sample_manifest

        prepared = self._prepared()
        if prepared.checked is None:
            raise ValidationError(self.name, prepared.problems)
        values = [f"{name}={text_of(value)}" for name, value in (assignment or {}).items()]
        manifest, doubts = sample_manifest(prepared.checked, corner, values)
        for doubt in doubts:
            warnings.warn(doubt, ExperimentWarning, stacklevel=2)
        return manifest

    def _prepared(
        self,
        *,
        strict: bool = False,
        namespace: str | None = None,
        cluster_namespace: str | None = None,
        schema: SchemaSource | None = None,
    ) -> Prepared:
        prepared = prepare_documents(
            self._documents,
            self._problems,
            strict=strict,
            namespace=namespace,
            cluster_namespace=cluster_namespace,
            schema=schema,
            base=Path(self._directory or Path.cwd()),
        )
        return replace(prepared, checked=None) if prepared.has_errors else prepared

    # --- running

    def run(
        self,
        *,
        store: StrPath | None = None,
        seed: int | None = None,
        parallel: int | Literal["auto"] | None = None,
        max_trials: int | None = None,
        timeout: Duration | None = None,
        images: Mapping[str, StrPath] | None = None,
        progress: bool | Callable[[TrialResult], object] = False,
        durable: bool = False,
        runtime: Literal["local", "kubernetes"] = "local",
        context: str | None = None,
        namespace: str | None = None,
        pending_timeout: Duration | None = None,
        printer_image: str | None = None,
    ) -> Result:
        """Run to the end, and return what came of it: the same as `trialmill run` does.

        An experiment of this name that is in the store already goes on where it was. `store` is a file, by default
        `$TRIALMILL_STORE` or `.trialmill/store.db`. `parallel="auto"` fills the machine. `images` maps an image's name
        to the folder that stands in for it. `progress` is called with each trial that is over; True prints a line for
        each, and what trials wait for. Works in a notebook too. Ctrl-C ends running trials gently and raises
        KeyboardInterrupt: another `run` goes on.

        With `runtime="kubernetes"` trials run on the cluster of the current context of your kubeconfig, or of
        `context`, in `namespace`, else the Experiment's, else the context's. It is asked first what it would refuse.
        `pending_timeout` is how long a trial may wait there for an image or a node; `printer_image` prints files with
        metrics.

        Raises ValidationError; InputError for an option that means nothing; EditedError where the store has another
        Experiment of this name; RefusedError where another process runs it; StoreError.
        """
        from trialmill.root.creating import Options
        from trialmill.root.opening import runs_directory, store_path
        from trialmill.root.session import run
        from trialmill.sdk.running import Looker, check, drive, folders, parallel_of, place_of

        cluster, usual_namespace, schema = place_of(
            runtime,
            context=context,
            pending_timeout=_timedelta(pending_timeout, "pending_timeout"),
            printer_image=printer_image,
            images=images,
        )
        prepared = self._prepared(namespace=namespace, cluster_namespace=usual_namespace, schema=schema)
        checked = self._runnable(prepared.problems) and prepared.checked
        if not checked:
            raise ValidationError(self.name, prepared.problems)
        options = Options(
            base=str(Path(self._directory or Path.cwd()).absolute()),
            parallel=parallel_of(parallel, checked, cluster),
            max_trials=max_trials,
            seed=seed,
            timeout=_timedelta(timeout, "timeout"),
            images=folders(images),
            companions=checked.companions,
            durable=durable,
            cluster=cluster,
        )
        path = store_path(None if store is None else str(store), os.environ)
        there = check(path, checked, options)
        if not self._runnable(there):
            raise ValidationError(self.name, [*prepared.problems, *there])
        for problem in (*prepared.problems, *there):
            if problem.severity is Severity.WARNING:
                warnings.warn(str(problem), ExperimentWarning, stacklevel=2)
        runs = runs_directory(path)
        looker = Looker(progress, runs)
        finished = drive(self.name, lambda: run(path, checked, options, looker), looker)
        return result_of(finished.record, finished.trials, finished.experiment, runs)

    def result(self, *, store: StrPath | None = None, namespace: str | None = None) -> Result:
        """What the store has of this experiment by now, also while another process runs it. `namespace` is the one in
        which it was run, where that is not the Experiment's own, and the store has several of its name.

        Raises InputError where it is not there, StoreError.
        """
        from trialmill.root.lookup import Subject, find_subject
        from trialmill.root.opening import open_existing, runs_directory, store_path
        from trialmill.sdk.running import wait_for

        path = store_path(None if store is None else str(store), os.environ)
        own = get_string(self._tree, "metadata", "namespace") or None

        async def find() -> Subject:
            async with open_existing(path) as stores:
                return await find_subject(stores, self.name, namespace or own)

        subject = wait_for(find, lambda: None)
        return result_of(subject.record, subject.trials, subject.experiment, runs_directory(path))

    @staticmethod
    def _runnable(problems: Sequence[Problem]) -> bool:
        return not any(is_against(problem) for problem in problems)


def _named(algorithm: str | Algorithm) -> Algorithm:
    return algorithm if isinstance(algorithm, Algorithm) else Algorithm(algorithm)


def _retry(retry: int | Retry | None) -> JsonObject | None:
    if retry is None:
        return None
    return (retry if isinstance(retry, Retry) else Retry(retry)).tree()


def _timedelta(duration: Duration | None, name: str) -> timedelta | None:
    """Raises InputError."""
    if duration is None:
        return None
    try:
        read = parse_duration(duration_text(duration))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    if read <= timedelta(0):
        raise InputError(f"{name}: it must be longer than nothing")
    return read


def _is_text(source: StrPath) -> bool:
    return isinstance(source, str) and ("\n" in source or source.lstrip().startswith("{"))


def _read(source: StrPath, problems: list[Problem]) -> list[Document]:
    if _is_text(source):
        return load_documents(str(source).encode(errors="surrogatepass"), _TEXT, problems)
    return read_source(str(source), problems)
