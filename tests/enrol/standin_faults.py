"""What can go wrong between a client and the stand-in, switched on by tests; and what was asked of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tests.enrol.standin_tree import Json
from tests.enrol.standin_wire import Answer, answer_error, answer_text, rate_limited, write_failed

LIST = "files/list_folder"
CONTINUE = "files/list_folder/continue"
LONGPOLL = "files/list_folder/longpoll"
DOWNLOAD = "files/download"
UPLOAD = "files/upload"
METADATA = "files/get_metadata"
ACCOUNT = "users/get_current_account"
TOKEN = "oauth2/token"
REVOKE = "auth/token/revoke"
ANY = "*"
"""Every route."""

Kind = Literal["answer", "hang", "refuse", "cut", "wrong", "short", "garble", "drip"]


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, for some requests."""

    kind: Kind
    route: str
    times: int | None
    path: str = ""
    answer: Answer | None = None
    amount: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)

    def deform(self, body: bytes) -> bytes:
        """The body as it goes out."""
        if self.kind == "wrong":
            return bytes(byte ^ 0x55 for byte in body)
        if self.kind in {"short", "garble"}:
            return body[: len(body) // 2]
        return body


class Faults:
    """Faults in the order they were switched on; each request meets the first that is for it.

    Every method takes the route (one of the constants, or ``ANY``), how many requests it is for
    (``times``; ``None``: until ``clear``), and the path in the argument if it is for one file only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._met: list[Fault] = []
        self._drops: int | None = 0

    def rate_limit(
        self, route: str, times: int | None = None, retry_after: int = 1, reason: str = "too_many_requests"
    ) -> None:
        """429, in JSON and with Retry-After; ``reason`` may be ``too_many_write_operations``."""
        self._add(Fault("answer", route, times, answer=rate_limited(reason, retry_after)))

    def rate_limit_plain(self, route: str, times: int | None = None, retry_after: int | None = 1) -> None:
        """429 in plain text, as a proxy in front says it; ``None``: without Retry-After."""
        answer = answer_text("too_many_requests/", 429)
        if retry_after is not None:
            answer.headers["Retry-After"] = str(retry_after)
        self._add(Fault("answer", route, times, answer=answer))

    def status(self, route: str, status: int = 503, times: int | None = None, text: str = "") -> None:
        """An answer that is no answer of the API: 500, 502, 503."""
        self._add(Fault("answer", route, times, answer=answer_text(text or f"Error {status}", status)))

    def write_error(self, *tags: str, times: int | None = None) -> None:
        """Uploads fail by these tags of ``WriteError``: ``insufficient_space``, ``no_write_permission``."""
        self._add(Fault("answer", UPLOAD, times, answer=write_failed(*tags)))

    def error(self, route: str, *tags: str, times: int | None = None, status: int = 409) -> None:
        """An error of the API by its tags: ``reset``; ``path, not_found``; ``invalid_access_token``, 401."""
        self._add(Fault("answer", route, times, answer=answer_error(*tags, status=status)))

    def page(self, route: str, times: int | None = None) -> None:
        """200 with a web page in place of JSON, as a captive portal answers."""
        answer = Answer(200, b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"})
        self._add(Fault("answer", route, times, answer=answer))

    def garble(self, route: str, times: int | None = None) -> None:
        """JSON that ends in the middle, in an answer that is whole."""
        self._add(Fault("garble", route, times))

    def hang(self, route: str, times: int | None = None, path: str = "") -> None:
        """Take the request and do nothing, until ``clear`` lets it go on or the server is closed."""
        self._add(Fault("hang", route, times, path))

    def refuse(self, route: str, times: int | None = None, path: str = "") -> None:
        """Close the connection without an answer."""
        self._add(Fault("refuse", route, times, path))

    def cut(
        self, route: str = DOWNLOAD, times: int | None = None, path: str = "", share: float = 0.5
    ) -> None:
        """Do what is asked, send that share of the body, and close the connection."""
        self._add(Fault("cut", route, times, path, amount=share))

    def wrong_bytes(self, times: int | None = None, path: str = "") -> None:
        """Downloads of the right length with other bytes."""
        self._add(Fault("wrong", DOWNLOAD, times, path))

    def short_bytes(self, times: int | None = None, path: str = "") -> None:
        """Downloads of half the file, in an answer that is whole."""
        self._add(Fault("short", DOWNLOAD, times, path))

    def drip(self, route: str, times: int | None = None, path: str = "", pause: float = 0.05) -> None:
        """Send the body one byte at a time, with that many seconds between."""
        self._add(Fault("drip", route, times, path, amount=pause))

    def drop(self, times: int | None = None) -> None:
        """Close connections as soon as they are accepted; ``StandIn.disconnect`` ends those that are open."""
        with self._lock:
            self._drops = times

    def clear(self, route: str | None = None) -> None:
        """Switch off what is for a route, or everything, and let go of what hangs."""
        with self._lock:
            for fault in [*self._faults, *self._met]:
                if route in {None, fault.route}:
                    fault.released.set()
            self._faults = [fault for fault in self._faults if route not in {None, fault.route}]
            self._met = [fault for fault in self._met if not fault.released.is_set()]
            if route is None:
                self._drops = 0

    def take(self, route: str, path: str) -> Fault | None:
        """The fault that a request meets."""
        with self._lock:
            for fault in self._faults:
                if fault.route in {ANY, route} and fault.path.lower() in {"", path.lower()}:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                            self._met.append(fault)
                    return fault
            return None

    def take_drop(self) -> bool:
        """Whether a connection is closed at once."""
        with self._lock:
            if self._drops is None:
                return True
            drops, self._drops = self._drops, max(0, self._drops - 1)
            return drops > 0

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)


@dataclass(slots=True)
class Request:
    """What a client asked, and how it was answered."""

    route: str
    argument: Json
    at: float
    """When it came, by ``time.monotonic``."""
    status: int | None = None
    """``None``: no answer (yet)."""

    @property
    def path(self) -> str:
        """The path it is about; empty if about none."""
        return str(self.argument.get("path", ""))


class Log:
    """Every request, in the order they came. Thread-safe."""

    def __init__(self) -> None:
        self._came = threading.Condition()
        self._requests: list[Request] = []

    def begin(self, route: str, argument: Json) -> Request:
        request = Request(route, argument, time.monotonic())
        with self._came:
            self._requests.append(request)
            self._came.notify_all()
        return request

    def all(self, route: str = "") -> list[Request]:
        """Those so far, of one route if it is named."""
        with self._came:
            return [request for request in self._requests if route in {"", request.route}]

    def count(self, route: str, path: str | None = None) -> int:
        """How many came to a route, about one path if it is given."""
        return sum(path in {None, request.path} for request in self.all(route))

    def downloads(self) -> Counter[str]:
        """How often each path was asked for, whatever came of it."""
        return Counter(request.path for request in self.all(DOWNLOAD))

    def clear(self) -> None:
        """Forget them."""
        with self._came:
            self._requests.clear()

    def wait(self, route: str, count: int = 1, seconds: float = 10.0) -> None:
        """Return as soon as so many requests have come to a route.

        Raises:
            TimeoutError: they have not, in that time.
        """
        with self._came:
            if not self._came.wait_for(lambda: self.count(route) >= count, seconds):
                raise TimeoutError(f"{self.count(route)} of {count} requests to {route} in {seconds} s")
