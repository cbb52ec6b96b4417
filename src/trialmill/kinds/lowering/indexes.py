"""Sets of completion indexes as text: `0-2,4`."""

from collections.abc import Iterable


def format_indexes(indexes: Iterable[int]) -> str:
    """Ranges of neighbours, ascending; two neighbours are listed, as Kubernetes does: `0,1`, but `0-2`.

    >>> format_indexes({4, 0, 1, 2})
    '0-2,4'
    """
    ranges: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1] = (ranges[-1][0], index)
        else:
            ranges.append((index, index))
    return ",".join(_format_range(first, last) for first, last in ranges)


def _format_range(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


def parse_indexes(text: str, limit: int) -> frozenset[int] | None:
    """The indexes that the text names; None where it is malformed or names one that is not below `limit`."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return None
        start, end = int(first), int(last or first)
        if not start <= end < limit:
            return None
        found.update(range(start, end + 1))
    return frozenset(found)
