"""A file that comes into being whole, or not at all."""

import os
import tempfile
from pathlib import Path

from trialmill.root.errors import InputError


def write_new_file(path: Path, text: str, *, replaces: bool) -> None:
    """Write a file. One that is there already is replaced only where that is wanted, else InputError is raised."""
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", "make it first")
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        if replaces:
            Path(temporary).replace(path)
            return
        try:
            os.link(temporary, path)  # unlike a rename, it does not take the place of what is there
        except FileExistsError:
            raise InputError(
                f"{path} is there already", "give another name with -o, or --force to replace it"
            ) from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    """What new files are not allowed; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
