"""A publisher for tests: a real HTTP server in a thread, which can misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Publisher:
    """Serves ``content`` at every path, in the way that ``manner`` says.

    Manners: ``well``; ``short`` breaks off after ``stop_after`` bytes, once, and then serves well;
    ``always short``; ``hangs`` answers nothing; ``stalls`` sends ``stop_after`` bytes and no more;
    ``no ranges`` always sends the whole; ``missing`` answers 404; ``refuses ranges`` answers 416.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.manner = "well"
        self.stop_after = 0
        self.ranges: list[str | None] = []
        self.released = threading.Event()
        self.address = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.ranges.append(wanted)
        if self.manner == "hangs":
            self.released.wait(20)
            return
        if self.manner == "missing" or (self.manner == "refuses ranges" and wanted):
            handler.send_error(404 if self.manner == "missing" else 416)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if self.manner == "no ranges":
            start = 0
        handler.send_response(206 if start else 200)
        if start:
            end = len(self.content)
            handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        handler.send_header("Content-Length", str(len(self.content) - start))
        handler.end_headers()
        body = self.content[start:]
        if self.manner in {"short", "always short", "stalls"}:
            body = body[: self.stop_after]
        handler.wfile.write(body)
        handler.wfile.flush()
        if self.manner == "short":
            self.manner = "well"
        elif self.manner == "stalls":
            self.released.wait(20)


@contextmanager
def publisher(content: bytes) -> Iterator[Publisher]:
    """A publisher at a free port of this machine, for as long as the block lasts."""
    serves = Publisher(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            serves.answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    serves.address = f"http://127.0.0.1:{server.server_port}/file"
    try:
        yield serves
    finally:
        serves.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
