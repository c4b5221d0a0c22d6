"""Who may use the stand-in: the authorize page, tokens, scopes, and how they end."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tests.enrol.standin_tree import dbid
from tests.enrol.standin_wire import Answer, RefusedError, answer_error, answer_json, answer_text, oauth_error

SCOPES = (
    "account_info.read",
    "files.metadata.read",
    "files.metadata.write",
    "files.content.read",
    "files.content.write",
    "sharing.read",
)
"""What the app's owner has ticked in the App Console."""
REQUIRED_SCOPE = {
    "files/list_folder": "files.metadata.read",
    "files/list_folder/continue": "files.metadata.read",
    "files/get_metadata": "files.metadata.read",
    "files/download": "files.content.read",
    "files/upload": "files.content.write",
    "users/get_current_account": "account_info.read",
}
UID = "12345678"


class AuthorizeError(ValueError):
    """The authorize page shows an error instead of asking the user."""


@dataclass(frozen=True, slots=True)
class Code:
    """What the user is given to paste into the app."""

    challenge: str
    method: str
    offline: bool
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Token:
    """An access token."""

    scopes: frozenset[str]
    expires: float
    refresh_token: str


def refused(error: str, description: str) -> RefusedError:
    return RefusedError(oauth_error(error, description))


class Accounts:
    """The app, its one user, and their tokens. Thread-safe.

    Attributes:
        lifetime: seconds that access tokens from /oauth2/token live; Dropbox: four hours.
        scopes: what may be asked of the user.
    """

    def __init__(self) -> None:
        self.app_key = secrets.token_hex(8)[:15]
        self.account_id = dbid("the user")
        self.lifetime = 14_400
        self.scopes = SCOPES
        self._lock = threading.Lock()
        self._codes: dict[str, Code] = {}
        self._refresh: dict[str, frozenset[str]] = {}
        self._tokens: dict[str, Token] = {}

    def refresh_token(self, scopes: tuple[str, ...] = SCOPES) -> str:
        """One as the user has granted it."""
        with self._lock:
            return self._new_refresh(frozenset(scopes))

    def access_token(self, scopes: tuple[str, ...] = SCOPES, expires_in: float = 14_400) -> str:
        """One by itself, without a refresh token; it has expired if ``expires_in`` is not above zero."""
        with self._lock:
            return self._new_token(frozenset(scopes), expires_in, "")

    def expire(self) -> None:
        """Let every access token be past its time, whatever the app thinks."""
        with self._lock:
            self._tokens = {
                name: Token(token.scopes, 0.0, token.refresh_token) for name, token in self._tokens.items()
            }

    def revoke(self) -> None:
        """The user disconnects the app: no token is good any more."""
        with self._lock:
            self._refresh.clear()
            self._tokens.clear()

    def revoke_with(self, header: str) -> None:
        """/auth/token/revoke: the token, its refresh token, and every other that came of that."""
        with self._lock:
            name = header.removeprefix("Bearer ")
            refresh = self._tokens.pop(name).refresh_token
            if refresh:
                self._refresh.pop(refresh, None)
                self._tokens = {k: t for k, t in self._tokens.items() if t.refresh_token != refresh}

    def authorize(self, url: str, hosts: set[str]) -> str:
        """Open the authorize page, press "Allow", and read the code that it shows.

        Args:
            hosts: where the page is.

        Raises:
            AuthorizeError: the page refuses what it is asked.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.netloc not in hosts or parts.path != "/oauth2/authorize":
            raise AuthorizeError(f"not the authorize page: {url}")
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)
        asked = dict(pairs)
        if len(asked) != len(pairs):
            raise AuthorizeError(f"a parameter twice: {url}")
        wanted = {
            "response_type",
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "token_access_type",
        }
        wanted |= {"scope"}
        if asked.keys() != wanted:
            raise AuthorizeError(f"parameters missing or unknown: {sorted(asked.keys() ^ wanted)}")
        if asked["response_type"] != "code":
            raise AuthorizeError(f"unknown response_type {asked['response_type']!r}")
        if asked["client_id"] != self.app_key:
            raise AuthorizeError(f"unknown client_id {asked['client_id']!r}")
        if asked["code_challenge_method"] not in {"S256", "plain"}:
            raise AuthorizeError(f"unknown code_challenge_method {asked['code_challenge_method']!r}")
        if not 43 <= len(asked["code_challenge"]) <= 128:
            raise AuthorizeError("code_challenge must have 43 to 128 characters")
        if asked["token_access_type"] not in {"offline", "online"}:
            raise AuthorizeError(f"unknown token_access_type {asked['token_access_type']!r}")
        scopes = frozenset(asked["scope"].split(" "))
        if not scopes <= set(self.scopes):
            raise AuthorizeError(f"the app has no such scope: {sorted(scopes - set(self.scopes))}")
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[code] = Code(
                asked["code_challenge"],
                asked["code_challenge_method"],
                asked["token_access_type"] == "offline",
                scopes | {"account_info.read"},
            )
        return code

    def token(self, form: dict[str, str]) -> Answer:
        """/oauth2/token.

        Raises:
            RefusedError: no token.
        """
        if form.get("client_id") != self.app_key or "client_secret" in form:
            raise refused("invalid_client", "Invalid client_id or client_secret")
        grants = {"refresh_token": self._refreshed, "authorization_code": self._exchanged}
        if form.get("grant_type") not in grants:
            raise refused("unsupported_grant_type", "unsupported grant_type")
        with self._lock:
            return answer_json(grants[form["grant_type"]](form), Cache_Control="no-store")

    def check(self, route: str, header: str | None) -> None:
        """Whether a request to a route may go ahead.

        Args:
            header: its ``Authorization``.

        Raises:
            RefusedError: it may not.
        """

        def refuse(what: str) -> RefusedError:
            return RefusedError(answer_text(f'Error in call to API function "{route}": {what}'))

        if header is None:
            raise refuse('Must provide HTTP header "Authorization" or URL parameter "authorization".')
        scheme, _, name = header.partition(" ")
        if scheme != "Bearer" or not name:
            what = f'Invalid authorization value in HTTP header "Authorization": "{header}".'
            raise refuse(f'{what}  Expecting "Bearer <oauth2-access-token>".')
        if not name.isascii() or set(name) & set(" ,;\"'"):
            raise refuse("The given OAuth 2 access token is malformed.")
        with self._lock:
            token = self._tokens.get(name)
        if token is None:
            raise RefusedError(answer_error("invalid_access_token", status=401))
        if token.expires <= time.monotonic():
            raise RefusedError(answer_error("expired_access_token", status=401))
        scope = REQUIRED_SCOPE.get(route)
        if scope and scope not in token.scopes:
            raise RefusedError(answer_error("missing_scope", status=401, required_scope=scope))

    def _refreshed(self, form: dict[str, str]) -> dict[str, object]:
        name = form.get("refresh_token", "")
        if not name.isascii() or not name or " " in name:
            raise refused("invalid_grant", "refresh token is malformed")
        if name not in self._refresh:
            raise refused("invalid_grant", "refresh token is invalid or revoked")
        granted = self._refresh[name]
        asked = frozenset(form["scope"].split(" ")) if "scope" in form else granted
        if not asked <= granted:
            raise refused("invalid_scope", "requested scopes were not granted")
        token = self._new_token(asked, self.lifetime, name)
        return {"access_token": token, "token_type": "bearer", "expires_in": self.lifetime}

    def _exchanged(self, form: dict[str, str]) -> dict[str, object]:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None:
            raise refused("invalid_grant", "code doesn't exist or has expired")
        if "redirect_uri" in form:
            raise refused("invalid_grant", "redirect_uri mismatch")
        verifier = form.get("code_verifier", "")
        proof = verifier
        if code.method == "S256":
            digest = hashlib.sha256(verifier.encode()).digest()
            proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not 43 <= len(verifier) <= 128 or proof != code.challenge:
            raise refused("invalid_grant", "invalid code verifier")
        refresh = self._new_refresh(code.scopes) if code.offline else ""
        answer: dict[str, object] = {
            "uid": UID,
            "account_id": self.account_id,
            "access_token": self._new_token(code.scopes, self.lifetime, refresh),
            "token_type": "bearer",
            "expires_in": self.lifetime,
            "scope": " ".join(sorted(code.scopes)),
        }
        return answer | ({"refresh_token": refresh} if refresh else {})

    def _new_refresh(self, scopes: frozenset[str]) -> str:
        name = secrets.token_urlsafe(48)
        self._refresh[name] = scopes
        return name

    def _new_token(self, scopes: frozenset[str], seconds: float, refresh_token: str) -> str:
        name = f"sl.{secrets.token_urlsafe(96)}"
        self._tokens[name] = Token(scopes, time.monotonic() + seconds, refresh_token)
        return name
