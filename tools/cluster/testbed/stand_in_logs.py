"""The stand-in node's logs, as a kubelet serves them to the API server: `/containerLogs/NAMESPACE/POD/CONTAINER`."""

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from testbed import pod_status
from testbed.api import Object

_LOOK_AGAIN = 0.2


def lines_of(pod: Object, query: dict[str, list[str]]) -> list[str]:
    """What a container of the pod has printed: all of its lines, the n-th n nanoseconds after the pod's start."""
    if not pod_status.is_started(pod):
        return []
    start = pod["status"]["startTime"].removesuffix("Z")
    text = pod_status.said(pod, "log", "")
    since = query.get("sinceTime", [""])[0][:19]
    if since > start:  # both in UTC with whole seconds, so they compare as texts
        return []
    lines = text.splitlines()
    if tail := query.get("tailLines", [""])[0]:
        lines = lines[-int(tail) :] if int(tail) else []
    stamped = query.get("timestamps", [""])[0] == "true"
    return [f"{start}.{number:09d}Z {line}" if stamped else line for number, line in enumerate(lines)]


def serve_logs(address: str, keys: Path, pod_of: Callable[[tuple[str, str]], Object | None]) -> int:
    """Serve from threads of their own; the answer is the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            names = parts.path.strip("/").split("/")
            pod = pod_of((names[1], names[2])) if len(names) == 4 and names[0] == "containerLogs" else None
            self.send_response(200 if pod else 404)
            self.end_headers()
            query = parse_qs(parts.query)
            follow = query.get("follow", [""])[0] == "true"
            while pod and not pod_status.is_started(pod) and follow:
                time.sleep(_LOOK_AGAIN)
                pod = pod_of((names[1], names[2]))
            if pod:
                self.wfile.write("".join(f"{line}\n" for line in lines_of(pod, query)).encode())
                self.wfile.flush()
            while follow and pod and not pod_status.is_finished(pod):
                time.sleep(_LOOK_AGAIN)
                pod = pod_of((names[1], names[2]))

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "apiserver.crt", keys / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port: int = server.server_address[1]
    return port
