"""What is said of an object in Events, where they may be listed: the only place for what controllers and nodes complain
of before anything of it shows in a status.
"""

from trialmill.api.tree import JsonObject, get_string
from trialmill.kube.api import KubeApi, UnknownKindError
from trialmill.runtime.kubernetes.failures import FAILURES


async def events_of(api: KubeApi, object: JsonObject, *, only_warnings: bool = False) -> list[JsonObject] | None:
    """The object's events, oldest first; None where they cannot be seen."""
    fields = f"involvedObject.uid={get_string(object, 'metadata', 'uid')}{',type=Warning' * only_warnings}"
    try:
        type = await api.discover("v1", "Event")
        page = await api.list_page(type, get_string(object, "metadata", "namespace"), fields=fields)
    except (*FAILURES, UnknownKindError):
        return None
    return sorted(page.items, key=_last_seen)


def _last_seen(event: JsonObject) -> str:
    """Older and newer reporters fill in different fields."""
    places = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("metadata", "creationTimestamp"))
    return max(get_string(event, *place) for place in places)
