"""Files to an experiment that can be run: read, checked, with everything that is wrong with them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from trialmill.api.document import Document
from trialmill.api.load import STDIN, read_source
from trialmill.api.problem import Problem, Severity
from trialmill.api.tree import Json, get_object, get_string
from trialmill.root.hydrating import hydrators_in

if TYPE_CHECKING:
    from trialmill.api.fields import SchemaSource
    from trialmill.check.documents import Checked


KIND: Final = "Experiment"
Lines: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of some files. `checked` is None where they hold no Experiment that could be checked to the end.

    `lines` has the text of each file that was read, by the name that problems carry.
    """

    problems: tuple[Problem, ...]
    checked: "Checked | None"
    lines: Lines

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def prepare(
    files: Sequence[str],
    *,
    strict: bool = False,
    name: str | None = None,
    namespace: str | None = None,
    cluster_namespace: str | None = None,
    schema: "SchemaSource | None" = None,
    allow_hydrate: bool = False,
) -> Prepared:
    """Read and check files that belong together: an Experiment, and what it refers to.

    `strict` makes errors of warnings. `name` and `namespace` stand in place of the file's own, everywhere.
    `cluster_namespace` says that trials are to run on a cluster, and in which namespace where nothing else says it;
    `schema` knows the fields of its kinds, the built-in tables do where there is none.
    `allow_hydrate` lets a function or command that the file names make its trials, from the folder of the first file.
    """
    problems: list[Problem] = []
    documents = [document for file in files for document in read_source(file, problems)]
    return prepare_documents(
        documents,
        problems,
        strict=strict,
        name=name,
        namespace=namespace,
        cluster_namespace=cluster_namespace,
        schema=schema,
        base=_folder(files),
        allow_hydrate=allow_hydrate,
    )


def prepare_each(files: Sequence[str], *, strict: bool = False, allow_hydrate: bool = False) -> Prepared:
    """The same for files of which several may hold an Experiment: each of those is checked alone, with what the files
    without one hold. `checked` is None where there are several.
    """
    problems: dict[str, list[Problem]] = {file: [] for file in files}
    documents = {file: read_source(file, problems[file]) for file in problems}
    own = [file for file, held in documents.items() if any(get_string(d.tree, "kind") == KIND for d in held)]
    if len(own) < 2:
        found = [problem for each in problems.values() for problem in each]
        together = [document for held in documents.values() for document in held]
        return prepare_documents(
            together, found, strict=strict, base=_folder(own or files), allow_hydrate=allow_hydrate
        )
    beside = [document for file, held in documents.items() if file not in own for document in held]
    shared = [problem for file, each in problems.items() if file not in own for problem in each]
    parts = [
        prepare_documents(
            [*documents[file], *beside],
            [*problems[file], *shared],
            strict=strict,
            base=_folder([file]),
            allow_hydrate=allow_hydrate,
        )
        for file in own
    ]
    all_problems = dict.fromkeys(problem for part in parts for problem in part.problems)
    return Prepared(tuple(all_problems), None, {file: text for part in parts for file, text in part.lines.items()})


def prepare_documents(
    documents: Sequence[Document],
    found: Sequence[Problem] = (),
    *,
    strict: bool = False,
    name: str | None = None,
    namespace: str | None = None,
    cluster_namespace: str | None = None,
    schema: "SchemaSource | None" = None,
    base: Path | None = None,
    allow_hydrate: bool = False,
) -> Prepared:
    """The same for documents that were read already, or that a program made: `found` was wrong with them before."""
    from trialmill.check.documents import check_documents
    from trialmill.check.terms import Terms
    from trialmill.kinds.schema import BUILT_IN

    problems = list(found)
    lines = lines_of(documents)
    on_cluster = cluster_namespace is not None
    if cluster_namespace is not None:
        documents = [_in_namespace(document, cluster_namespace) for document in documents]
    named = [_renamed(document, name, namespace) for document in documents]
    hydrators = hydrators_in((base or Path()).absolute(), allowed=allow_hydrate)
    terms = Terms(on_cluster, hydrators, schema or BUILT_IN)
    checked = check_documents(named, problems, terms) if named else None
    lines = {**lines, **_lines_elsewhere(problems, lines)}
    given = [f"metadata.{key}" for key, value in (("name", name), ("namespace", namespace)) if value is not None]
    problems = [replace(p, file="") if p.path in given else p for p in problems]
    # A program's own documents, and what was given beside a file, have no lines to point at.
    problems = [p if p.file else replace(p, line=0, column=0) for p in problems]
    if strict:
        problems = [_stricter(problem) for problem in problems]
    return Prepared(tuple(problems), checked, lines)


def _folder(files: Sequence[str]) -> Path:
    """Where the functions and commands that a file names are looked for."""
    return Path(files[0]).parent if files and files[0] != STDIN else Path()


def lines_of(documents: Iterable[Document]) -> Lines:
    """The text of each file that documents came from, by the name that marks carry."""
    return {document.file: document.lines for document in documents}


def _lines_elsewhere(problems: Iterable[Problem], known: Lines) -> Lines:
    """The text of the files that problems point at and that nobody named: those that a template refers to."""
    found: dict[str, Sequence[str]] = {}
    for file in dict.fromkeys(p.file for p in problems if p.line and p.file not in known):
        with suppress(OSError, UnicodeDecodeError):
            found[file] = Path(file).read_text(encoding="utf-8").split("\n")
    return found


def _renamed(document: Document, name: str | None, namespace: str | None) -> Document:
    """The document under another name, before anything is checked: so a wrong name is found wherever it comes from."""
    tree = document.tree
    given: dict[str, Json] = {k: v for k, v in (("name", name), ("namespace", namespace)) if v is not None}
    if not given or not isinstance(tree, dict) or tree.get("kind") != "Experiment":
        return document
    gone = [("metadata", key) for key in given]  # where the file has something else
    values = {path: mark for path, mark in document.values.items() if path not in gone}
    return replace(document, tree={**tree, "metadata": {**get_object(tree, "metadata"), **given}}, values=values)


def _in_namespace(document: Document, namespace: str) -> Document:
    """The document in this namespace, if it names none itself."""
    has_own = bool(get_string(document.tree, "metadata", "namespace"))
    return document if has_own else _renamed(document, None, namespace)


def _stricter(problem: Problem) -> Problem:
    return replace(problem, severity=Severity.ERROR) if problem.severity is Severity.WARNING else problem
