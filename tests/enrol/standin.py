"""A stand-in for Dropbox's HTTP API, on this machine, which the official SDK works against unchanged.

    with StandIn(Authority(tmp_path)) as standin:
        standin.state.put("/Photos/Grace.jpg", data)

One address serves what Dropbox has four for: api, content, notify and www. ``standin.state`` is the folder
as its users see and change it, ``standin.faults`` makes things go wrong, and ``standin.log`` tells what was
asked.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import trustme

from tests.enrol.standin_accounts import SCOPES, Accounts
from tests.enrol.standin_faults import Faults, Log
from tests.enrol.standin_routes import Routes
from tests.enrol.standin_server import Server
from tests.enrol.standin_state import State


class Authority:
    """A certificate authority that nobody else trusts, and its certificate for localhost.

    Args:
        directory: where ``ca.pem`` is written.
    """

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)


class StandIn:
    """Dropbox with one app, one user, and the user's files.

    Args:
        authority: who vouches for it; slow to make, so one for many.
        longpoll_scale: what the seconds that a longpoll asks for are multiplied by.

    Attributes:
        host: ``localhost:PORT``; the port stays while the network is down.
        ca_file: PEM to trust it by.
        state: what is in the user's Dropbox.
        accounts: the app's key and its tokens.
        faults: what goes wrong.
        log: what was asked.
    """

    def __init__(self, authority: Authority, longpoll_scale: float = 1.0) -> None:
        self.ca_file = authority.ca_file
        self.accounts = Accounts()
        self.state = State(self.accounts.account_id)
        self.faults = Faults()
        self.log = Log()
        self.app_key = self.accounts.app_key
        self.refresh_token = self.accounts.refresh_token()
        self.routes = Routes(self.state, self.accounts, longpoll_scale)
        self._context = authority.context
        self._server = self._bind(0)
        self.port = int(self._server.server_address[1])
        self.host = f"localhost:{self.port}"
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stop()
        finally:
            self._server.server_close()

    def access_token(self, scopes: tuple[str, ...] = SCOPES, expires_in: float = 14_400) -> str:
        """An access token by itself; see ``Accounts.access_token``."""
        return self.accounts.access_token(scopes, expires_in)

    def authorize(self, url: str) -> str:
        """Play the user at the address that the SDK prints; see ``Accounts.authorize``.

        Returns:
            the code to paste.
        """
        return self.accounts.authorize(url, {self.host, "www.dropbox.com"})

    def environment(self) -> dict[str, str]:
        """What points the SDK at the stand-in in a process of its own: read as ``dropbox`` is imported."""
        hosts = ("API_HOST", "API_CONTENT_HOST", "API_NOTIFY_HOST", "WEB_HOST")
        trust = {"REQUESTS_CA_BUNDLE": str(self.ca_file), "NO_PROXY": "localhost", "no_proxy": "localhost"}
        return {f"DROPBOX_{name}": self.host for name in hosts} | trust

    def disconnect(self) -> None:
        """Cut every connection; new ones are welcome."""
        self._server.disconnect()

    @contextlib.contextmanager
    def network_down(self) -> Iterator[None]:
        """Cut every connection and refuse new ones, until the end."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _bind(self, port: int) -> Server:
        """A server that has the port but does not listen: connections are refused."""
        return Server(port, self._context, self.routes, self.faults, self.log)

    def _start(self) -> None:
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="stand-in")
        self._thread.start()

    def _stop(self) -> None:
        assert self._thread is not None
        old = self._server
        old.close()
        self._thread.join()
        self._server = self._bind(self.port)
        if old.crashes:
            raise old.crashes[0]
