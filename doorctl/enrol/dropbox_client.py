"""A connection to Dropbox by its official SDK: where to, whom to trust, how long to wait."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dropbox import Dropbox, create_session
from dropbox.session import API_CONTENT_HOST, API_HOST, API_NOTIFICATION_HOST, WEB_HOST

from doorctl import __version__
from doorctl.enrol.token import Token


def ca_file(env: Mapping[str, str] | None = None) -> str | None:
    """The file of certificates to trust instead of certifi's, as a company's TLS proxy needs: SSL_CERT_FILE.

    The name is OpenSSL's. requests itself reads REQUESTS_CA_BUNDLE, which wins over this one.
    """
    return (os.environ if env is None else env).get("SSL_CERT_FILE") or None


@dataclass(frozen=True, slots=True)
class Hosts:
    """Who is asked: Dropbox, or a stand-in of a test. Each is ``name`` or ``name:port``."""

    api: str = API_HOST
    content: str = API_CONTENT_HOST
    notify: str = API_NOTIFICATION_HOST
    web: str = WEB_HOST
    ca_file: str | None = field(default_factory=ca_file)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long anything may last, in seconds."""

    connect: float = 10.0
    """For each address of a host."""
    read: float = 30.0
    """For each piece of an answer."""
    longpoll_grace: float = 100.0
    """Longer than asked for: Dropbox adds up to 90 s of its own, that not everybody comes back at once."""
    longpoll_again: float = 30.0
    """After long polling has failed; twice as long after each time more, up to ``longpoll_rest``."""
    longpoll_rest: float = 600.0
    retries: int = 1
    """Times that the SDK asks again after an HTTP 500; it sleeps 0 to 2 s before the first."""

    @property
    def call(self) -> tuple[float, float]:
        """As requests takes them."""
        return self.connect, self.read


def connect(app_key: str, token: Token, hosts: Hosts, timeouts: Timeouts) -> Any:
    """The SDK's client. It opens no connection before its first call."""
    client = Dropbox(
        oauth2_refresh_token=token.refresh,
        app_key=app_key,
        session=create_session(ca_certs=hosts.ca_file),
        timeout=timeouts.call,
        max_retries_on_error=timeouts.retries,
        # The caller waits, where it can be told to stop; the SDK would sleep as long as Dropbox asks.
        max_retries_on_rate_limit=0,
        user_agent=f"doorctl/{__version__}",
    )
    # The SDK reads its hosts from the environment, once, when it is imported; there is no argument for
    # them. The map is what it looks them up in, and the address for tokens is a default beside it.
    client._host_map = {"api": hosts.api, "content": hosts.content, "notify": hosts.notify}
    client.refresh_access_token = functools.partial(client.refresh_access_token, host=hosts.api)
    return client
