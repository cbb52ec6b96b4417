"""As much of a Kubernetes client as the test bed needs of its own, over the standard library."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Object = dict[str, Any]


class RefusedError(Exception):
    """The API server answered with an error; `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """One connection to a cluster, for one thread."""

    def __init__(self, url: str, folder: Path) -> None:
        self.host = urlsplit(url).netloc
        self.token = (folder / "keys" / "admin.token").read_text()
        self.tls = ssl.create_default_context(cafile=str(folder / "keys" / "ca.crt"))
        self.connection = self._connect(timeout=30)

    def call(self, method: str, path: str, body: object = None, content: str = "application/json") -> Object:
        """The answer's object. A body that is a text is sent as it is; a connection that was closed is opened again."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = {**self._headers(), "Content-Type": content}
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, text, headers)
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (http.client.HTTPException, OSError) as error:
                self.connection.close()
                if attempt == 2:
                    raise ConnectionError(f"{method} {path}: {error}") from error
        if answer.status >= 400:
            raise RefusedError(answer.status, data.decode(errors="replace"))
        result: Object = json.loads(data) if data.startswith(b"{") else {}
        return result

    def merge(self, path: str, body: object) -> Object:
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def apply(self, path: str, body: object) -> Object:
        return self.call("PATCH", f"{path}?fieldManager=testbed&force=true", body, "application/apply-patch+yaml")

    def watch(self, path: str) -> Iterator[Object]:
        """The events of a watch, until the server closes it; ConnectionError when it breaks off."""
        connection = self._connect(timeout=600)
        try:
            connection.request("GET", path, headers=self._headers())
            answer = connection.getresponse()
            if answer.status >= 400:
                raise RefusedError(answer.status, answer.read().decode(errors="replace"))
            while line := answer.readline():
                event: Object = json.loads(line)
                yield event
        except http.client.HTTPException as error:
            raise ConnectionError(f"watch of {path}: {error}") from error
        finally:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, context=self.tls, timeout=timeout)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
