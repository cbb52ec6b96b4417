"""Lists of a manifest, read so that nothing is dropped in silence."""

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, Path, get, kind_name


def read_list(parent: Json, field: str, problems: Problems, path: Path) -> list[Json]:
    """The list under `field`, empty where it is not set. Something else there is a problem, not an empty list."""
    value = get(parent, field)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    problems.add(
        "list-expected",
        f"{field} is {kind_name(value)}, not a list.",
        (*path, field),
        found=kind_name(value),
        expected="a list",
    )
    return []
