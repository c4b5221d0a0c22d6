"""The commands as a person meets them: real processes, real files, exit codes and words."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from doorctl.gpio.simulated import read_transitions
from doorctl.store.database import Store
from tests.command import SIMULATED, doorctl, lines, refused
from tests.pictures import astronaut_file, hopper_file


@pytest.mark.parametrize(
    "command",
    ["run", "demo", "check", "lock", "enrol", "identify", "replay", "events", "models", "people", "bench"],
)
def test_every_command_has_help_with_an_example(command: str) -> None:
    """--help answers at once, and shows how the command is used."""
    result = doorctl(command, "--help", COLUMNS="200")
    assert result.returncode == 0
    assert "Usage" in result.stdout
    if command not in ("models", "people", "events"):
        assert f"Example: doorctl {command}" in result.stdout or "doorctl lock" in result.stdout


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("door: {open_second: 3}\n", ["doorctl.yaml:1", "open_second", "open_seconds"]),
        ("door:\n\topen_seconds: 3\n", ["doorctl.yaml:2", "tab"]),
        ("door: {open_seconds: -1}\nmatch: {threshold: high}\n", ["doorctl.yaml:1", "doorctl.yaml:2"]),
    ],
)
def test_a_wrong_configuration_is_told_with_its_lines_and_opens_no_door(
    tmp_path: Path, yaml: str, words: list[str]
) -> None:
    """Every mistake with its line; exit 78, which systemd does not restart on; no pin was touched."""
    (tmp_path / "doorctl.yaml").write_text(yaml)
    refused(doorctl("run", data=tmp_path), 78, *words)
    assert not (tmp_path / "pins.jsonl").exists()


def test_a_missing_model_names_the_command_that_gets_it(door: Path) -> None:
    """No models: exit 69 and what to do."""
    refused(doorctl("run", data=door, DOORCTL_MODELS=str(door / "none")), 69, "doorctl models install")


def test_a_model_of_zero_bytes_is_noticed(door: Path, models_dir: Path) -> None:
    """A damaged model file is told by name before any frame is judged."""
    (door / "models").mkdir()
    for file in models_dir.iterdir():
        (door / "models" / file.name).symlink_to(file)
    (door / "models" / "face_mesh.tflite").unlink()
    (door / "models" / "face_mesh.tflite").touch()
    refused(doorctl("run", data=door), 69, "face_mesh", "doorctl models install")


def png_header(width: int, height: int) -> bytes:
    """A PNG file that claims a size and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    body = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("text.jpg", b"this is not a picture\n", "picture"),
        ("dot.png", png_header(1, 1), "1"),
        ("huge.png", png_header(20000, 20000), "too many pixels"),
        ("empty.jpg", b"", "empty"),
    ],
)
def test_bad_pictures_are_refused_for_their_own_reason(
    door: Path, models_dir: Path, name: str, content: bytes, word: str
) -> None:
    """A text file, one pixel, a header of 400 million pixels, nothing at all: exit 65, each told, no harm."""
    photo = door / name
    photo.write_bytes(content)
    refused(doorctl("enrol", "Grace Hopper", photo, data=door), 65, name, word)
    refused(doorctl("identify", photo, data=door), 65, name, word)
    assert lines(doorctl("people", "list", "--json", data=door)) == []


def test_an_unplugged_camera_is_told_before_the_door_is_called_ready(door: Path, models_dir: Path) -> None:
    """A device that is not there: exit 66 and its name."""
    (door / "doorctl.yaml").write_text(SIMULATED + "camera: {source: 97}\n")
    refused(doorctl("run", data=door), 66, "97")
    check = doorctl("check", data=door)
    assert check.returncode == 66
    assert "FAILED  camera" in check.stdout


def test_a_data_directory_that_cannot_be_written_is_told(models_dir: Path) -> None:
    """Even root cannot write into /proc: exit 74 and the path, for people and the daemon alike."""
    place = Path("/proc/doorctl")
    refused(doorctl("enrol", "Grace Hopper", hopper_file(), data=place), 74, "/proc/doorctl")
    refused(doorctl("people", "list", data=place), 74, "/proc/doorctl")


def test_a_real_door_without_liveness_needs_the_owners_word(tmp_path: Path) -> None:
    """Liveness may be switched off only by a configuration that says what this means: exit 78 otherwise."""
    (tmp_path / "doorctl.yaml").write_text("liveness: {mode: off}\n")
    refused(doorctl("run", data=tmp_path), 78, "i_understand_photos_open_this_door")


def test_people_come_and_go(door: Path, models_dir: Path) -> None:
    """Enrol, identify, deny, allow, show, forget: each does what it says, and the events tell it."""
    enrolled = lines(doorctl("enrol", "Grace Hopper", hopper_file(), "--json", data=door))
    nothing: dict[str, list[str]] = {"held": [], "refused": [], "looks_like": []}
    assert enrolled == [{"person": "Grace Hopper", "enrolled": 1, **nothing}]
    grace, eileen = lines(doorctl("identify", hopper_file(), astronaut_file(), "--json", data=door))
    assert (grace["person"], grace["reason"]) == ("Grace Hopper", "recognised")
    assert (eileen["person"], eileen["reason"]) == (None, "unknown_person")
    assert doorctl("people", "deny", "grace hopper", data=door).returncode == 0
    denied = lines(doorctl("identify", hopper_file(), "--json", data=door))[0]
    assert (denied["person"], denied["reason"]) == ("Grace Hopper", "denied")
    assert doorctl("people", "allow", "Grace Hopper", data=door).returncode == 0
    assert lines(doorctl("people", "show", "Grace Hopper", "--json", data=door))[0]["denied"] is False
    assert doorctl("people", "forget", "Grace Hopper", "--yes", data=door).returncode == 0
    refused(doorctl("people", "show", "Grace Hopper", data=door), 67, "Grace Hopper")
    kinds = [event["event"] for event in lines(doorctl("events", "--json", data=door))]
    assert kinds == ["PersonEnrolled", "PersonDenied", "PersonAllowed", "PersonRemoved"]


def test_a_face_cannot_be_slipped_in_under_another_name(door: Path, models_dir: Path) -> None:
    """Hopper under a second name is refused, and again once she is denied; --force is the way round, says
    so, and is told as a lookalike, which 'people list' and 'people show' tell too."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    refused(doorctl("enrol", "Amazing Grace", hopper_file(), data=door), 65, "known already, as Grace Hopper")
    assert doorctl("people", "deny", "Grace Hopper", data=door).returncode == 0
    refused(doorctl("enrol", "New Start", hopper_file(), data=door), 65, "who is denied")
    assert [row["person"] for row in lines(doorctl("people", "list", "--json", data=door))] == [
        "Grace Hopper"
    ]
    forced = doorctl("enrol", "Amazing Grace", hopper_file(), "--force", data=door)
    assert forced.returncode == 0
    assert "Amazing Grace looks like Grace Hopper (1.00)" in forced.stdout
    rows = lines(doorctl("people", "list", "--json", data=door))
    assert [row["looks_like"] for row in rows] == [
        [{"person": "Amazing Grace", "similarity": 1.0}],
        [{"person": "Grace Hopper", "similarity": 1.0}],
    ]
    assert "Grace Hopper (1.00)" in doorctl("people", "list", data=door).stdout
    assert "looks like Amazing Grace (1.00)" in doorctl("people", "show", "Grace Hopper", data=door).stdout


def test_a_photo_that_does_not_match_waits_for_a_word(door: Path, models_dir: Path) -> None:
    """Collins in a photo called Hopper's is held (77), shown with its number, and gone once rejected; while
    it waits for a second time she is enrolled as herself, and only --force approves it then."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    slipped = doorctl("enrol", "Grace Hopper", astronaut_file(), data=door)
    refused(slipped, 77, "is held", "people approve 'Grace Hopper' --photo 1", "reject")
    assert "held as photo 1: score" in doorctl("people", "show", "Grace Hopper", data=door).stdout
    refused(doorctl("people", "reject", "Grace Hopper", "--photo", 2, data=door), 65, "no held photo 2")
    assert "1 photo rejected" in doorctl("people", "reject", "Grace Hopper", data=door).stdout

    again = doorctl("enrol", "Grace Hopper", hopper_file(), astronaut_file(), "--json", data=door)
    fields = json.loads(again.stdout)
    assert (again.returncode, fields["enrolled"]) == (77, 0)
    assert [(held["photo"], held["number"]) for held in fields["held"]] == [(str(astronaut_file()), 2)]
    assert doorctl("enrol", "Eileen Collins", astronaut_file(), data=door).returncode == 0
    refused(doorctl("people", "approve", "Grace Hopper", data=door), 65, "known already, as Eileen Collins")
    assert lines(doorctl("people", "list", "--json", data=door))[0]["held"] == 1
    approved = doorctl("people", "approve", "Grace Hopper", "--force", data=door)
    assert "1 photo approved" in approved.stdout
    assert "looks like Eileen Collins" in approved.stdout
    (grace, _) = lines(doorctl("people", "list", "--json", data=door))
    assert (grace["photos"], grace["held"]) == (2, 0)


def test_people_are_listed_without_nets(door: Path, models_dir: Path) -> None:
    """Who looks like whom is then unknown, and told as that; denying works as ever."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    nowhere = str(door / "none")
    listed = doorctl("people", "list", "--json", data=door, DOORCTL_MODELS=nowhere)
    assert "cannot be told" in listed.stderr
    assert lines(listed)[0]["looks_like"] is None
    assert doorctl("people", "deny", "Grace Hopper", data=door, DOORCTL_MODELS=nowhere).returncode == 0
    assert doorctl("people", "allow", "Grace Hopper", data=door, DOORCTL_MODELS=nowhere).returncode == 0


def test_no_output_replaces_what_it_is_made_from(door: Path, models_dir: Path, walk_up_clip: Path) -> None:
    """--annotate and -o onto their own input are refused, and the recording is as it was."""
    clip, photo = door / "clip.mp4", door / "photo.jpg"
    clip.write_bytes(walk_up_clip.read_bytes())
    photo.write_bytes(hopper_file().read_bytes())
    refused(doorctl("replay", clip, "--annotate", clip, data=door, COLUMNS="200"), 2, "overwrite")
    refused(doorctl("identify", photo, "-o", photo, data=door, COLUMNS="200"), 2, "overwrite")
    assert clip.read_bytes() == walk_up_clip.read_bytes()
    assert photo.read_bytes() == hopper_file().read_bytes()


def test_a_mistyped_place_is_told_and_not_made(tmp_path: Path) -> None:
    """Commands that only read make no new database where there is none."""
    for command in (["events"], ["people", "list"], ["people", "deny", "Grace"]):
        refused(doorctl(*command, data=tmp_path / "typo"), 74, "typo", "no database")
    assert list(tmp_path.iterdir()) == []


def test_names_are_shown_as_they_are(door: Path, models_dir: Path) -> None:
    """What looks like markup in a name is a name, on any terminal."""
    assert doorctl("enrol", "Ann [/b] Łuk", hopper_file(), data=door).returncode == 0
    assert "Ann [/b] Łuk" in doorctl("people", "list", data=door).stdout
    assert "Ann [/b] \\u0141uk" in doorctl("people", "list", data=door, PYTHONIOENCODING="latin-1").stdout


def test_output_that_cannot_be_written_is_one_line(door: Path, models_dir: Path) -> None:
    """A full disk behind standard output: exit 74, no traceback."""
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "doorctl", "models", "list", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 74
    assert "No space left" in result.stderr
    assert "Traceback" not in result.stderr


def test_people_of_other_nets_are_told(door: Path, models_dir: Path) -> None:
    """Whoever was enrolled with one set is unknown to the other: 'check' says so, and fails."""
    states = [row["state"] for row in lines(doorctl("models", "list", "--json"))]
    if set(states) != {"installed"}:
        pytest.skip("only one set of models is installed")
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    (door / "doorctl.yaml").write_text(SIMULATED + "models: {set: fallback}\n")
    check = doorctl("check", data=door)
    assert "of 1 people only 0 have a template" in check.stdout
    assert check.returncode != 0


def test_identify_draws_what_it_judged(door: Path, models_dir: Path) -> None:
    """-o writes a picture of the judged one's size that differs from it; two images with -o are refused."""
    import cv2

    out = door / "judged.png"
    assert doorctl("identify", hopper_file(), "-o", out, data=door).returncode == 0
    drawn, plain = cv2.imread(str(out)), cv2.imread(str(hopper_file()))
    assert drawn is not None
    assert plain is not None
    assert drawn.shape == plain.shape
    assert (drawn != plain).any()
    assert doorctl("identify", hopper_file(), astronaut_file(), "-o", out, data=door).returncode == 2


def test_replay_prints_its_timeline_and_draws_it(door: Path, models_dir: Path, walk_up_clip: Path) -> None:
    """--json gives one object a line with event, time, person, reason and score, the relay's changes among
    them; --annotate writes a clip of as many frames that can be played; nothing is stored."""
    import cv2

    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    out = door / "judged.mp4"
    told = lines(doorctl("replay", walk_up_clip, "--annotate", out, "--json", data=door))
    assert [t["event"] for t in told] == ["AccessGranted", "RelayOn", "RelayOff", "AccessDenied"]
    assert all({"event", "time", "person", "reason", "score"} <= set(t) for t in told)
    assert (told[0]["person"], told[0]["reason"]) == ("Grace Hopper", "recognised")
    frames = []
    for clip in (walk_up_clip, out):
        video = cv2.VideoCapture(str(clip))
        frames.append(sum(1 for _ in iter(lambda video=video: video.read()[0], False)))  # type: ignore[misc]
    assert frames[0] == frames[1] > 100
    assert [e["event"] for e in lines(doorctl("events", "--json", data=door))] == ["PersonEnrolled"]


@pytest.mark.slow
@pytest.mark.parametrize("model_set", ["standard", "fallback"])
def test_the_demo_tells_a_person_from_a_print(models_dir: Path, tmp_path: Path, model_set: str) -> None:
    """'doorctl demo' with either set ends 0: the print is refused, the person who does what is asked is let
    in, the living stranger is refused, and pictures to look at are left."""
    config = tmp_path / "doorctl.yaml"
    config.write_text(f"models: {{set: {model_set}}}\n")
    result = doorctl("demo", "--json", "--seed", 3, "--out", tmp_path / "demo", "--config", config)
    told = lines(result)
    events = ["AccessDenied", "AccessGranted", "RelayOn", "RelayOff", "AccessDenied"]
    assert [t["event"] for t in told] == events
    why = "spoof" if model_set == "standard" else "challenge_failed"
    assert [t["reason"] for t in told if t["reason"]] == [why, "recognised", "unknown_person"]
    assert "challenge" in told[1]["detail"]
    for name in ("clip.mp4", "annotated.mp4", "contact-sheet.png"):
        assert (tmp_path / "demo" / name).stat().st_size > 10_000


def test_lock_drives_the_pin_and_loads_nothing_that_could_break(door: Path) -> None:
    """'doorctl lock' leaves the pin low, and imports no cv2, net or database on its way."""
    code = (
        "import sys; sys.argv = ['doorctl', 'lock', '--data', sys.argv[1]]\n"
        "from doorctl.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "ours = {'doorctl.models', 'doorctl.vision', 'doorctl.store', 'doorctl.camera'}\n"
        "heavy = ours | {'cv2', 'ai_edge_litert', 'sqlite3', 'PIL'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(door)], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout.splitlines()[-1] == "[]", result.stderr
    assert [t.level for t in read_transitions(door / "pins.jsonl")][-1] == 0


def test_lock_locks_what_was_driven_and_what_is_configured(door: Path) -> None:
    """The YAML was changed after the start: the pin that may be energised is locked, and the new one."""
    (door / "gpio.json").write_text(json.dumps({"pins": "simulated", "relay_pin": 22, "active_high": False}))
    (door / "doorctl.yaml").write_text("gpio: {pins: simulated, relay_pin: 17}\n")
    result = doorctl("lock", data=door)
    assert result.returncode == 0, result.stderr
    assert [(t.pin, t.level) for t in read_transitions(door / "pins.jsonl")] == [(22, 1), (17, 0)]


LOCKS = (["lock", "--data", "DOOR"], ["--data=DOOR", "lock"], ["--config", "lock", "--data", "DOOR", "lock"])


@pytest.mark.parametrize("order", LOCKS)
def test_lock_locks_before_it_loads_anything(door: Path, order: list[str]) -> None:
    """The pin that the daemon drove is locked, and nothing of the commands, the configuration or their
    libraries was loaded by then; a command that is none of this touches no pin."""
    (door / "gpio.json").write_text(json.dumps({"pins": "simulated", "relay_pin": 5, "active_high": True}))
    code = (
        "import sys; from pathlib import Path\n"
        "class Stop(Exception): pass\n"
        "class Gate:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        heavy = ('typer', 'pydantic', 'yaml', 'rich')\n"
        "        if name.partition('.')[0] in heavy or name == 'doorctl.cli':\n"
        "            raise Stop(name)\n"
        "sys.meta_path.insert(0, Gate())\n"
        "from doorctl.__main__ import main\n"
        "try: main()\n"
        "except Stop as end: print(end)\n"
    )
    for words, levels in ((order, [0]), (["people", "deny", "lock", "--data", "DOOR"], [])):
        (door / "pins.jsonl").unlink(missing_ok=True)
        given = [word.replace("DOOR", str(door)) for word in words]
        result = subprocess.run(
            [sys.executable, "-c", code, *given], capture_output=True, text=True, timeout=60, check=False
        )
        assert result.stdout == "doorctl.cli\n", result.stderr
        assert [t.level for t in read_transitions(door / "pins.jsonl")] == levels


def test_lock_needs_nobody_to_read_what_it_says(door: Path) -> None:
    """Standard output and error on a full disk, and a broken configuration: pins are locked first."""
    (door / "gpio.json").write_text(json.dumps({"pins": "simulated", "relay_pin": 5, "active_high": True}))
    command = [sys.executable, "-m", "doorctl", "lock", "--data", str(door)]
    for yaml, pins in (("\tx", {5}), ("gpio: {pins: simulated, relay_pin: 6}\n", {5, 6})):
        (door / "doorctl.yaml").write_text(yaml)
        (door / "pins.jsonl").unlink(missing_ok=True)
        with Path("/dev/full").open("w") as full:
            subprocess.run(command, stdout=full, stderr=full, timeout=60, check=False)
        assert {t.pin for t in read_transitions(door / "pins.jsonl") if t.level == 0} == pins


def test_closed_output_is_no_traceback(door: Path, models_dir: Path) -> None:
    """'doorctl models list --json >&-' has nowhere to print, and that is all."""
    shell = f"{sys.executable} -m doorctl models list --json >&-"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in result.stderr


def test_install_and_use_agree_on_the_place(tmp_path: Path) -> None:
    """models.directory in the configuration wins over --data for installing as it does for using."""
    (tmp_path / "c.yaml").write_text(f"models: {{directory: {tmp_path / 'mods'}}}\n")
    options = ["--config", tmp_path / "c.yaml", "--data", tmp_path / "data"]
    refused(doorctl("models", "install", "--from", tmp_path / "nowhere", *options), 69, "nowhere")
    (tmp_path / "mods").touch()  # a file in the way shows where the installer wants to go
    refused(doorctl("models", "install", "--from", tmp_path, *options), 69, "mods")


def test_a_folder_called_picamera_is_no_camera(door: Path, models_dir: Path) -> None:
    """The camera is meant by its name, whatever lies in the working directory."""
    (door / "picamera").mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "doorctl", "check", "--data", str(door)],
        cwd=door,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "holds no pictures" not in result.stdout


@pytest.mark.parametrize("broken", ["door: {open_second: 3}\n", "\tx", "\xff\xfe"])
def test_lock_works_with_a_broken_configuration(door: Path, broken: str) -> None:
    """With YAML that cannot be read, the pin that the daemon used last is locked all the same."""
    last = {"pins": "simulated", "relay_pin": 5, "active_high": False}
    (door / "gpio.json").write_text(json.dumps(last))
    (door / "doorctl.yaml").write_text(broken, encoding="latin-1")
    result = doorctl("lock", data=door)
    assert result.returncode == 0, result.stderr
    last_level = [(t.pin, t.level) for t in read_transitions(door / "pins.jsonl")][-1]
    assert last_level == (5, 1)


def test_since_is_read_or_refused(door: Path) -> None:
    """--since takes 2h or a date, and says so of anything else, however odd."""
    with Store(door):
        pass
    assert doorctl("events", "--since", "2h", data=door).returncode == 0
    for odd in ("tea time", "99999999999d", "²h", "9999-12-31T23:59:59-14:00"):
        refused(doorctl("events", "--since", odd, data=door, COLUMNS="200"), 2, odd)


def test_a_reader_that_goes_away_is_no_error(door: Path) -> None:
    """'doorctl events | head' ends quietly."""
    shell = f"{sys.executable} -m doorctl --help | head -n 1"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr == ""


def test_models_are_listed_with_state_source_and_licence(models_dir: Path, door: Path) -> None:
    """'models list --json' tells of each net whether it is intact; an install from a folder that is not
    there is told with exit 69."""
    rows = {row["name"]: row for row in lines(doorctl("models", "list", "--json"))}
    assert rows["face_mesh"]["state"] == "installed"
    assert len(rows["face_mesh"]["sha256"]) == 64
    assert all(row["licence"] and row["source"] for row in rows.values())
    refused(doorctl("models", "install", "--from", door / "nowhere", data=door), 69, "nowhere")


def test_events_can_be_followed(door: Path, models_dir: Path) -> None:
    """--follow prints what happens after it was started, as it happens."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    log = door / "log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "doorctl", "events", "--follow", "--json", "--data", str(door)]
        follower = subprocess.Popen(command, stdout=out)
    try:
        wait_for(lambda: "PersonEnrolled" in log.read_text())
        assert doorctl("people", "deny", "Grace Hopper", data=door).returncode == 0
        wait_for(lambda: "PersonDenied" in log.read_text())
        follower.send_signal(signal.SIGINT)
        assert follower.wait(60) == 130
    finally:
        follower.kill()
        follower.wait()


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def running(door: Path, clip: Path, extra: str = "") -> subprocess.Popen[bytes]:
    """A daemon on a looped clip and a simulated pin, that has told that it started."""
    (door / "doorctl.yaml").write_text(SIMULATED + f"camera: {{source: '{clip}', loop: true}}\n" + extra)
    log = door / "log"
    with log.open("wb") as out:
        daemon = subprocess.Popen([sys.executable, "-m", "doorctl", "run", "--data", str(door)], stderr=out)
    wait_for(lambda: "Started" in log.read_text())
    return daemon


def test_two_daemons_do_not_share_a_door(door: Path, models_dir: Path, walk_up_clip: Path) -> None:
    """The second one on the same place ends at once and says why."""
    daemon = running(door, walk_up_clip)
    try:
        refused(doorctl("run", data=door), 75, "another doorctl")
    finally:
        daemon.kill()
        daemon.wait()


def test_a_stop_in_mid_pulse_locks_first(door: Path, models_dir: Path, walk_up_clip: Path) -> None:
    """SIGTERM, and many more while it is stopping: the pin is low, RelayOff and Stopped are in the events.
    (One more signal may end the interpreter itself once everything is closed; systemd sends one.)"""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    daemon = running(door, walk_up_clip, "door: {open_seconds: 30}\n")
    try:
        wait_for(lambda: [t.level for t in read_transitions(door / "pins.jsonl")][-1] == 1)
        daemon.send_signal(signal.SIGTERM)
        for _ in range(20):
            time.sleep(0.02)
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) in (0, -signal.SIGTERM)
    finally:
        daemon.kill()
        daemon.wait()
    assert [t.level for t in read_transitions(door / "pins.jsonl")] == [0, 1, 0]
    kinds = [event["event"] for event in lines(doorctl("events", "--json", data=door))]
    assert kinds[-2:] == ["RelayOff", "Stopped"]
    assert json.loads((door / "gpio.json").read_text())["relay_pin"] == 17


def test_a_person_denied_beside_the_daemon_is_refused_at_once(
    door: Path, models_dir: Path, walk_up_clip: Path
) -> None:
    """Once 'people deny' has said so, no later grant: the next visit is told as denied."""
    assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
    daemon = running(door, walk_up_clip)
    log = door / "log"
    try:
        wait_for(lambda: "AccessGranted #1" in log.read_text())
        assert doorctl("people", "deny", "Grace Hopper", data=door).returncode == 0
        granted = log.read_text().count("AccessGranted")
        wait_for(lambda: "AccessDenied #1 (denied)" in log.read_text(), 40)
        assert log.read_text().count("AccessGranted") == granted
    finally:
        daemon.kill()
        daemon.wait()


def test_the_daemon_reloads_learns_and_stops_clean(door: Path, models_dir: Path, walk_up_clip: Path) -> None:
    """SIGHUP with a good file applies it, with a bad one keeps the old; a person enrolled beside the running
    daemon is let in without a restart; SIGTERM ends it with exit 0 and the pin locked."""
    config = door / "doorctl.yaml"
    good = SIMULATED + f"camera: {{source: '{walk_up_clip}', loop: true}}\n"
    config.write_text(good)
    log = door / "log"
    with log.open("wb") as out:
        daemon = subprocess.Popen([sys.executable, "-m", "doorctl", "run", "--data", str(door)], stderr=out)
    try:
        wait_for(lambda: "Started" in log.read_text())
        config.write_text(good + "door: {open_seconds: nonsense}\n")
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "the old one stays" in log.read_text())
        faster = good.replace("loop: true", "loop: true, fps: 60") + "door: {confirm_frames: 40}\n"
        config.write_text(faster)  # right in itself, and not with the camera as it was started
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: log.read_text().count("the old one stays") == 2)
        config.write_text(good + "door: {open_seconds: 0.5}\n")
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "Reloaded" in log.read_text())
        assert doorctl("enrol", "Grace Hopper", hopper_file(), data=door).returncode == 0
        wait_for(lambda: "AccessGranted #1" in log.read_text(), 30)
        wait_for(lambda: "RelayOff" in log.read_text())
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
    finally:
        daemon.kill()
        daemon.wait()
    assert "Traceback" not in log.read_text()
    levels = [t.level for t in read_transitions(door / "pins.jsonl")]
    assert levels[0] == 0
    assert levels[-1] == 0
    assert 1 in levels
    kinds = [event["event"] for event in lines(doorctl("events", "--json", data=door))]
    assert kinds[0] == "Started"
    assert kinds[-1] == "Stopped"
    assert {"Reloaded", "AccessGranted", "RelayOn", "RelayOff"} <= set(kinds)
