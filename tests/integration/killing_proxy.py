"""A JSON-RPC proxy between a program and its node that kills the program at a chosen transaction."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEND = "eth_sendRawTransaction"


class When(Enum):
    """Whether the node still gets the transaction at which the program dies."""

    BEFORE = "before"
    AFTER = "after"


class KillingProxy:
    """Hands every request on to the node, and calls `kill` at the chosen transaction, counted from 1."""

    def __init__(self, node_url: str) -> None:
        parts = urlsplit(node_url)
        self._node = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._lock = threading.Lock()
        self._kill: Callable[[], None] | None = None
        self._at = 0
        self._when = When.BEFORE
        self.sent = 0
        self.url = ""

    def arm(self, kill: Callable[[], None] | None, *, at: int = 0, when: When = When.BEFORE) -> None:
        """Begin to count anew; kill at transaction number `at`, or never without `kill`."""
        with self._lock:
            self._kill, self._at, self._when, self.sent = kill, at, when, 0

    def handle(self, body: bytes) -> bytes | None:
        """The node's answer; None if the program was killed and gets none."""
        requests = json.loads(body)
        sends = [item for item in (requests if isinstance(requests, list) else [requests]) if item["method"] == SEND]
        if not sends:
            return self._forward(body)
        with self._lock:
            self.sent += len(sends)
            due = self._kill is not None and self.sent - len(sends) < self._at <= self.sent
            if due and self._when is When.BEFORE:
                self._kill()
                return None
            answer = self._forward(body)
            if due:
                self._kill()
                return None
            return answer

    def _forward(self, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(*self._node, timeout=60)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    @contextmanager
    def serving(self) -> Iterator[KillingProxy]:
        """Listen on a free port for the length of the block."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Header and body in one piece: in two, each answer would wait for the other side's delayed acknowledgement.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                answer = proxy.handle(self.rfile.read(int(self.headers["Content-Length"])))
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
