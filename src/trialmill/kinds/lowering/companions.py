"""ConfigMaps and Secrets that were given beside the resource."""

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trialmill.api.problem import Problems
from trialmill.api.tree import Json, JsonObject, Path, get_object, get_string, string_map


@dataclass(frozen=True, slots=True)
class Source:
    """The contents of one ConfigMap or Secret. `text` is what environment variables see, `files` what volumes hold."""

    text: Mapping[str, str]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Companions:
    """ConfigMaps and Secrets by kind and name."""

    sources: Mapping[tuple[str, str], Source]

    def find(self, kind: str, name: str, *, optional: bool, problems: Problems, path: Path) -> Source | None:
        """The named source. A missing one is a problem at `path`, unless it is optional."""
        found = self.sources.get((kind, name))
        if found is None and not optional:
            problems.add(
                "config-map-missing" if kind == "ConfigMap" else "secret-missing",
                f"{kind} {name!r} is not among the given manifests.",
                path,
                found=name,
                remedy="put its manifest into the same file, or give it as another one, or set optional: true",
            )
        return found

    def key(self, kind: str, name: str, key: str, *, optional: bool, problems: Problems, path: Path) -> str | None:
        """The text under one key, for an environment variable."""
        source = self.find(kind, name, optional=optional, problems=problems, path=path)
        if source is None:
            return None
        if key not in source.text and not optional:
            report_missing_key(kind, name, key, source.text, problems, (*path, "key"))
        return source.text.get(key)


def report_missing_key(
    kind: str, name: str, key: str, present: Mapping[str, object], problems: Problems, path: Path
) -> None:
    problems.add(
        "config-map-key-missing" if kind == "ConfigMap" else "secret-key-missing",
        f"{kind} {name!r} has no key {key!r}.",
        path,
        found=key,
        expected=", ".join(sorted(present)),
        remedy=f"it has {', '.join(sorted(present))}" if present else "",
    )


_KINDS: Final = ("ConfigMap", "Secret")


def read_companions(manifests: Sequence[JsonObject], namespace: str) -> Companions:
    """The ConfigMaps and Secrets of the namespace, or of none; other manifests are left out. A later one wins."""
    sources: dict[tuple[str, str], Source] = {}
    for manifest in manifests:
        kind = get_string(manifest, "kind")
        name = get_string(manifest, "metadata", "name")
        if kind not in _KINDS or get_string(manifest, "metadata", "namespace") not in ("", namespace):
            continue
        sources[kind, name] = _config_map(manifest) if kind == "ConfigMap" else _secret(manifest)
    return Companions(sources)


def _config_map(manifest: JsonObject) -> Source:
    text = string_map(manifest.get("data"))
    return Source(text, {k: v.encode() for k, v in text.items()} | _decoded(get_object(manifest, "binaryData")))


def _secret(manifest: JsonObject) -> Source:
    plain = {k: v.encode() for k, v in string_map(manifest.get("stringData")).items()}
    files = _decoded(get_object(manifest, "data")) | plain
    return Source({k: v.decode("utf-8", "surrogateescape") for k, v in files.items()}, files)


def _decoded(data: Mapping[str, Json]) -> dict[str, bytes]:
    """Base64 values, decoded; one that is malformed stays out, and is then reported where it is asked for."""
    found: dict[str, bytes] = {}
    for key, value in data.items():
        try:
            found[key] = b64decode("".join(value.split()), validate=True) if isinstance(value, str) else b""
        except (binascii.Error, ValueError):
            continue
    return found
