"""Resources that have left our sight because somebody took their labels away: they are there all the same, and another
attempt beside them would run the trial twice.
"""

from typing import Final

from trialmill.api.tree import JsonObject, get_string
from trialmill.engine.records import AttemptKey
from trialmill.kube.api import KubeApi, KubeError, ResourceType
from trialmill.runtime.kubernetes.failures import is_missing, is_passing
from trialmill.runtime.kubernetes.stamping import labels_of_key

DELETED: Final = "it was deleted"
RELEASED: Final = "its labels were taken away, and may not be put back: it is no longer followed, and goes on by itself"


async def why_gone(api: KubeApi, type: ResourceType, object: JsonObject, key: AttemptKey) -> str:
    """Why an object is seen no more; empty where it is there and has its labels again. Raises what may pass."""
    name, namespace = get_string(object, "metadata", "name"), get_string(object, "metadata", "namespace")
    uid = get_string(object, "metadata", "uid")
    try:
        there = await api.get(type, name, namespace)
    except KubeError as error:
        if is_missing(error) or not is_passing(error):
            return DELETED
        raise
    if get_string(there, "metadata", "uid") != uid or get_string(there, "metadata", "deletionTimestamp"):
        return DELETED
    try:
        labels: JsonObject = {**labels_of_key(key)}
        await api.patch(type, name, namespace, {"metadata": {"uid": uid, "labels": labels}})
    except KubeError as error:
        if is_passing(error):
            raise
        return DELETED if is_missing(error) else RELEASED
    return ""
