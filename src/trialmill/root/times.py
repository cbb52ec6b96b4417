"""Times as text."""

from datetime import UTC, datetime


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC, to the second, as Kubernetes writes times."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
