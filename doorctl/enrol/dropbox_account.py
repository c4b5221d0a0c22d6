"""Getting into somebody's Dropbox, asking who that is, and getting out: OAuth 2 with PKCE, no secret."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import requests
from dropbox.exceptions import AuthError, BadInputError
from dropbox.oauth import DropboxOAuth2FlowNoRedirect

from doorctl.enrol.dropbox_client import Hosts, Timeouts, connect
from doorctl.enrol.dropbox_errors import APPS, WRITE_SCOPE, folder_refused, translated
from doorctl.enrol.source import SourceError
from doorctl.enrol.token import LOGIN, Token
from doorctl.errors import DoorctlError


def scopes(*, writes: bool) -> tuple[str, ...]:
    """What to ask for: enough to learn from a folder, and on wish to write receipts into it."""
    # Every app has the first one ticked; but who asks for some scopes is given no other.
    learn = ("account_info.read", "files.metadata.read", "files.content.read")
    return (*learn, WRITE_SCOPE) if writes else learn


@dataclass(frozen=True, slots=True)
class Person:
    """Whose Dropbox it is."""

    id: str
    name: str
    email: str


class Login:
    """One try to be let in: show ``address``, have the person allow it there, ``finish`` with the code.

    Args:
        app_key: the key of the Dropbox app.
        writes: whether to ask for write access too.
    """

    def __init__(
        self,
        app_key: str,
        *,
        writes: bool,
        hosts: Hosts | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        hosts, timeouts = hosts or Hosts(), timeouts or Timeouts()
        self._flow = DropboxOAuth2FlowNoRedirect(
            app_key,
            use_pkce=True,
            token_access_type="offline",
            scope=list(scopes(writes=writes)),
            timeout=timeouts.call,
            ca_certs=hosts.ca_file,
        )
        build = self._flow.build_url

        def build_url(target: str, params: Any = None, host: str = "") -> str:
            # As in ``connect``: the SDK has its hosts from the environment alone.
            return str(build(target, params, hosts.web if target.endswith("/authorize") else hosts.api))

        self._flow.build_url = build_url
        self.address = str(self._flow.start())
        """The page at which the person allows it; it shows a code then."""

    def finish(self, code: str) -> tuple[Token, tuple[str, ...]]:
        """The token for a code, which is good once and for some minutes; and the scopes that were granted.

        Raises:
            SourceError: the code is wrong or the app may not.
            UnreachableError: Dropbox cannot be asked.
        """
        if not code.strip():
            raise SourceError("no code was given", f"{LOGIN} again and paste the code that the page shows")
        with translated(_unexpected):
            try:
                granted = self._flow.finish(code.strip())
            except requests.HTTPError as error:
                status = error.response.status_code
                if status not in (400, 401):
                    raise
                raise SourceError(
                    "Dropbox does not take this code",
                    f"a code is good once, for some minutes, and for this app's key only: {LOGIN} again",
                ) from None
        if not granted.refresh_token:
            raise SourceError("Dropbox gave no refresh token", f"check photos.app_key, then {LOGIN} again")
        return Token(granted.refresh_token), tuple((granted.scope or "").split())


class Account:
    """The account that a token lets us into."""

    def __init__(
        self, app_key: str, token: Token, *, hosts: Hosts | None = None, timeouts: Timeouts | None = None
    ) -> None:
        hosts, timeouts = hosts or Hosts(), timeouts or Timeouts()
        self._connect: Callable[[], Any] = lambda: closing(connect(app_key, token, hosts, timeouts))

    def person(self) -> Person:
        """Whose it is.

        Raises:
            SourceError, UnreachableError: it cannot be told.
        """
        with translated(_unexpected), self._connect() as client:
            found = client.users_get_current_account()
            return Person(found.account_id, found.name.display_name, found.email)

    def check_folder(self, folder: str) -> None:
        """Look whether the folder is there and may be listed.

        Raises:
            SourceError, UnreachableError: it is not, or cannot be told.
        """
        with translated(folder_refused(folder)), self._connect() as client:
            client.files_list_folder(folder, limit=1)

    def may_write(self) -> bool:
        """Whether write access was granted, asked without writing: by asking for a token of that scope alone.

        Raises:
            SourceError, UnreachableError: it cannot be told.
        """
        with translated(_unexpected), self._connect() as client:
            try:
                client.refresh_access_token(scope=[WRITE_SCOPE])
            except BadInputError:
                return False
            return True

    def revoke(self) -> bool:
        """Make the token useless, and every access token that came of it; whether it was of use before.

        Raises:
            SourceError, UnreachableError: it cannot be told, so the token may still be good.
        """
        with translated(_unexpected), self._connect() as client:
            try:
                client.auth_token_revoke()
            except AuthError as error:
                if error.error and error.error.is_invalid_access_token():
                    return False
                raise
            return True


def _unexpected(reason: str) -> DoorctlError:
    return SourceError(f"Dropbox refuses ({reason})", f"look at your app at {APPS}")
