"""A replay whose wires are scripted: the door's alarms, as in the README, and scripts that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorctl.app.script import LONGEST, Happening, read_script
from doorctl.core.inputs import Line
from doorctl.errors import ScriptError
from tests.command import doorctl, lines, refused
from tests.pictures import hopper_file

EVENING = """\
1.5   contact open     # she who was let in comes in,
2.5   contact close    # and it locks behind her

20    contact open     # nobody was let in
21    contact close
25    rex press        # somebody goes out, and leaves the door open
25.2  rex release
26    contact open
60    contact close
62    rex press        # and another only touches the button
62.3  rex release
70    tamper open
71    tamper close
75    fire alarm
80    fire clear
90    rex press        # a wedged button
160   rex release
165   end
"""


@pytest.fixture
def evening(tmp_path: Path) -> Path:
    (tmp_path / "evening.txt").write_text(EVENING)
    return tmp_path / "evening.txt"


def test_a_replay_shows_each_of_the_doors_alarms(
    door: Path, models_dir: Path, walk_up_clip: Path, evening: Path
) -> None:
    """Through the real command, gpiozero's mock pins and the daemon's loop: every event at its time."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    found = lines(doorctl("replay", walk_up_clip, "--inputs", evening, "--json", data=door))
    told = [(row["event"], row["person"], round(row["time"])) for row in found]
    assert [one for one in told if not one[0].startswith("Access") or one[2] < 5 or one[2] > 15] == [
        *(("AccessGranted", "Grace Hopper", 1), ("RelayOn", None, 1)),
        *(("AccessTaken", "Grace Hopper", 2), ("RelayOff", None, 3)),
        *(("DoorForcedOpen", None, 20), ("DoorClosed", None, 21)),
        *(("Unlocked", None, 25), ("RelayOn", None, 25), ("AccessTaken", None, 26), ("RelayOff", None, 28)),
        *(("DoorPreAlarm", None, 46), ("DoorOpenTooLong", None, 56), ("DoorClosed", None, 60)),
        *(
            ("Unlocked", None, 62),
            ("RelayOn", None, 62),
            ("RelayOff", None, 65),
            ("AccessNotTaken", None, 66),
        ),
        *(("Tamper", None, 70), ("TamperEnded", None, 71)),
        *(("FireAlarm", None, 75), ("FireAlarmEnded", None, 80)),
        *(
            ("Unlocked", None, 90),
            ("RelayOn", None, 90),
            ("RelayOff", None, 93),
            ("AccessNotTaken", None, 94),
        ),
        ("InputFault", None, 150),
    ]
    relocked = next(row["time"] for row in found if row["event"] == "RelayOff")
    assert 2.5 <= relocked <= 2.9


def test_a_fire_alarm_holds_the_relay_where_the_owner_says_so(
    door: Path, models_dir: Path, walk_up_clip: Path, evening: Path
) -> None:
    """From the alarm on without a gap, and ten seconds at most beyond its end."""
    with (door / "doorctl.yaml").open("a") as file:
        file.write("inputs: {fire_releases: true, contact: 24}\n")
    found = lines(doorctl("replay", walk_up_clip, "--inputs", evening, "--json", data=door))
    relay = [(row["event"], row["time"]) for row in found if row["event"].startswith("Relay")]
    held = [(on, off) for (_, on), (_, off) in zip(relay[::2], relay[1::2], strict=True) if 74 < on < 80]
    assert len(held) == 1
    assert 80 <= held[0][1] <= 90.5


def test_a_script_is_read_as_written(evening: Path) -> None:
    """Comments and blank lines are passed over; the end may be later than the last happening."""
    script = read_script(evening)
    assert script.happenings[:2] == (Happening(1.5, Line.CONTACT, True), Happening(2.5, Line.CONTACT, False))
    assert (len(script.happenings), script.end, script.lines) == (16, 165.0, frozenset(Line))


@pytest.mark.parametrize(
    "row",
    [
        "contact open",
        "x contact open",
        "1 contact",
        "1 contact ajar",
        "1 window open",
        "-1 rex press",
        "nan rex press",
        f"{LONGEST * 2} end",
        "1 rex press now",
        "inf end",
    ],
)
def test_every_wrong_line_is_told(tmp_path: Path, row: str) -> None:
    """With its number, what it says, and what would be right; all of them at once."""
    file = tmp_path / "wrong.txt"
    file.write_text(f"1 rex press\n{row}\n\n{row}\n")
    with pytest.raises(ScriptError) as error:
        read_script(file)
    assert [told.split(" ")[0] for told in error.value.message.splitlines()] == [f"{file}:2:", f"{file}:4:"]
    assert "contact close" in error.value.message


def test_a_script_that_cannot_be_read_is_told(
    door: Path, models_dir: Path, walk_up_clip: Path, tmp_path: Path
) -> None:
    """A missing file and one of bytes end the command with one line and the exit code for data."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "none.txt", tmp_path / "bytes", tmp_path):
        refused(doorctl("replay", walk_up_clip, "--inputs", file, data=door), 65, str(file))
