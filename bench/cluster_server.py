"""An API server as the measurements see it: plain requests over the standard library, and what the server counts.

Nothing here is Trialmill's client, save that the kubeconfig is read and the connection is secured by it: the floor must
not depend on what is measured.
"""

import http.client
import json
import os
import re
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from trialmill.kube.configuration import Server, User
from trialmill.kube.credentials import ClientCertificate
from trialmill.kube.kubeconfig import find_access
from trialmill.kube.tls import tls_context

_COUNTED: Final = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
_OPEN_LOGS: Final = re.compile(r'^apiserver_longrunning_requests\{.*subresource="log".*\} (\S+)$', re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


class ApiServer:
    """One API server. Each thread has a connection of its own, which is kept open."""

    def __init__(self, kubeconfig: Path) -> None:
        access = find_access(None, kubeconfig, environment={}, home=Path.home())
        self._folder = kubeconfig.parent
        self._server: Server = access.server
        self._user: User = access.user
        self._context = self._tls()
        self._own = threading.local()

    def _tls(self) -> ssl.SSLContext:
        user = self._user
        own = ClientCertificate(user.certificate, user.key) if user.certificate and user.key else None
        return tls_context(self._server, own)

    def connect(self) -> http.client.HTTPSConnection:
        """A new connection."""
        address = urlsplit(self._server.url)
        return http.client.HTTPSConnection(str(address.hostname), address.port or 443, context=self._context)

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """The answer's body. Raises RuntimeError for a refusal."""
        connection: http.client.HTTPSConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self.connect()
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, self.headers())
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {data.decode(errors='replace')[:300]}")
        return data

    def read(self, path: str) -> Any:
        """The answer to GET, as JSON."""
        return json.loads(self.request("GET", path))

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "floor"}
        if self._user.token:
            headers["Authorization"] = f"Bearer {self._user.token}"
        return headers

    def watch(self, path: str, version: str) -> Iterator[Any]:
        """Events after a version, until the process ends."""
        connection = self.connect()
        query = f"watch=true&resourceVersion={version}&timeoutSeconds=3000"
        connection.request("GET", f"{path}?{query}", headers=self.headers())
        answer = connection.getresponse()
        while line := answer.readline():
            yield json.loads(line)

    def requests(self) -> Counter[tuple[str, str]]:
        """What the server has counted so far, by verb and resource (`pods/log`)."""
        text = self.request("GET", "/metrics").decode()
        counts: Counter[tuple[str, str]] = Counter()
        for labels, value in _COUNTED.findall(text):
            of = dict(_LABEL.findall(labels))
            resource = "/".join(filter(None, (of.get("resource"), of.get("subresource"))))
            counts[of.get("verb", ""), resource] += int(float(value))
        return counts

    def processor_seconds(self) -> float:
        """What the programs of a cluster of `tools/cluster` have used; 0 for any other cluster."""
        ticks = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self._folder).encode() in (process / "cmdline").read_bytes():
                    fields = (process / "stat").read_text().rpartition(")")[2].split()
                    ticks += int(fields[11]) + int(fields[12])
            except OSError:
                continue  # it has ended
        return ticks / os.sysconf("SC_CLK_TCK")

    def open_logs(self) -> int:
        """The logs that are being followed now."""
        text = self.request("GET", "/metrics").decode()
        return sum(int(float(value)) for value in _OPEN_LOGS.findall(text))

    def make_namespace(self, name: str) -> None:
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def remove_namespace(self, name: str) -> None:
        self.request("DELETE", f"/api/v1/namespaces/{name}")
