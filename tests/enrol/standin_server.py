"""The stand-in's server: connections, TLS, HTTP, and the faults that happen there."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.enrol.standin_faults import TOKEN, Fault, Faults, Log
from tests.enrol.standin_routes import Routes
from tests.enrol.standin_tree import Json
from tests.enrol.standin_wire import Answer, answer_text

PATIENCE = 10.0
"""Seconds that a client may take to say what it wants once it has begun."""


class Handler(BaseHTTPRequestHandler):
    """One connection, for as many requests as the client likes."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.request.settimeout(PATIENCE)
        self.request.do_handshake()
        self.request.settimeout(None)
        super().setup()

    def do_POST(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return self._send(answer_text("Length required", 411))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.partition("?")[0]
        if name != f"/{TOKEN}" and not name.startswith("/2/"):
            return self._send(Answer(404, b"<html>Error (404)</html>", {"Content-Type": "text/html"}))
        return self._answer(name.removeprefix("/2/").removeprefix("/"), body)

    def do_GET(self) -> None:
        what = 'Your request\'s HTTP request method is "GET".  This function only accepts "POST".'
        self._send(answer_text(what))

    def _answer(self, route: str, body: bytes) -> None:
        server = self.server
        request = server.log.begin(route, self._argument(body))
        fault = server.faults.take(route, request.path)
        if fault is not None and fault.kind == "hang":
            server.hold(fault)
        if server.closing.is_set() or (fault is not None and fault.kind == "refuse"):
            self.close_connection = True
            return
        if fault is not None and fault.answer is not None:
            answer = fault.answer
        else:
            answer = server.routes.answer(route, dict(self.headers.items()), body, server.closing.is_set)
        if server.closing.is_set():
            self.close_connection = True
            return
        request.status = answer.status
        self._send(answer, fault)

    def _argument(self, body: bytes) -> Json:
        """The argument for the log, whatever may be wrong with it."""
        try:
            value = json.loads(self.headers.get("Dropbox-API-Arg") or body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _send(self, answer: Answer, fault: Fault | None = None) -> None:
        body = fault.deform(answer.body) if fault is not None else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Dropbox-Request-Id", secrets.token_hex(16))
        self.end_headers()
        if fault is not None and fault.kind == "drip":
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                if self.server.closing.wait(fault.amount):
                    break
            return
        if fault is not None and fault.kind == "cut":
            body = body[: int(len(body) * fault.amount)]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by the base class
        """Say nothing: the log of requests tells."""


class Server(ThreadingHTTPServer):
    """Listens on a port of this machine; a new one each time that the network comes back."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 32

    def __init__(self, port: int, context: ssl.SSLContext, routes: Routes, faults: Faults, log: Log) -> None:
        super().__init__(("127.0.0.1", port), Handler, bind_and_activate=False)
        self.routes = routes
        self.faults = faults
        self.log = log
        self.closing = threading.Event()
        self.crashes: list[BaseException] = []
        self._context = context
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._held: set[threading.Event] = set()
        try:
            self.server_bind()
        except OSError:
            self.socket.close()
            raise

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        plain, address = super().get_request()
        connection = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def verify_request(self, request: object, client_address: object) -> bool:
        return not self.faults.take_drop()

    def shutdown_request(self, request: object) -> None:
        """End a connection without TLS's good-bye, as a cut does; from the thread that has it."""
        assert isinstance(request, socket.socket)
        with self._lock:
            self._open.discard(request)
        hang_up(request)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that have gone are nothing to speak of; anything else is the stand-in's fault."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.crashes.append(error)

    def hold(self, fault: Fault) -> None:
        """Keep a request until its fault is over, or the server."""
        with self._lock:
            self._held.add(fault.released)
        if self.closing.is_set():
            fault.released.set()
        fault.released.wait()

    def disconnect(self) -> None:
        """Cut every connection."""
        with self._lock:
            for connection in self._open:
                hang_up(connection)

    def close(self) -> None:
        """Cut every connection, let go of the port, and wait for the last thread."""
        self.closing.set()
        with self._lock:
            for released in self._held:
                released.set()
        self.routes.state.wake()
        self.shutdown()
        self.disconnect()
        self.server_close()


def hang_up(connection: socket.socket) -> None:
    """Wake whoever reads from a socket; ``SSLSocket.shutdown`` is not safe from another thread."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
