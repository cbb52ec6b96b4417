"""What an OpenAPI v3 document of an API server says about the fields of a kind.

Only what lies on the way to a field is read, since a document may have megabytes. Sources: OpenAPI 3.0; Kubernetes API
concepts; KEP-1693 (structural schemas, `x-kubernetes-int-or-string`, `x-kubernetes-preserve-unknown-fields`).

What is not understood allows anything: the server is asked about whole resources afterwards. So `required` is not read
either: defaults and admission webhooks may yet fill in what a manifest lacks.
"""

from dataclasses import dataclass
from typing import Final

from trialmill.api.fields import Field, FieldType
from trialmill.api.tree import Json, JsonObject, Path, get_list, get_object, get_string

_SCHEMAS: Final = ("components", "schemas")
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_OF_QUANTITIES: Final = "[KMGTPE]i"
"""What only the pattern of a quantity has; definitions have their pattern in the place of its name."""
_MOST_STEPS: Final = 16
"""References that lead to references."""
_SCALARS: Final = {
    "string": FieldType.STRING,
    "integer": FieldType.INTEGER,
    "number": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
}
_ANYTHING: Final[JsonObject] = {}


@dataclass(frozen=True, slots=True)
class KindSchema:
    """The fields of one kind: the schema of the whole resource, and those that it may refer to."""

    root: JsonObject
    schemas: JsonObject

    def field(self, path: Path) -> Field | None:
        """The field at a path; None where the kind has none there."""
        node = self._resolved(self.root)
        for step in path:
            below = self._below(node, step)
            if below is None:
                return None
            node = self._resolved(below)
        return self._field(node)

    def _field(self, node: JsonObject) -> Field:
        field_type = _type_of(node)
        if field_type is FieldType.OBJECT:
            properties = get_object(node, "properties")
            return Field(field_type, {name: _type_of(self._resolved(below)) for name, below in properties.items()})
        values = get_list(node, "enum") if field_type is FieldType.STRING else []
        texts = tuple(value for value in values if isinstance(value, str))
        return Field(field_type, enum=texts if len(texts) == len(values) else ())

    def _below(self, node: JsonObject, step: str | int) -> Json:
        """The schema of an entry; None where there can be none."""
        match _type_of(node):
            case FieldType.ANY:
                return _ANYTHING
            case FieldType.LIST if isinstance(step, int):
                return node.get("items", _ANYTHING)
            case FieldType.OBJECT | FieldType.MAP if isinstance(step, str):
                others = node.get("additionalProperties") if _is_map(node) else _ANYTHING
                properties = get_object(node, "properties")
                return properties.get(step, others if _is_open(node) else None)
        return None

    def _resolved(self, node: Json) -> JsonObject:
        """The schema that references lead to."""
        for _ in range(_MOST_STEPS):
            if not isinstance(node, dict):
                break
            name = get_string(node, "$ref").rpartition("/")[2]
            if name == _QUANTITY:
                return {"type": "string", "format": "quantity"}
            if name:
                node = self.schemas.get(name)
            elif _is_wrapped(node):
                node = get_list(node, "allOf")[0]
            else:
                return node
        return _ANYTHING


def kind_schema(document: Json, api_version: str, kind: str) -> KindSchema | None:
    """The schema of a kind in the document of its group and version; None where it is not there."""
    group, _, version = api_version.rpartition("/")
    schemas = get_object(document, *_SCHEMAS)
    for schema in schemas.values():
        for named in get_list(schema, "x-kubernetes-group-version-kind"):
            if [get_string(named, part) for part in ("group", "version", "kind")] == [group, version, kind]:
                return KindSchema(get_object(schema), schemas)
    return None


def _is_wrapped(node: JsonObject) -> bool:
    """Whether the schema is that of its one `allOf`, as where a reference has a description or a default beside it."""
    return len(get_list(node, "allOf")) == 1 and "type" not in node and "properties" not in node


def _type_of(node: JsonObject) -> FieldType:
    if node.get("x-kubernetes-int-or-string") is True or node.get("format") == "int-or-string":
        return FieldType.QUANTITY if _OF_QUANTITIES in get_string(node, "pattern") else FieldType.INT_OR_STRING
    match node.get("type"):
        case "string" if node.get("format") == "quantity":
            return FieldType.QUANTITY
        case str(scalar) if scalar in _SCALARS:
            return _SCALARS[scalar]
        case "array":
            # Entries of other lists cannot be nothing.
            return FieldType.ANY if get_object(node, "items").get("nullable") is True else FieldType.LIST
        case "object":
            return FieldType.MAP if _is_open(node) else FieldType.OBJECT
    return FieldType.ANY


def _is_open(node: JsonObject) -> bool:
    """Whether an object may have entries beside its properties. One without any may be a RawExtension."""
    keeps_all = node.get("x-kubernetes-preserve-unknown-fields") is True
    return keeps_all or _is_map(node) or not get_object(node, "properties")


def _is_map(node: JsonObject) -> bool:
    return isinstance(node.get("additionalProperties"), dict) or node.get("additionalProperties") is True
