"""A template on its way to the normal form, and how forms say what is wrong with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from trialmill.api.document import Document
from trialmill.api.fields import Field, SchemaSource
from trialmill.api.load import STDIN, read_source
from trialmill.api.marked import Node
from trialmill.api.nearest import nearest
from trialmill.api.problem import Problem, Severity
from trialmill.api.reader import fields_there
from trialmill.api.tree import Path, format_path, kind_name
from trialmill.kinds.schema import BUILT_IN


@dataclass(slots=True)
class Draft:
    """An Experiment whose template is being rewritten in place.

    `beside` are the other documents that were given with it, and `used` those of them that went into the template.
    """

    experiment: Node
    document: Document
    beside: Sequence[Document] = ()
    problems: list[Problem] = field(default_factory=list)
    used: list[Document] = field(default_factory=list)
    schema: SchemaSource = BUILT_IN

    @property
    def template(self) -> Node:
        """`spec.trialTemplate`, a mapping."""
        node = self.experiment.get("spec", "trialTemplate")
        if node is None:
            raise ValueError("the Experiment has no trialTemplate")
        return node

    @property
    def parameter_names(self) -> list[str]:
        """The names of the search parameters, as far as they are there."""
        parameters = self.experiment.get("spec", "parameters")
        names = [name for p in (parameters.items if parameters else ()) if (name := p.get("name")) is not None]
        return [node.string for node in names if node.string]

    @property
    def is_kind_known(self) -> bool:
        """Whether the fields of the trial's resource are known, so that they decide what a placeholder becomes."""
        manifest = self.template.get("trialSpec")
        return manifest is not None and self.knows(manifest)

    def knows(self, manifest: Node) -> bool:
        """Whether the fields of the manifest's kind are known."""
        api_version, kind = _kind_of(manifest)
        return bool(api_version and kind) and self.schema.knows(api_version, kind)

    def field(self, manifest: Node, path: Path) -> Field | None:
        """What is known of the field at a path of the manifest."""
        return self.schema.field(*_kind_of(manifest), path) if self.knows(manifest) else None

    def read(self, path: str, node: Node) -> list[Document]:
        """The documents of a file that `node` names, relative to the Experiment's own; problems where it has some."""
        whole = FilePath(self.document.file).parent / path if self.document.file != "<stdin>" else FilePath(path)
        found: list[Problem] = []
        documents = read_source(str(whole), found) if path != STDIN else []
        # A file that is not there is the fault of the line that names it.
        self.problems += [p if p.line else _at(p, node) for p in found]
        return documents

    # --- What is wrong

    def error(
        self, code: str, message: str, node: Node, *, found: str = "", expected: str = "", remedy: str = ""
    ) -> None:
        """Report a mistake at a value."""
        self._add(Severity.ERROR, code, message, node, found, expected, remedy)

    def error_at_key(self, code: str, message: str, node: Node, *, found: str = "", remedy: str = "") -> None:
        """Report a mistake at the key that a value stands behind."""
        self._add(Severity.ERROR, code, message, replace(node, mark=node.key or node.mark), found, "", remedy)

    def warn(self, code: str, message: str, node: Node, *, remedy: str = "") -> None:
        self._add(Severity.WARNING, code, message, node, "", "", remedy)

    def note(self, code: str, message: str, node: Node, *, remedy: str = "") -> None:
        self._add(Severity.NOTE, code, message, node, "", "", remedy)

    def unavailable(self, code: str, message: str, node: Node, *, remedy: str = "") -> None:
        self._add(Severity.UNAVAILABLE, code, message, replace(node, mark=node.key or node.mark), "", "", remedy)

    def mismatch(self, node: Node, expected: str, remedy: str = "") -> None:
        """Report that a value has the wrong type."""
        found = kind_name(node.json())
        if node.text:
            found += f" ({node.text})"
        self.error(
            "wrong-type", f"found {found}, expected {expected}", node, found=found, expected=expected, remedy=remedy
        )

    def missing(self, name: str, parent: Node, expected: str, remedy: str = "") -> None:
        """Report that a mapping lacks a field."""
        at = replace(parent, origin=(*parent.origin, name))
        self.error_at_key("required", f"{name} is missing", at, remedy=remedy or f"add {name}: {expected}")

    def check_fields(self, node: Node, known: Iterable[str]) -> None:
        """Warn of the fields of a mapping that are not known in it."""
        names = list(known)
        for name, entry in node.fields.items():
            if name not in names:
                meant = nearest(name, names)
                remedy = f"did you mean {meant!r}?" if meant else fields_there(names)
                at = replace(entry, mark=entry.key or entry.mark)
                self.warn("unknown-field", f"the field {name!r} is not known here", at, remedy=remedy)

    def text(self, parent: Node, name: str, *, required: bool = False) -> str:
        """A field that holds a string; empty, and reported, where it is wrong or a required one is missing."""
        node = parent.get(name)
        if node is None:
            if required:
                self.missing(name, parent, "a string")
            return ""
        if not isinstance(node.content, str):
            self.mismatch(node, "a string", f'quote it: "{node.text}"' if node.text else "")
        elif required and not node.content:
            self.error("required", f"{name} is empty", node, expected="a string")
        return node.string

    def _add(
        self, severity: Severity, code: str, message: str, node: Node, found: str, expected: str, remedy: str
    ) -> None:
        mark = node.mark
        self.problems.append(
            Problem(
                code=code,
                severity=severity,
                message=message,
                found=found,
                expected=expected,
                file=mark.file,
                line=mark.line,
                column=mark.column,
                path=format_path(node.origin),
                remedy=remedy,
            )
        )


def _at(problem: Problem, node: Node) -> Problem:
    mark = node.mark
    message = f"{problem.file}: {problem.message}"
    return replace(
        problem,
        message=message,
        file=mark.file,
        line=mark.line,
        column=mark.column,
        path=format_path(node.origin),
    )


def _kind_of(manifest: Node) -> tuple[str, str]:
    """The manifest's apiVersion and kind, empty where they are none."""
    api_version, kind = (manifest.get(name) for name in ("apiVersion", "kind"))
    return api_version.string if api_version else "", kind.string if kind else ""
