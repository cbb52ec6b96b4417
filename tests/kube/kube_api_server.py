"""The API server double behind HTTP: Kubernetes' addresses, parameters and Status answers."""

import json
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from kube_wire import Exchange, Request

from trialmill.api.tree import Json, JsonObject, get, get_integer, get_string, is_object
from trialmill.kube.api import Access, KubeError, PatchKind, Propagation, ResourceType, Written
from trialmill.testing.kube_fake import FakeKubeApi

ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class ApiServer:
    """A handler for `kube_wire.serve`."""

    def __init__(self, api: FakeKubeApi) -> None:
        self.api = api

    async def __call__(self, exchange: Exchange) -> None:
        try:
            await self._route(exchange)
        except KubeError as error:
            if exchange.begun:
                await exchange.send(json.dumps({"type": "ERROR", "object": status_of(error)}).encode() + b"\n")
                await exchange.end()
            else:
                seconds = error.retry_after.total_seconds() if error.retry_after else 0
                after = [("Retry-After", str(int(seconds)))] if seconds else []
                await exchange.answer(error.status, status_of(error), after)

    async def _route(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.path == "/version":
            await exchange.answer(200, {"gitVersion": await self.api.server_version()})
        elif request.path == ACCESS_REVIEWS:
            await exchange.answer(201, {"status": _access(await self._review(request))})
        elif request.path.startswith("/openapi/v3/"):
            await exchange.answer(200, await self._openapi(request.path.removeprefix("/openapi/v3/")))
        elif request.path in ("/api", "/apis"):
            await exchange.answer(200, self._groups(core=request.path == "/api"))
        elif (listed := self._resources(request.path)) is not None:
            await exchange.answer(200, listed)
        else:
            await self._object(exchange)

    async def _openapi(self, root: str) -> Json:
        found = await self.api.openapi(root.partition("/")[2])
        if found is None:
            raise KubeError(404, "NotFound", "the server could not find the requested resource")
        return found

    def _groups(self, *, core: bool) -> Json:
        types = [t for t in self.api.cluster.types if (t.group == "") == core]
        groups: list[Json] = [
            {
                "metadata": {"name": t.group},
                "versions": [{"version": t.version, "resources": [{"responseKind": {"kind": t.kind}}]}],
            }
            for t in types
        ]
        return {"kind": "APIGroupDiscoveryList", "items": groups}

    def _resources(self, path: str) -> Json:
        """The APIResourceList at an address that has one."""
        types = [t for t in self.api.cluster.types if path == _root(t)]
        resources: list[Json] = []
        for t in types:
            verbs: list[Json] = [*sorted(t.verbs)]
            resources.append({"name": t.plural, "kind": t.kind, "namespaced": t.namespaced, "verbs": verbs})
            resources += [
                {"name": f"{t.plural}/{s}", "kind": t.kind, "namespaced": True} for s in sorted(t.subresources)
            ]
        return {"kind": "APIResourceList", "resources": resources} if types else None

    async def _review(self, request: Request) -> Access:
        asked = {k: str(v) for k, v in _object(get(_body(request), "spec", "resourceAttributes")).items()}
        return await self.api.access(
            asked["verb"],
            asked.get("group", ""),
            asked["resource"],
            asked.get("namespace", ""),
            subresource=asked.get("subresource", ""),
        )

    async def _object(self, exchange: Exchange) -> None:
        request = exchange.request
        type, namespace, name, part = self._find(request.path)
        query = request.query
        if part == "log":
            await self._log(exchange, namespace, name)
        elif request.method == "GET" and name:
            await exchange.answer(200, await self.api.get(type, name, namespace))
        elif request.is_watch:
            await self._watch(exchange, type, namespace)
        elif request.method == "GET":
            page = await self.api.list_page(
                type,
                namespace,
                labels=query.get("labelSelector", ""),
                fields=query.get("fieldSelector", ""),
                limit=int(query.get("limit", "0")),
                after=query.get("continue", ""),
            )
            # Items of a real list have no kind of their own.
            items: list[Json] = [{k: v for k, v in i.items() if k not in ("kind", "apiVersion")} for i in page.items]
            metadata: JsonObject = {"resourceVersion": page.resource_version, "continue": page.next}
            await exchange.answer(200, {"kind": f"{type.kind}List", "metadata": metadata, "items": items})
        elif request.method == "DELETE":
            await self._delete(request, type, namespace, name)
            await exchange.answer(200, {"kind": "Status", "status": "Success"})
        else:
            written = await self._write(request, type, namespace, name, part)
            warnings = [("Warning", f'299 - "{w.replace(chr(34), chr(92) + chr(34))}"') for w in written.warnings]
            await exchange.answer(201 if request.method == "POST" else 200, written.object, warnings)

    async def _write(self, request: Request, type: ResourceType, namespace: str, name: str, part: str) -> Written:
        query, body = request.query, _body(request)
        content = request.headers.get("content-type", "")
        if request.method == "POST":
            strict = query.get("fieldValidation") == "Strict"
            return await self.api.create(type, _object(body), namespace, dry_run="dryRun" in query, strict=strict)
        if content == "application/apply-patch+yaml":
            force = query.get("force") == "true"
            manager = query["fieldManager"]
            return await self.api.apply(type, _object(body), namespace, manager=manager, force=force, subresource=part)
        return await self.api.patch(type, name, namespace, body, kind=PatchKind(content), subresource=part)

    async def _delete(self, request: Request, type: ResourceType, namespace: str, name: str) -> None:
        options = _body(request)
        seconds = get_integer(options, ("gracePeriodSeconds",), -1)
        await self.api.delete(
            type,
            name,
            namespace,
            uid=get_string(options, "preconditions", "uid"),
            grace=timedelta(seconds=seconds) if seconds >= 0 else None,
            propagation=Propagation(get_string(options, "propagationPolicy")),
        )

    async def _watch(self, exchange: Exchange, type: ResourceType, namespace: str) -> None:
        query = exchange.request.query
        events = self.api.watch(
            type,
            namespace,
            labels=query.get("labelSelector", ""),
            resource_version=query.get("resourceVersion", ""),
            timeout=timedelta(seconds=int(query["timeoutSeconds"])),
            initial_events=query.get("sendInitialEvents") == "true",
        )
        await exchange.begin()
        async with aclosing(events):
            async for event in events:
                line = json.dumps({"type": str(event.type), "object": event.object}).encode() + b"\n"
                await exchange.send(line)
        await exchange.end()

    async def _log(self, exchange: Exchange, namespace: str, pod: str) -> None:
        query = exchange.request.query
        since = query.get("sinceTime")
        chunks = self.api.logs(
            pod,
            namespace,
            query["container"],
            follow="follow" in query,
            since=datetime.fromisoformat(since).astimezone(UTC) if since else None,
            timestamps="timestamps" in query,
            previous="previous" in query,
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                if not exchange.begun:
                    await exchange.begin(content_type="text/plain")
                await exchange.send(chunk)
        if not exchange.begun:
            await exchange.begin(content_type="text/plain")
        await exchange.end()

    def _find(self, path: str) -> tuple[ResourceType, str, str, str]:
        """The kind, namespace, name and subresource that an address means."""
        for type in self.api.cluster.types:
            root = _root(type)
            steps = path.removeprefix(root + "/").split("/") if path.startswith(root + "/") else []
            namespace = ""
            if len(steps) > 2 and steps[0] == "namespaces" and steps[2] != "status":
                namespace, steps = steps[1], steps[2:]
            if steps and steps[0] == type.plural:
                return type, namespace, steps[1] if len(steps) > 1 else "", steps[2] if len(steps) > 2 else ""
        raise KubeError(404, "NotFound", "the server could not find the requested resource")


def status_of(error: KubeError) -> JsonObject:
    """The Status of an error."""
    causes: list[Json] = [{"field": c.field, "reason": c.reason, "message": c.message} for c in error.causes]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "code": error.status,
        "details": {"causes": causes},
    }


def _root(type: ResourceType) -> str:
    return f"/apis/{type.api_version}" if type.group else f"/api/{type.version}"


def _body(request: Request) -> Json:
    body: Json = json.loads(request.body) if request.body else {}
    return body


def _object(value: Json) -> JsonObject:
    if not is_object(value):
        raise KubeError(400, "BadRequest", "the body is no object")
    return value


def _access(access: Access) -> JsonObject:
    return {"allowed": access.allowed, "reason": access.reason}
