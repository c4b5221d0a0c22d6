"""The configuration: what is accepted, and how each mistake is told."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from doorctl import yaml_lines
from doorctl.config import load_config
from doorctl.errors import ConfigError
from doorctl.sections import Config, DoorConfig

SAMPLE = Path(__file__).resolve().parents[1] / "config" / "doorctl.yaml"


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "doorctl.yaml"


def refused(path: Path, text: str | bytes) -> list[str]:
    """The mistakes that are told of a file, without its directory."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.exit_code == 78
    return [line.removeprefix(f"{path.parent}/") for line in str(caught.value).splitlines()]


def test_no_file_means_the_defaults() -> None:
    """Without a file doorctl runs on its defaults."""
    assert load_config(None) == Config()


def test_the_sample_file_is_the_defaults_and_names_every_key() -> None:
    """config/doorctl.yaml teaches each key there is, with the default that the code has."""
    assert load_config(SAMPLE) == Config()
    document = yaml_lines.read_file(SAMPLE)
    keys = {(section, key) for section, value in Config() for key in type(value).model_fields}
    assert {path for path in document.lines if len(path) == 2} == keys


@pytest.mark.parametrize("section", [section for section, _ in Config()])
def test_the_sample_file_explains_every_key(section: str) -> None:
    """A comment stands right above each key of the sample."""
    rows = SAMPLE.read_text().splitlines()
    document = yaml_lines.read_file(SAMPLE)
    for path, line in document.lines.items():
        if path[0] == section and len(path) == 2:
            assert rows[line - 2].lstrip().startswith("#"), path


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "door:\n", "door: {}\n", "door:\n  # open_seconds: 3\n", "\ufeff"]
)
def test_what_is_left_out_keeps_its_default(write: Path, text: str) -> None:
    """An empty file, and a section whose keys are all commented out, change nothing."""
    write.write_text(text)
    assert load_config(write) == Config()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("camera: {source: 0}", 0),
        ("camera: {source: /dev/video2}", "/dev/video2"),
        ("camera: {source: 'rtsp://me:secret@10.0.0.9:554/live'}", "rtsp://me:secret@10.0.0.9:554/live"),
        ("camera: {source: clips/walk.mp4, loop: true}", "clips/walk.mp4"),
        ("match: {threshold: 0.75}", 0.75),
        ("match: {threshold: auto}", "auto"),
        ("match: {margin: 0}", 0),
        ("liveness: {mode: passive}", "passive"),
        ("door: {open_seconds: 4}", 4.0),
        ("door: {regrant_seconds: 1e3}", 1000.0),
        ("gpio: {relay_pin: 017}", 17),
        ("gpio: {active_high: false}", False),
        ("models: {directory: ~/nets}", Path.home() / "nets"),
        ("store: {directory: /srv/door}", Path("/srv/door")),
        ("indicator: {left: 5}", 5),
        ("indicator: {player: mpv --no-video}", "mpv --no-video"),
    ],
)
def test_values_mean_what_they_look_like(write: Path, line: str, value: object) -> None:
    """Off is a word, 017 is seventeen, 1e3 is a thousand: YAML 1.1's surprises are not ours."""
    write.write_text(line)
    name, keys = next(iter(yaml.safe_load(line).items()))
    found = getattr(getattr(load_config(write), name), next(iter(keys)))
    assert found == value
    assert type(found) is type(value) or isinstance(value, int | Path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "door: {open_seconds: 'yes'}",
            'door.open_seconds: "yes", expected a number from 0.2 to 60 (seconds)',
        ),
        ("door: {open_seconds: 0.1}", "door.open_seconds: 0.1, expected a number from 0.2"),
        ("door: {open_seconds: .nan}", "door.open_seconds: NaN, expected a number"),
        ("door: {open_seconds: .inf}", "door.open_seconds: Infinity, expected a number"),
        ("door: {open_seconds: 1e999}", "door.open_seconds: Infinity, expected a number"),
        ("door: {open_seconds: null}", "door.open_seconds: null, expected a number"),
        ("door: {open_seconds: [3]}", "door.open_seconds: [3], expected a number"),
        ("door: {open_seconds: {a: 1}}", 'door.open_seconds: {"a": 1}, expected a number'),
        ("door: {confirm_frames: 1}", "door.confirm_frames: 1, expected a whole number from 2 to 60"),
        ("door: {confirm_frames: 5.0}", "door.confirm_frames: 5.0, expected a whole number"),
        ("door: {confirm_frames: true}", "door.confirm_frames: true, expected a whole number"),
        ("door: {confirm_frames: yes}", 'door.confirm_frames: "yes", expected a whole number'),
        ("camera: {rotate: 45}", "camera.rotate: 45, expected 0 or 90 or 180 or 270"),
        ("camera: {rotate: false}", "camera.rotate: false, expected 0 or 90"),
        ("camera: {loop: yes}", 'camera.loop: "yes", expected true or false'),
        ("camera: {loop: 1}", "camera.loop: 1, expected true or false"),
        ("camera: {source: true}", "camera.source: true, expected picamera, a camera's number"),
        ("camera: {source: -1}", "camera.source: -1, expected picamera"),
        ("camera: {source: '0'}", 'camera.source: "0", expected picamera, a camera\'s number without quotes'),
        ("camera: {source: picamera2}", 'camera.source: "picamera2", expected picamera'),
        ("camera: {source: ''}", 'camera.source: "", expected picamera'),
        ("camera: {source: 'ftp://me:secret@host/x'}", 'camera.source: "ftp://***@host/x", expected'),
        ('camera: {source: "a\\0b"}', 'camera.source: "a\\u0000b", expected'),
        ('camera: {source: "\\ud800"}', 'camera.source: "\\ud800", expected'),
        ("match: {threshold: 0.3}", "match.threshold: 0.3, expected auto, or a number from 0.5 to 1"),
        ("match: {threshold: 1.01}", "match.threshold: 1.01, expected auto"),
        ("match: {threshold: high}", 'match.threshold: "high", expected auto'),
        (
            "match: {lookalike_margin: wide}",
            'match.lookalike_margin: "wide", expected a number from 0 to 1 (cosine), or null for twice',
        ),
        (
            "door: {lookalike_frames: 1}",
            "door.lookalike_frames: 1, expected a whole number from 2 to 120, or",
        ),
        ("match: {margin: -0.1}", "match.margin: -0.1, expected a number from 0 to 1"),
        (
            "liveness: {mode: pasive}",
            'liveness.mode: "pasive", expected passive or challenge or adaptive or off',
        ),
        ("liveness: {mode: false}", "liveness.mode: false, expected passive or"),
        ("liveness: {mode: off}", 'liveness.mode: "off", but then whoever holds up a photo'),
        ("gpio: {relay_pin: 28}", "gpio.relay_pin: 28, expected a whole number from 0 to 27"),
        ("gpio: {pins: pigpio}", 'gpio.pins: "pigpio", expected lgpio or mock or simulated'),
        ("indicator: {left: 28}", "indicator.left: 28, expected a BCM number from 0 to 27, or null for none"),
        ("indicator: {buzzer: true}", "indicator.buzzer: true, expected a BCM number"),
        ("indicator: {voice: clips}", 'indicator.voice: "clips", expected the full path'),
        ("indicator: {player: ''}", 'indicator.player: "", expected a command that plays the file'),
        ("indicator: {player: 'a \"b'}", 'indicator.player: "a \\"b", expected a command'),
        (
            "indicator: {red: 17}",
            "indicator.red: 17, expected another pin than that of gpio.relay_pin",
        ),
        (
            "indicator: {left: 5, buzzer: 5}",
            "indicator.buzzer: 5, expected another pin than that of indicator.left",
        ),
        ("models: {directory: nets}", 'models.directory: "nets", expected the full path'),
        ("store: {directory: ''}", 'store.directory: "", expected the full path'),
        ("store: {directory: 5}", "store.directory: 5, expected the full path"),
        ("log: {level: loud}", 'log.level: "loud", expected debug or info or warning or error'),
        (f"vision: {{threads: {'9' * 5000}}}", "vision.threads: "),
        ("vision: 3", "vision: 3, expected a section with keys such as 'min_face: ...' below it"),
        ("vision: [a]", 'vision: ["a"], expected a section'),
        ("door: {open_secnds: 3}", "door.open_secnds: unknown key, did you mean open_seconds?"),
        ("dor: {open_seconds: 3}", "dor: unknown key, did you mean door?"),
        ("open_seconds: 3", "open_seconds: unknown key, did you mean door.open_seconds?"),
        ("gpio: {open_seconds: 3}", "gpio.open_seconds: unknown key, did you mean door.open_seconds?"),
        ("store: {zzz: 3}", "store.zzz: unknown key, expected one of directory"),
        ('"a\\nb": 3', '"a\\nb": unknown key, expected one of camera,'),
        ("17: 3", "17: a key must be a word"),
        ("door: {true: 3}", "door.true: a key must be a word"),
        ("? [a]\n: 3", "this: a key must be a word"),
        ("<<: {door: {}}", '"<<": unknown key'),
        ("camera: {loop: true}", "camera.loop: true, expected false, since camera.source is no recording"),
        (
            "door: {confirm_frames: 40}",
            "door.confirm_frames: 40 frames at camera.fps 15 take 2.60 s, so the door would never open, "
            "expected less than door.confirm_seconds (1.5)",
        ),
        (
            "door: {lookalike_frames: 24}",
            "door.lookalike_frames: 24 frames at camera.fps 15 take 1.53 s, so the",
        ),
        (
            "door: {lookalike_frames: 4}",
            "door.lookalike_frames: 4, expected at least door.confirm_frames (5)",
        ),
        (
            "match: {margin: 0.2, lookalike_margin: 0.1}",
            "match.lookalike_margin: 0.1, expected at least match.margin (0.2)",
        ),
    ],
)
def test_each_mistake_is_told_on_one_line(write: Path, line: str, told: str) -> None:
    """A mistake is one line: file, line, key, the value as it stands, and what was expected."""
    lines = refused(write, f"# a comment first\n{line}\n")
    assert len(lines) == 1
    assert lines[0].startswith(f"doorctl.yaml:2: {told}")
    assert lines[0].isprintable()
    assert len(lines[0]) < 260


CHALLENGE = "liveness: {mode: challenge}\n"
"""No net judges, so none asks for frames."""


@pytest.mark.parametrize(
    "text", ["door: {confirm_seconds: 0.5}", "door: {confirm_frames: 2}\ncamera: {fps: 2}"]
)
def test_the_nets_get_the_frames_they_need(write: Path, text: str) -> None:
    """A window too short, or too few frames in it, for a verdict on liveness: told, unless no net judges."""
    (line,) = refused(write, text)
    assert "liveness is judged on 5 frames over 0.4 s" in line
    write.write_text(text + "\n" + CHALLENGE)
    load_config(write)


@pytest.mark.parametrize(
    ("door", "fps", "frames"),
    [({}, 15, 10), ({"lookalike_frames": 7}, 15, 7), ({"confirm_seconds": 0.6}, 15, 9), ({}, 3, 5)],
)
def test_lookalikes_are_asked_for_no_more_frames_than_come(
    door: dict[str, float], fps: int, frames: int
) -> None:
    """Twice as many as of anyone else, or what is set, or as many as the camera gives in time."""
    config = Config.model_validate({"door": door, "camera": {"fps": fps}})
    assert config.lookalike_frames == frames


def test_all_mistakes_are_told_at_once_in_the_files_order(write: Path) -> None:
    """Wrong values, unknown and doubled keys and a contradiction come in one message."""
    text = "\n".join(
        (
            "gpio:",
            "  relay_pin: 99",
            "door:",
            "  confirm_frames: 5",
            "  open_second: 3",
            "  open_seconds: 3",
            "  open_seconds: 4",
            "camera:",
            "  fps: 2",
            "  width: wide",
            "3: x",
        )
    )
    lines = refused(write, text)
    assert [line.split(": ", 2)[:2] for line in lines] == [
        ["doorctl.yaml:2", "gpio.relay_pin"],
        ["doorctl.yaml:5", "door.open_second"],
        ["doorctl.yaml:7", "door.open_seconds"],
        ["doorctl.yaml:9", "door.confirm_frames"],
        ["doorctl.yaml:10", "camera.width"],
        ["doorctl.yaml:11", "3"],
    ]
    assert lines[2].endswith("given twice, first on line 6")


def test_a_contradiction_with_a_wrong_value_waits_for_it(write: Path) -> None:
    """Keys that cannot be told yet are not compared: only the wrong one is named."""
    assert len(refused(write, "door: {confirm_frames: 900}\ncamera: {fps: 2}\n" + CHALLENGE)) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("door:\n\topen_seconds: 3\n", ":2: a tab in the indentation: YAML allows spaces only"),
        ("door:\n  open_seconds: 3\n \tconfirm_frames: 4\n", ":3: a tab in the indentation"),
        ("door:\n  open_seconds:\t@3\n", ":2: not valid YAML"),
        (
            "door:\n  open_seconds: 3\n  confirm_frames 4\n  x: 1\n",
            ":3: not valid YAML: a key must be followed",
        ),
        ("door:\n  open_seconds: 3\n   x: 1\n", ":3: not valid YAML"),
        ("door: [1\n", ":2: not valid YAML"),
        ('door: "\n', ":2: not valid YAML"),
        ("a: 1\n---\nb: 2\n", ":2: not valid YAML"),
        ("door: &a {}\n", ":1: not valid YAML: an anchor or alias"),
        ("door: *a\n", ":1: not valid YAML: an anchor or alias"),
        ("door: !!python/object:os.system {}\n", ":1: not valid YAML: a tag (!) has no use here"),
        ("a: " + "[" * 5000, ":1: not valid YAML: nested too deep"),
        ("a: 1\nb: \x00\n", ":2: not valid YAML: a character that may not stand here"),
        (b"a: 1\nb: \xe9\n", ":2: not UTF-8"),
        ("a: 1".encode("utf-16"), ":1: not UTF-8"),
        ("- a\n- b\n", ':1: ["a", "b"], expected sections such as \'door:\''),
        ("door\n", ":1: \"door\", expected sections such as 'door:'"),
        ("#" * (64 * 1024 + 1), ": more than 65536 bytes"),
    ],
)
def test_a_file_that_is_no_yaml_is_told_by_its_line(write: Path, text: str | bytes, told: str) -> None:
    """Syntax, tabs, encodings, alias bombs and other shapes: one line says which, and where."""
    lines = refused(write, text)
    assert len(lines) == 1
    assert lines[0].startswith(f"doorctl.yaml{told}")


def test_every_tab_is_told(write: Path) -> None:
    """A file indented by tabs throughout names each of its lines."""
    assert len(refused(write, "door:\n\topen_seconds: 3\n\tconfirm_frames: 4\n")) == 2


def test_an_alias_bomb_costs_nothing(write: Path) -> None:
    """A few lines that stand for billions of values are refused at the first anchor."""
    rows = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    before = time.monotonic()
    assert refused(write, "\n".join(rows))[0].startswith("doorctl.yaml:1: not valid YAML: an anchor")
    assert time.monotonic() - before < 1


def test_a_flood_of_mistakes_is_cut(write: Path) -> None:
    """A file that is something else altogether does not fill the journal."""
    lines = refused(write, "\n".join(f"k{i}: {i}" for i in range(500)))
    assert len(lines) == 101
    assert lines[-1] == "doorctl.yaml: and 400 more mistakes"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a directory, a pipe without a writer, a loop of links: told, never waited for."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, told in {
        "missing": "no such file",
        "missing/deeper": "no such file",
        ".": "a directory, expected a YAML file",
        "pipe": "no file, expected a YAML file",
        "loop": "Too many levels of symbolic links",
        "nul\0": "no name that a file could have",
    }.items():
        with pytest.raises(ConfigError, match=told) as caught:
            load_config(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read any file")
def test_a_file_without_permission(write: Path) -> None:
    """A file of somebody else's says that it may not be read."""
    write.write_text("")
    write.chmod(0)
    with pytest.raises(ConfigError, match="no permission to read it"):
        load_config(write)


def test_a_config_cannot_be_changed_and_can_be_compared(write: Path) -> None:
    """A reload can tell what changed, section by section, and nobody changes it under the door."""
    write.write_text("door: {open_seconds: 5}")
    config = load_config(write)
    with pytest.raises(ValidationError, match="frozen"):
        config.door.open_seconds = 9
    assert config != Config()
    assert [name for name, section in config if section != getattr(Config(), name)] == ["door"]
    assert hash(config) == hash(Config(door=DoorConfig(open_seconds=5)))


def test_every_clash_of_pins_is_told_where_the_later_key_stands(write: Path) -> None:
    """Each output that shares a pin is a mistake of its own, whichever section comes first."""
    text = "indicator:\n  left: 5\n  right: 5\n  green: 6\ngpio:\n  relay_pin: 6\n"
    assert refused(write, text) == [
        "doorctl.yaml:3: indicator.right: 5, expected another pin than that of indicator.left",
        "doorctl.yaml:6: indicator.green: 6, expected another pin than that of gpio.relay_pin",
    ]
    write.write_text("indicator: {left: 5, right: 6, above: 13, below: 19, green: 20, red: 21, buzzer: 26}")
    assert load_config(write).indicator.pins["buzzer"] == 26


def test_a_config_built_in_code_obeys_too() -> None:
    """The contradictions are refused however a Config comes about."""
    with pytest.raises(ValidationError, match="would never open"):
        Config(door=DoorConfig(confirm_frames=60))


def test_every_default_is_within_its_own_bounds() -> None:
    """Pydantic does not look at defaults by itself; a default out of bounds could not be written down."""
    assert Config.model_validate(Config().model_dump()) == Config()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200), st.text("ado:or-[]{}&*!|>'\"#%@`\t\n ,.?0123", max_size=80).map(str.encode)
    )
)
@example(b"door: \xff\xfe")
def test_no_text_whatever_crashes(tmp_path: Path, data: bytes) -> None:
    """Any bytes give either a Config or a ConfigError, never another exception."""
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    with suppress(ConfigError):
        assert isinstance(load_config(path), Config)
