"""The stand-in's tokens: how the SDK gets them, what they allow, and how they end."""

from __future__ import annotations

import pytest
from dropbox.exceptions import AuthError, BadInputError
from requests import HTTPError

from tests.enrol.standin import StandIn
from tests.enrol.standin_accounts import AuthorizeError
from tests.enrol.standin_client import client, flow, lasting_client, post
from tests.enrol.standin_faults import LIST, TOKEN

READ = ["files.metadata.read", "files.content.read"]
FORM = "application/x-www-form-urlencoded"


def test_a_user_lets_the_app_in(standin: StandIn) -> None:
    """The SDK's flow with PKCE ends with a refresh token that works, for the scopes that were asked for."""
    asked = flow(standin, READ)
    with asked.requests_session:
        result = asked.finish(standin.authorize(asked.start()))
    assert result.account_id == standin.accounts.account_id
    assert set(result.scope.split()) == {*READ, "account_info.read"}
    with client(standin, oauth2_refresh_token=result.refresh_token, app_key=standin.app_key) as sdk:
        assert sdk.files_list_folder("").entries == []
        with pytest.raises(AuthError) as refused:
            sdk.files_upload(b"", "/a.txt")
    assert refused.value.error.get_missing_scope().required_scope == "files.content.write"


def test_a_code_is_good_once_and_for_who_asked(standin: StandIn) -> None:
    """Another verifier, or a second try with the right one, gets nothing."""
    asked, other = flow(standin), flow(standin)
    with asked.requests_session, other.requests_session:
        code = standin.authorize(asked.start())
        asked.finish(code)
        for who, what in ((asked, code), (other, standin.authorize(asked.start())), (asked, "nonsense")):
            with pytest.raises(HTTPError) as refused:
                who.finish(what)
            assert refused.value.response.status_code == 400
            assert refused.value.response.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("response_type=code", "response_type=token"),
        ("client_id=", "client_id=x"),
        ("code_challenge_method=S256", "code_challenge_method=S512"),
        ("token_access_type=offline&", ""),
        ("scope=", "scope=files.everything+"),
        ("/oauth2/authorize", "/1/oauth2/authorize"),
        ("https://", "http://"),
        ("response_type=code", "response_type=code&response_type=code"),
    ],
)
def test_the_authorize_page_is_strict(standin: StandIn, old: str, new: str) -> None:
    """An address that Dropbox's page would not take yields no code."""
    asked = flow(standin)
    url = asked.start()
    assert old in url
    with pytest.raises(AuthorizeError):
        standin.authorize(url.replace(old, new))


def test_an_expired_token_is_renewed(standin: StandIn) -> None:
    """The SDK renews by the clock before it asks, and on 401 where the clock was wrong; once each."""
    with lasting_client(standin) as sdk:
        sdk.files_list_folder("")
        sdk.files_list_folder("")
        assert standin.log.count(TOKEN) == 1
        standin.accounts.expire()
        sdk.files_list_folder("")
        assert standin.log.count(TOKEN) == 2
    assert [request.status for request in standin.log.all(LIST)] == [200, 200, 401, 200]
    with client(standin, standin.access_token(expires_in=0)) as sdk:
        with pytest.raises(AuthError) as refused:
            sdk.files_list_folder("")
        assert refused.value.error.is_expired_access_token()


def test_a_revoked_app_is_out(standin: StandIn) -> None:
    """Access tokens are unknown at once, and the refresh token gets no others."""
    with lasting_client(standin) as sdk:
        sdk.files_list_folder("")
        standin.accounts.revoke()
        with pytest.raises(AuthError) as refused:
            sdk.files_list_folder("")
        assert refused.value.error.is_invalid_access_token()
    with lasting_client(standin) as sdk, pytest.raises(AuthError):
        sdk.files_list_folder("")
    answer = post(
        standin,
        f"/{TOKEN}",
        {
            "grant_type": "refresh_token",
            "refresh_token": standin.refresh_token,
            "client_id": standin.app_key,
        },
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


def test_an_app_can_leave_by_itself(standin: StandIn) -> None:
    """auth/token/revoke ends the token and the refresh token that it came of."""
    with lasting_client(standin) as sdk:
        sdk.auth_token_revoke()
        with pytest.raises(AuthError):
            sdk.files_list_folder("")
    with lasting_client(standin) as sdk, pytest.raises(AuthError):
        sdk.files_list_folder("")


def test_a_scope_can_be_asked_for_less_but_not_for_more(standin: StandIn) -> None:
    """A refresh that names scopes gets those, if they were granted."""
    with lasting_client(standin, scope=READ) as sdk:
        sdk.files_list_folder("")
        with pytest.raises(AuthError):
            sdk.users_get_current_account()
    with lasting_client(standin, scope=["team_data.member"]) as sdk, pytest.raises(BadInputError):
        sdk.files_list_folder("")


def test_whoever_has_no_good_token_is_refused(standin: StandIn) -> None:
    """Unknown: 401; none, or one that is none: 400 in words, as Dropbox has it."""
    with client(standin, "unknown") as sdk, pytest.raises(AuthError) as refused:
        sdk.files_list_folder("")
    assert refused.value.error.is_invalid_access_token()
    with client(standin, "not a token") as sdk, pytest.raises(BadInputError, match="malformed"):
        sdk.files_list_folder("")
    answer = post(standin, LIST, b'{"path": ""}', Content_Type="application/json")
    assert (answer.status_code, "Authorization" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "unknown"}, "invalid_client"),
        ({"client_secret": "s3cret"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"refresh_token": "a b"}, "invalid_grant"),
    ],
)
def test_the_token_route_is_strict(standin: StandIn, change: dict[str, str], error: str) -> None:
    """Each way to ask wrongly has its own error."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": standin.refresh_token,
        "client_id": standin.app_key,
    }
    assert post(standin, f"/{TOKEN}", form).status_code == 200
    answer = post(standin, f"/{TOKEN}", form | change)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
