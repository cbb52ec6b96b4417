"""What the API server double publishes of the fields of kinds."""

from trialmill.api.tree import JsonObject
from trialmill.kube.api import ResourceType


def published(type: ResourceType, schema: JsonObject) -> JsonObject:
    """The OpenAPI v3 document of a group and version that has this kind alone."""
    named: JsonObject = {"group": type.group, "version": type.version, "kind": type.kind}
    whole: JsonObject = {**schema, "x-kubernetes-group-version-kind": [named]}
    return {"openapi": "3.0.0", "components": {"schemas": {f"{type.group}.{type.version}.{type.kind}": whole}}}
