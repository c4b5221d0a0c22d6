"""The real SDK, pointed at the stand-in from within this process, and as strict as it can be made."""

from __future__ import annotations

from typing import Any

import dropbox
import requests
from dropbox.session import HOST_API, HOST_CONTENT, HOST_NOTIFY

from tests.enrol.standin import StandIn
from tests.enrol.standin_accounts import SCOPES


class PointedClient(dropbox.Dropbox):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client with every host replaced; it binds one of them as a default argument."""

    standin: StandIn

    def refresh_access_token(self, host: str = "", scope: list[str] | None = None) -> None:
        super().refresh_access_token(host or self.standin.host, scope)


class PointedFlow(dropbox.DropboxOAuth2FlowNoRedirect):  # type: ignore[misc]
    """The SDK's flow with every host replaced."""

    standin: StandIn

    def build_url(self, target: str, params: dict[str, str] | None = None, host: str = "") -> str:
        return str(super().build_url(target, params, self.standin.host))


def client(standin: StandIn, token: str = "", **options: Any) -> Any:
    """A client that tries everything once unless told otherwise; to be closed."""
    if not token and "oauth2_refresh_token" not in options:
        token = standin.access_token()
    told = {"max_retries_on_error": 0, "max_retries_on_rate_limit": 0, "timeout": 5} | options
    made = PointedClient(token or None, ca_certs=str(standin.ca_file), **told)
    made.standin = standin
    made._host_map = dict.fromkeys((HOST_API, HOST_CONTENT, HOST_NOTIFY), standin.host)
    return made


def lasting_client(standin: StandIn, **options: Any) -> Any:
    """A client with the refresh token; to be closed."""
    return client(standin, oauth2_refresh_token=standin.refresh_token, app_key=standin.app_key, **options)


def flow(standin: StandIn, scopes: list[str] | None = None, **options: Any) -> Any:
    """The flow by which a user lets the app in."""
    told = {"use_pkce": True, "token_access_type": "offline", "scope": scopes or list(SCOPES)} | options
    made = PointedFlow(standin.app_key, ca_certs=str(standin.ca_file), timeout=5, **told)
    made.standin = standin
    return made


def post(
    standin: StandIn,
    route: str,
    data: bytes | dict[str, str] | None = None,
    token: str | None = None,
    **headers: str,
) -> requests.Response:
    """A request as nobody's SDK would make it. ``Content_Type`` stands for ``Content-Type``.

    Args:
        token: access token; none: no ``Authorization``.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        named["Authorization"] = f"Bearer {token}"
    path = route if route.startswith("/") else f"/2/{route}"
    url = f"https://{standin.host}{path}"
    return requests.post(url, data=data, headers=named, verify=str(standin.ca_file), timeout=5)
