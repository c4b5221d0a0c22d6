"""From a photo dropped into Dropbox to the strike and back: a real daemon, real frames, real nets."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from doorctl.core.decision import EventKind
from tests.enrol.running import running
from tests.enrol.standin import StandIn

pytestmark = pytest.mark.slow

PERSON, ANOTHER_DAY = "0007_01_00_02", "0007_00_00_01"
"""One person of nuaa-dev on two days: before the door, and on the photo."""
BYSTANDER = "0001_00_00_01"


def photo(shared: Path, sequence: str) -> bytes:
    frames = sorted((shared / "data/nuaa-dev/live" / sequence).iterdir())
    return frames[len(frames) // 2].read_bytes()


def test_dropped_opens_denied_shuts_undone_opens_again(
    shared: Path, models_dir: Path, tmp_path: Path, standin: StandIn
) -> None:
    """A photo opens the door for its person, DENY shuts it by name, and to take that away opens it again."""
    frames = shared / "data/nuaa-dev/live" / PERSON
    standin.state.put("/Somebody Else-1.jpg", photo(shared, BYSTANDER))
    with running(tmp_path / "door", frames, standin) as door:
        door.wait("the first round", lambda: (EventKind.PERSON_ENROLLED, None) in door.kinds())
        door.wait(
            "the refusal of a stranger", lambda: (EventKind.ACCESS_DENIED, "unknown_person") in door.kinds()
        )
        assert door.releases() == 0

        standin.state.put("/Grace Visitor-1.jpg", photo(shared, ANOTHER_DAY))
        door.wait("the release", lambda: door.releases() > 0)

        standin.state.put("/Grace Visitor-DENY", b"")
        door.wait("the denial", lambda: (EventKind.ACCESS_DENIED, "denied") in door.kinds())
        shut = door.releases()
        time.sleep(3.0)  # several times as long as it takes to let her in
        assert door.releases() == shut

        standin.state.delete("/Grace Visitor-DENY")
        door.wait("the next release", lambda: door.releases() > shut)

        standin.state.delete("/Grace Visitor-1.jpg")
        door.wait("the revocation", lambda: (EventKind.PERSON_REVOKED, None) in door.kinds())
        page = standin.state.read(f"/_doorctl/{os.uname().nodename}.md").decode()
        assert "Somebody Else" in page


def test_the_door_works_on_without_its_folder(
    shared: Path, models_dir: Path, tmp_path: Path, standin: StandIn
) -> None:
    """A network that fails and a token that is revoked are told; who is known still comes in."""
    frames = shared / "data/nuaa-dev/live" / PERSON
    standin.state.put("/Grace Visitor-1.jpg", photo(shared, ANOTHER_DAY))
    with running(tmp_path / "door", frames, standin) as door:
        door.wait("the release", lambda: door.releases() > 0)
        with standin.network_down():
            standin.disconnect()
            door.wait("the failure", lambda: (EventKind.SYNC_FAILED, None) in door.kinds())
            standin.state.put("/Somebody Else-1.jpg", photo(shared, BYSTANDER))
            before = door.releases()
            door.wait("a release meanwhile", lambda: door.releases() > before)
        door.wait("the network", lambda: (EventKind.SYNC_BACK, None) in door.kinds())
        enrolled = (EventKind.PERSON_ENROLLED, None)
        door.wait("what was dropped meanwhile", lambda: door.kinds().count(enrolled) == 2)
        standin.accounts.revoke()
        standin.accounts.expire()
        standin.state.put("/Late-1.txt", b"")
        door.wait("the advice", lambda: "doorctl dropbox login" in (door.data / "log").read_text())
        before = door.releases()
        door.wait("a release all the same", lambda: door.releases() > before)
        assert standin.refresh_token not in (door.data / "log").read_text()
