"""Arguments and environment values that no command can be started with: Linux takes 128 KiB in one (MAX_ARG_STRLEN),
and no system takes a zero byte.
"""

from collections.abc import Iterator
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get_list, get_string
from trialmill.check.places import MANIFEST
from trialmill.check.pods import pod_templates
from trialmill.kinds.profile import profile_of

_LONGEST: Final = 128 * 1024 - 1
"""In bytes, without the zero at the end."""


def check_words(resource: JsonObject, problems: Problems) -> None:
    """Report such texts in the containers of a rendered trial, as far as its kind says where they are."""
    profile = profile_of(get_string(resource, "apiVersion"), get_string(resource, "kind"))
    for path, pod in pod_templates(resource, profile):
        for field in ("initContainers", "containers"):
            for position, container in enumerate(get_list(pod, "spec", field)):
                for at, word in _words(container):
                    _check_word(word, (*MANIFEST, *path, "spec", field, position, *at), problems)


def _words(container: Json) -> Iterator[tuple[Path, str]]:
    """What a container's process is started with, as the system gets it."""
    for field in ("command", "args"):
        for position, word in enumerate(get_list(container, field)):
            yield (field, position), word if isinstance(word, str) else ""
    for position, variable in enumerate(get_list(container, "env")):
        yield ("env", position, "value"), f"{get_string(variable, 'name')}={get_string(variable, 'value')}"


def _check_word(word: str, path: Path, problems: Problems) -> None:
    what = "environment value" if path[-1] == "value" else "argument"
    remedy = "put it into a file: a ConfigMap volume"
    if "\0" in word:
        message = f"no command can be started with this {what}: it has a zero byte"
        problems.add("argument-with-zero", message, path, found="a zero byte", remedy=remedy)
    elif _is_too_long(word):
        message = f"no command can be started with this {what}: it has more than 128 KiB"
        found = f"{len(word)} characters"
        problems.add("argument-too-long", message, path, found=found, expected="at most 128 KiB", remedy=remedy)


def _is_too_long(word: str) -> bool:
    """A character has up to four bytes; most words are far too short to be counted."""
    return len(word) > _LONGEST // 4 and len(word.encode("utf-8", "surrogatepass")) > _LONGEST
