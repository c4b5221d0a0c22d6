"""``doorctl dropbox`` as a person runs it: a process of its own, the real SDK, the stand-in as Dropbox."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from doorctl.app.photo_source import open_photos
from doorctl.app.settings import Settings
from doorctl.enrol.source import SourceError
from doorctl.enrol.token import NAME, VARIABLE, Token, find_token, save_token
from doorctl.errors import ConfigError
from tests.command import SIMULATED, Done, doorctl, lines, refused
from tests.enrol.standin import StandIn
from tests.enrol.standin_accounts import AuthorizeError
from tests.enrol.standin_faults import LIST, REVOKE, TOKEN


@pytest.fixture
def home(tmp_path: Path, standin: StandIn) -> Path:
    """A data directory that is configured for the stand-in's folder."""
    data = tmp_path / "door"
    data.mkdir()
    configure(data, standin)
    standin.state.mkdir("/Photos")
    return data


def configure(data: Path, standin: StandIn, more: str = "") -> None:
    photos = f'photos: {{source: dropbox, app_key: "{standin.app_key}", folder: /Photos{more}}}\n'
    (data / "doorctl.yaml").write_text(SIMULATED + photos)


def run(standin: StandIn, data: Path, *arguments: str, **env: str) -> Done:
    return doorctl("dropbox", *arguments, data=data, **standin.environment(), **env)


class Session:
    """A login under way: what it says is read, and what the person types is written.

    Args:
        terminal: whether its input is a terminal, as over ssh, or a pipe.
    """

    def __init__(self, standin: StandIn, data: Path, *arguments: str, terminal: bool = False) -> None:
        self._typed, given = pty.openpty() if terminal else reversed(os.pipe())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "doorctl", "--data", str(data), "dropbox", "login", *arguments],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **standin.environment()},
        )
        os.close(given)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def type(self, text: str) -> Done:
        """Answer, and let it come to its end."""
        os.write(self._typed, text.encode())
        if not os.isatty(self._typed):
            os.close(self._typed)
        out, err = self._process.communicate(timeout=60)
        return subprocess.CompletedProcess([], self._process.returncode, self.address + "\n" + out, err)


@pytest.mark.parametrize("terminal", [False, True])
def test_login_lets_the_door_in(standin: StandIn, home: Path, terminal: bool) -> None:
    """From the page's address to a token in a file of mode 0600 that lists the folder; it shows nowhere."""
    session = Session(standin, home, terminal=terminal)
    done = session.type(standin.authorize(session.address) + "\n")
    assert done.returncode == 0, done.stderr
    for words in ("Grace Hopper (grace@example.org)", "files.content.write", str(home / NAME)):
        assert words in done.stdout
    assert ("Code:" in done.stderr) is terminal
    token = find_token({}, home)
    assert token.refresh not in done.stdout + done.stderr
    assert stat.S_IMODE((home / NAME).stat().st_mode) == 0o600
    assert "sl." not in done.stdout + done.stderr
    [fields] = lines(run(standin, home, "status", "--json"))
    assert fields["account"] == standin.accounts.account_id


def test_login_asks_for_no_more_than_it_needs(standin: StandIn, home: Path) -> None:
    """Reading alone where no receipts are written; offline, with PKCE, for the key on the command line."""
    configure(home, standin, ", receipts: false")
    session = Session(standin, home, "--app-key", standin.app_key)
    asked = dict(re.findall(r"[?&](\w+)=([^&]*)", session.address))
    assert asked["scope"] == "account_info.read+files.metadata.read+files.content.read"
    assert (asked["token_access_type"], asked["code_challenge_method"]) == ("offline", "S256")
    assert session.type(standin.authorize(session.address)).returncode == 0
    [fields] = lines(run(standin, home, "status", "--json"))
    assert fields["can_write"] is False


@pytest.mark.slow
def test_login_with_a_wrong_code_or_none(standin: StandIn, home: Path) -> None:
    """Exit code 77 with what to do, no traceback, and no file."""
    for typed, words in (("wrong-code\n", "does not take this code"), ("\n", "no code"), ("", "no code")):
        refused(Session(standin, home).type(typed), 77, words, "doorctl dropbox login")
    session = Session(standin, home)
    standin.authorize(session.address)
    other = Session(standin, home)
    code = standin.authorize(session.address)
    refused(other.type(code + "\n"), 77, "does not take this code")
    session.type("\n")
    assert not (home / NAME).exists()


@pytest.mark.slow
def test_login_without_a_network_or_a_key(standin: StandIn, home: Path) -> None:
    """No network is exit code 75; no app key is a matter of the configuration."""
    session = Session(standin, home)
    code = standin.authorize(session.address)
    with standin.network_down():
        refused(session.type(code + "\n"), 75, "connection to Dropbox fails")
    session = Session(standin, home)
    standin.faults.status(TOKEN, 503, times=1)
    refused(session.type("code\n"), 75, "HTTP 503")
    (home / "doorctl.yaml").write_text(SIMULATED)
    refused(run(standin, home, "login"), 78, "photos.app_key")
    refused(run(standin, home, "login", "--app-key", "Not a key"), 78, "is no app key")


def test_login_keeps_the_token_where_only_the_folder_is_missing(standin: StandIn, home: Path) -> None:
    """Access was given, so it is kept; the folder is for the person to make."""
    standin.state.delete("/Photos")
    session = Session(standin, home)
    refused(session.type(standin.authorize(session.address)), 77, "no such folder", "photos.folder")
    assert (home / NAME).exists()


def test_the_authorize_page_is_dropboxs_own(standin: StandIn, home: Path) -> None:
    """Where no environment says otherwise, the person is sent to www.dropbox.com."""
    done = doorctl("dropbox", "login", "--app-key", standin.app_key, data=home)
    address = done.stdout.strip()
    assert address.startswith("https://www.dropbox.com/oauth2/authorize?")
    assert standin.authorize(address)
    with pytest.raises(AuthorizeError):
        standin.authorize(address.replace("S256", "none"))


@pytest.mark.slow
def test_status_tells_how_it_stands(standin: StandIn, home: Path) -> None:
    """Who, which folder, whether receipts can be written; nothing is written to find that out."""
    save_token(home, Token(standin.refresh_token))
    done = run(standin, home, "status")
    assert done.returncode == 0, done.stderr
    for words in ("Grace Hopper", "/Photos", "can be written", str(home / NAME)):
        assert words in done.stdout
    assert standin.refresh_token not in done.stdout + done.stderr
    assert standin.state.paths() == []
    reader = standin.accounts.refresh_token(("account_info.read", "files.metadata.read"))
    [fields] = lines(done := run(standin, home, "status", "--json", **{VARIABLE: reader}))
    assert (fields["can_write"], fields["token"]) == (False, f"the variable {VARIABLE}")
    assert reader not in done.stdout
    assert "cannot be written" in run(standin, home, "status", **{VARIABLE: reader}).stdout


@pytest.mark.slow
def test_status_says_what_is_wrong(standin: StandIn, home: Path) -> None:
    """No token, a revoked one, no network, no folder: an exit code and what to do for each."""
    refused(run(standin, home, "status"), 77, "no Dropbox token", "doorctl dropbox login")
    save_token(home, Token(standin.refresh_token))
    with standin.network_down():
        refused(run(standin, home, "status"), 75, "check the network")
    standin.faults.rate_limit(LIST, times=1)
    refused(run(standin, home, "status"), 75, "fewer requests")
    standin.state.delete("/Photos")
    refused(run(standin, home, "status"), 77, "no such folder")
    standin.accounts.revoke()
    refused(run(standin, home, "status"), 77, "doorctl dropbox login")


@pytest.mark.slow
def test_logout_revokes_and_erases(standin: StandIn, home: Path) -> None:
    """The token is of no use to anyone afterwards, and gone; a revoked one is only erased."""
    save_token(home, Token(standin.refresh_token))
    [fields] = lines(run(standin, home, "logout", "--json"))
    assert fields == {"revoked": True, "erased": True}
    assert not (home / NAME).exists()
    assert standin.log.count(REVOKE) == 1
    done = run(standin, home, "status", **{VARIABLE: standin.refresh_token})
    refused(done, 77, "does not take the token any more")
    save_token(home, Token(standin.refresh_token))
    assert "did not know" in run(standin, home, "logout").stdout
    assert not (home / NAME).exists()


def test_logout_without_a_network_erases_nothing(standin: StandIn, home: Path) -> None:
    """A token that could not be revoked is kept, so that it still can be."""
    save_token(home, Token(standin.refresh_token))
    with standin.network_down():
        refused(run(standin, home, "logout"), 75, "check the network")
    assert (home / NAME).exists()


def test_logout_of_a_token_that_is_not_ours_to_erase(standin: StandIn, home: Path) -> None:
    """A token from the environment is revoked; taking it away there is left to whoever put it there."""
    done = run(standin, home, "logout", **{VARIABLE: standin.refresh_token})
    assert done.returncode == 0, done.stderr
    assert VARIABLE in done.stderr


def test_photos_open_as_the_configuration_says(
    standin: StandIn, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropbox with its token, or a clear error where there is none or no folder is set."""
    monkeypatch.delenv(VARIABLE, raising=False)
    settings = Settings.find(None, home)
    with pytest.raises(SourceError, match="dropbox login"):
        open_photos(settings)
    save_token(home, Token(standin.refresh_token))
    with open_photos(settings) as source:
        assert source.name == "dropbox:/Photos"
    (home / "doorctl.yaml").write_text(SIMULATED)
    with pytest.raises(ConfigError, match=r"photos\.source"):
        open_photos(Settings.find(None, home))
    (home / "photos").mkdir()
    (home / "doorctl.yaml").write_text(f"{SIMULATED}photos: {{source: 'folder:{home}/photos'}}\n")
    with open_photos(Settings.find(None, home)) as source:
        assert source.name == f"folder:{home}/photos"
