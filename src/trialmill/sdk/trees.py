"""Python objects as JSON trees: plain values, pydantic models, and the objects of Kubernetes clients.

None of those packages is imported: their objects are known by what they can do.
"""

import math
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import PurePath
from typing import Final
from uuid import UUID

from trialmill.api.problem import Problems
from trialmill.api.space import format_value
from trialmill.api.tree import Json, JsonObject, Path

MAX_DEPTH: Final = 100
"""Deeper than any manifest; what is deeper goes round in circles."""


def tree_of(value: object, path: Path, problems: Problems) -> Json:
    """The value as JSON. What is none of it is reported with its path, and null in the answer.

    Kubernetes' objects (`kubernetes`, its asyncio twin, and training operators' clients) get the names of their fields
    from their `attribute_map`, and fields that are None are left out, as their own client does. Of pydantic models,
    aliases are the names, and None is left out too. Any other object with `to_dict()` is what that returns.
    """
    return _Reader(problems).read(value, path)


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def read(self, value: object, path: Path) -> Json:
        if len(path) > MAX_DEPTH:
            return self._refuse("the tree is too deep, or goes round in a circle", path, "")
        if isinstance(value, Enum):
            return self.read(value.value, path)
        match value:
            case None | bool():
                return value
            case str():
                return self._text(value, path)
            case int():
                return int(value)
            case float():
                return self._number(float(value), path)
            case Mapping():
                return self._mapping(value, path)
            case list() | tuple():
                return [self.read(item, (*path, i)) for i, item in enumerate(value)]
            case date():
                return value.isoformat()
            case Decimal() | PurePath() | UUID():
                return str(value)
        return self._object(value, path)

    def _text(self, value: str, path: Path) -> Json:
        try:
            value.encode()
        except UnicodeEncodeError:
            return self._refuse("this text holds half a character, which UTF-8 cannot write", path, "")
        return str.__str__(value)

    def _number(self, value: float, path: Path) -> Json:
        if math.isfinite(value):
            return value
        return self._refuse(f"{value} is a number that JSON, and so Kubernetes, cannot hold", path, "write it as text")

    def _mapping(self, value: Mapping[object, object], path: Path) -> JsonObject:
        tree: JsonObject = {}
        for key, entry in value.items():
            plain = self.read(key, path)
            if not isinstance(plain, bool | int | float | str):
                self._refuse(f"{type(key).__name__} cannot be a key", path, "use text")
                continue
            name = format_value(plain)
            if name in tree:
                self._problems.add("duplicate-key", f"the key {name!r} is there twice", (*path, name))
            tree[name] = self.read(entry, (*path, name))
        return tree

    def _object(self, value: object, path: Path) -> Json:
        kind = type(value).__name__
        if isinstance(names := getattr(value, "attribute_map", None), Mapping):
            return self._client_object(value, names, path)
        if callable(dump := getattr(value, "get_secret_value", None)):  # pydantic's SecretStr
            return self._dumped(dump, path)
        if callable(dump := getattr(value, "model_dump", None)):
            return self._dumped(partial(dump, mode="json", by_alias=True, exclude_none=True, warnings=False), path)
        if callable(dump := getattr(value, "to_dict", None)):
            return self._dumped(dump, path)
        if hasattr(value, "dtype") and callable(dump := getattr(value, "tolist", None)):  # numpy
            return self._dumped(dump, path)
        remedy = "use dicts, lists, text, numbers, pydantic models or objects of a Kubernetes client"
        return self._refuse(f"found {kind}, which has no form in JSON", path, remedy)

    def _client_object(self, value: object, names: Mapping[str, str], path: Path) -> JsonObject:
        fields = {name: getattr(value, attribute, None) for attribute, name in names.items()}
        return {name: self.read(field, (*path, name)) for name, field in fields.items() if field is not None}

    def _dumped(self, dump: Callable[[], object], path: Path) -> Json:
        try:
            plain = dump()
        except Exception as error:
            return self._refuse(f"this object cannot be turned into JSON: {error}", path, "")
        # One that dumps as itself, or as an object again, would never come to an end.
        if isinstance(plain, None | bool | int | float | str | list | tuple | Mapping):
            return self.read(plain, path)
        return self._refuse(f"found {type(plain).__name__}, which has no form in JSON", path, "")

    def _refuse(self, message: str, path: Path, remedy: str) -> Json:
        """Report what cannot be in the tree; null stands in for it."""
        self._problems.add("wrong-type", message, path, remedy=remedy)
        return None
