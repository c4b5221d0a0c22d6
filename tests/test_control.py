"""The control socket: who may use it, what its file is, and what becomes of orders."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from doorctl.app.control_client import ask
from doorctl.app.control_desk import Desk, commands
from doorctl.app.control_orders import Orders
from doorctl.app.control_peer import Peer, caller, may_command
from doorctl.app.control_socket import listening
from doorctl.app.control_wire import (
    MOST_REPLY,
    SOCKET,
    Request,
    Status,
    SyncNow,
    Unlock,
    told,
)
from doorctl.app.settings import Settings
from doorctl.errors import (
    ControlError,
    DaemonError,
    NotRunningError,
)
from tests.controls import NO_GROUP, UNLOCK, as_somebody, echo, line, listens, say, settings_at

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def a_group() -> grp.struct_group:
    """Some group that this machine has, and that is nobody's own."""
    found = [group for group in grp.getgrall() if group.gr_gid not in (0, NOBODY, os.getgid())]
    if not found:
        pytest.skip("this machine has no groups")
    return found[0]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_at(tmp_path / "door")


def test_whoever_may_is_answered_and_named(settings: Settings) -> None:
    """This user asks by the real client, and the answer has the name that the kernel gives them."""
    with listens(settings.runtime):
        reply = ask(settings.runtime, Status())
    assert reply["said"] == ["status"]
    assert reply["by"] == caller(os.geteuid()) or reply["by"].startswith("root (")


def test_root_is_told_apart_by_sudo_and_nobody_else_can_claim_to_be(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SUDO_USER says stands beside root's name; of anybody else the kernel's word alone counts."""
    assert caller(0, "anna") == "root (anna)"
    assert caller(NOBODY, "anna") == caller(NOBODY)
    assert caller(3_999_999) == "uid 3999999"
    with listens(settings.runtime):
        monkeypatch.setenv("SUDO_USER", "anna; rm -rf")
        assert "anna" not in ask(settings.runtime, Status())["by"]
        monkeypatch.setenv("SUDO_USER", "anna")
        assert ask(settings.runtime, Status())["by"] == (
            "root (anna)" if os.geteuid() == 0 else caller(os.geteuid())
        )


def test_who_may_command() -> None:
    """Root, the daemon's own user, and members of the group; a group that is not there lets nobody in."""
    group = a_group()
    assert may_command(Peer(1, 0, frozenset()), NO_GROUP)
    assert may_command(Peer(1, os.geteuid(), frozenset()), NO_GROUP)
    assert not may_command(Peer(1, NOBODY, frozenset({NOBODY})), NO_GROUP)
    assert not may_command(Peer(1, NOBODY, frozenset({NOBODY})), group.gr_name)
    assert may_command(Peer(1, NOBODY, frozenset({NOBODY, group.gr_gid})), group.gr_name)


@as_root
def test_the_kernel_says_who_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A real process of another user is kept out by the file's mode; where somebody opened the file to all,
    by its credentials, with one warning; members of the group are let in, primary or supplementary."""
    group, place = a_group(), tmp_path / "door"
    place.mkdir()
    place.chmod(0o755)
    with listens(place, group=group.gr_name):
        assert as_somebody(place, NOBODY, NOBODY, [], UNLOCK) == {"connect": "refused"}
        for own, others in ((group.gr_gid, []), (NOBODY, [group.gr_gid])):
            assert as_somebody(place, NOBODY, own, others, UNLOCK)["by"] == caller(NOBODY)
        (place / SOCKET).chmod(0o666)
        refused = [as_somebody(place, NOBODY, NOBODY, [], UNLOCK) for _ in range(2)]
        assert [(reply["ok"], reply["code"]) for reply in refused] == [(False, 77)] * 2
        assert "may not command" in refused[0]["error"]
    assert sum("may not command this door" in record.message for record in caplog.records) == 1


def test_the_socket_is_its_owners_and_its_groups(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Mode 0660 and the group, or 0600 and a warning where there is no such group; gone at the end."""
    file = tmp_path / SOCKET
    with listening(tmp_path, NO_GROUP):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "there is no group" in caplog.text
    assert not file.exists()
    if os.geteuid() == 0:
        group = a_group()
        with listening(tmp_path, group.gr_name):
            assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_gid) == (0o660, group.gr_gid)


def test_a_path_of_any_length_will_do(tmp_path: Path) -> None:
    """A socket's name has 108 bytes at most; a directory's may have more."""
    place = tmp_path / ("x" * 120) / ("y" * 120)
    place.parent.mkdir()
    with listens(place):
        assert say(place, line(do="status"))["ok"]


def test_what_a_killed_daemon_left_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    """A file without a listener goes; a live daemon's stays and works, and so does one that is no socket."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    with listens(tmp_path):
        with pytest.raises(ControlError, match="another daemon listens"), listening(tmp_path, NO_GROUP):
            pass
        assert say(tmp_path, line(do="status"))["ok"]
    (tmp_path / SOCKET).write_text("precious")
    with pytest.raises(ControlError, match="no socket"), listening(tmp_path, NO_GROUP):
        pass
    assert (tmp_path / SOCKET).read_text() == "precious"


def test_a_door_that_cannot_listen_goes_on(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A directory that is not there, or cannot be one: an error in the log, and the rest runs."""
    (settings.runtime / SOCKET).mkdir()
    ran = False
    with commands(settings, echo):
        ran = True
    assert ran
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "no command can reach this door" in caplog.text


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    """Without control there is no socket, and a command says that nobody listens."""
    settings = settings_at(tmp_path / "without", "control: {enabled: false}\n")
    with commands(settings, echo), pytest.raises(NotRunningError, match="no daemon runs") as error:
        ask(settings.runtime, Status())
    assert error.value.exit_code == 3


def test_a_refusal_keeps_its_words_and_its_code(settings: Settings) -> None:
    """What the daemon raises reaches the command as the same message, hint and exit code."""
    with listens(settings.runtime, Desk(lambda: settings, Orders(), None).handle):
        with pytest.raises(DaemonError, match="no folder of photos") as error:
            ask(settings.runtime, SyncNow())
        assert error.value.exit_code == 78
        assert "photos.source" in error.value.hint


def test_an_answer_is_bounded(settings: Settings) -> None:
    """The longest answer arrives whole; a longer one is told as such, in a few words."""
    much = "x" * (MOST_REPLY - 100)
    with listens(settings.runtime, lambda request, by, wake: told({"said": [much]})):
        assert ask(settings.runtime, Status())["said"] == [much]
    with (
        listens(settings.runtime, lambda request, by, wake: told({"said": [much * 2]})),
        pytest.raises(DaemonError, match="too long"),
    ):
        ask(settings.runtime, Status())


def test_a_fault_within_a_command_ends_that_command_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """An error that nobody foresaw is logged with its traceback, told with code 70; the next is served."""

    def breaks(request: Request, by: str, wake: Callable[[], object]) -> bytes:
        if isinstance(request, Unlock):
            raise ZeroDivisionError
        return told({"said": []})

    with listens(settings.runtime, breaks):
        with pytest.raises(DaemonError, match="ZeroDivisionError") as error:
            ask(settings.runtime, Unlock())
        assert error.value.exit_code == 70
        assert ask(settings.runtime, Status())["said"] == []
    assert "a command failed" in caplog.text


def test_whoever_cannot_be_judged_is_not_heard(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """The question who may fails for one caller: nothing that they say is done, and the next is served."""
    asked, judged = list[str](), list[Peer]()

    def may(peer: Peer) -> bool:
        judged.append(peer)
        if len(judged) == 1:
            raise RuntimeError("the list of groups is broken")
        return True

    def handle(request: Request, by: str, wake: Callable[[], object]) -> bytes:
        asked.append(request.do)
        return told({"said": []})

    with listens(settings.runtime, handle, may=may):
        assert say(settings.runtime, UNLOCK) == {}
        assert ask(settings.runtime, Status())["said"] == []
    assert asked == ["status"]
    assert "listening for commands failed" in caplog.text
