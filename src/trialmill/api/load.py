"""Files to documents: YAML or JSON, one document or many, each value with its place.

Whatever the bytes are, the answer is documents and problems, never an exception. Values mean what they mean to
Kubernetes (`yaml_scalars`).
"""

import codecs
import os
import re
import sys
from pathlib import Path
from typing import Final

from trialmill.api.document import Document
from trialmill.api.problem import Problem, Severity
from trialmill.api.yaml_errors import LINE_BREAK

MAX_BYTES: Final = 4 * 1024 * 1024
STDIN: Final = "-"
_WIDE_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOST_NULS: Final = 3
"""With more of them a file is no text at all; with fewer, each has a place that can be named."""
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_source(path: str, problems: list[Problem]) -> list[Document]:
    """The documents of a file, or of standard input for "-". What cannot be read is a problem and no document."""
    try:
        data = _read(path)
    except FileNotFoundError:
        problems.append(_file_problem("file-not-found", "there is no such file", path))
    except IsADirectoryError:
        problems.append(_file_problem("file-is-folder", "this is a folder, expected a file", path))
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        problems.append(_file_problem("file-unreadable", f"the file cannot be read: {why}", path))
    else:
        return load_documents(data, "<stdin>" if path == STDIN else path, problems)
    return []


def _read(path: str) -> bytes:
    """At most one byte more than is allowed, so that a file of any size is refused at once."""
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with Path(path).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def load_documents(data: bytes, file: str, problems: list[Problem]) -> list[Document]:
    """The documents that `data` holds; empty ones are skipped and the items of a `List` stand for themselves.

    `file` is the name that marks and problems carry. After a mistake in the syntax, the documents before it are
    returned; has a document other mistakes, it is returned as far as it can be understood.
    """
    text = _decode(data, file, problems)
    if text is None:
        return []
    # PyYAML costs 30 ms to import; commands that read no file do without.
    from trialmill.api.yaml_tree import documents_of

    mistakes: list[Problem] = []
    documents = documents_of(text, file, mistakes)
    if not documents and not mistakes:
        mistakes.append(_file_problem("empty", "the file holds no document", file))
    problems += sorted(mistakes, key=lambda problem: (problem.line, problem.column))
    return documents


def _decode(data: bytes, file: str, problems: list[Problem]) -> str | None:
    if len(data) > MAX_BYTES:
        problems.append(_file_problem("file-too-large", f"the file is larger than {MAX_BYTES // 1024**2} MB", file))
        return None
    if data.startswith(_WIDE_MARKS):
        remedy = "save it as UTF-8"
        problems.append(_file_problem("encoding", "the file is in UTF-16 or UTF-32, expected UTF-8", file, remedy))
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.count(0) > _MOST_NULS:
        problems.append(_binary(file))
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode())
        message = f"byte 0x{data[error.start]:02x} is no UTF-8"
        problems.append(
            Problem("encoding", Severity.ERROR, message, "", "", file, line, column, "", "save it as UTF-8")
        )
        return None
    if forbidden := _FORBIDDEN.search(text):
        if "\0" in text and len(set(_FORBIDDEN.findall(text))) > 1:
            problems.append(_binary(file))
            return None
        line, column = _place(text[: forbidden.start()])
        message = f"the character U+{ord(forbidden[0]):04X} cannot stand in YAML"
        remedy = "remove it, or write it as an escape in double quotes"
        problems.append(Problem("not-text", Severity.ERROR, message, "", "", file, line, column, "", remedy))
        return None
    return text


def _place(before: str) -> tuple[int, int]:
    """Line and column that follow the text `before`."""
    lines = LINE_BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _binary(file: str) -> Problem:
    return _file_problem("not-text", "the file is binary, expected YAML or JSON", file)


def _file_problem(code: str, message: str, file: str, remedy: str = "") -> Problem:
    return Problem(code, Severity.ERROR, message, file=file, remedy=remedy)
