"""What is known of the nets at this door: when it is relied on, how it is kept, and what follows from it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from doorctl.app.settings import Settings
from doorctl.app.site import FILE, LEAST, Count, Evidence, read, save, why_untrusted
from doorctl.app.standing import LIVENESS_IS_OFF, PUPPET, standing
from doorctl.errors import ConfigError, StoreError
from doorctl.sections import LivenessConfig
from tests.command import doorctl
from tests.models.test_storage import no_file_above

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CAMERA = "/dev/video97"

GOOD = Evidence(
    measured=NOW - timedelta(days=10),
    camera=CAMERA,
    models="standard",
    threshold=0.62,
    live=Count(presentations=20, errors=1),
    attacks={"print": Count(presentations=20, errors=0), "screen": Count(presentations=20, errors=2)},
)


def settings_with(directory: Path, liveness: str = "", source: str = CAMERA) -> Settings:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "doorctl.yaml").write_text(f"camera: {{source: {source}}}\nliveness: {{{liveness}}}\n")
    return Settings.find(None, directory)


def why(settings: Settings, models: str = "standard") -> str:
    return why_untrusted(settings, models, NOW)


@pytest.mark.parametrize("source", ["0", "/dev/video97", "picamera", "rtsp://camera.local/1"])
def test_a_camera_that_was_never_measured_is_not_trusted(tmp_path: Path, source: str) -> None:
    """Every kind of live camera needs a measurement."""
    assert "never measured" in why(settings_with(tmp_path, source=source))


def test_nothing_is_held_against_a_recording(tmp_path: Path) -> None:
    """A clip that was never measured is no camera that could have been."""
    assert why(settings_with(tmp_path, source="monday.mp4")) == ""


def test_a_good_measurement_is_trusted(tmp_path: Path) -> None:
    """Fresh, of this camera and these nets, with few enough errors: nothing is held against it."""
    settings = settings_with(tmp_path)
    save(settings, GOOD)
    assert why(settings) == ""


FEW = Count(presentations=LEAST - 1, errors=0)
ENOUGH = Count(presentations=LEAST, errors=0)
BAD = Count(presentations=20, errors=3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"camera": "/dev/video0"}, "measured with /dev/video0"),
        ({"models": "fallback"}, "the fallback set"),
        ({"measured": NOW - timedelta(days=181)}, "measured on 2025-12-02, not within 180 days"),
        ({"measured": NOW - timedelta(days=179)}, ""),
        ({"measured": NOW + timedelta(minutes=6)}, "not within 180 days"),
        ({"measured": NOW + timedelta(minutes=4)}, ""),
        ({"live": FEW}, f"fewer than {LEAST} presentations"),
        ({"live": ENOUGH}, ""),
        ({"attacks": {"print": GOOD.live, "screen": FEW}}, f"fewer than {LEAST} presentations"),
        ({"attacks": {"print": ENOUGH, "screen": ENOUGH}}, ""),
        ({"attacks": {}}, f"fewer than {LEAST} presentations"),
        ({"threshold": 0.7}, "stricter threshold 0.7"),
        ({"threshold": 0.55}, ""),
        ({"attacks": {"print": BAD, "screen": GOOD.live}}, "3 of 20 attacks with a print passed"),
        ({"attacks": {"print": GOOD.live, "screen": BAD}}, "3 of 20 attacks with a screen passed"),
    ],
)
def test_each_reason_not_to_trust_a_measurement(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """Each has its own words, and what just suffices has none."""
    settings = settings_with(tmp_path)
    save(settings, GOOD.model_copy(update=change))
    assert words in why(settings) if words else why(settings) == ""


def test_a_measurement_with_a_recording_is_held_against_it_all_the_same(tmp_path: Path) -> None:
    """Whoever measured with a clip is told what came of it."""
    settings = settings_with(tmp_path, source="monday.mp4")
    save(settings, GOOD.model_copy(update={"camera": "monday.mp4", "live": FEW}))
    assert "fewer than" in why(settings)


def test_the_other_set_is_told_from_the_nets_side_too(tmp_path: Path) -> None:
    """A measurement of the standard set says nothing of the fallback set."""
    settings = settings_with(tmp_path)
    save(settings, GOOD)
    assert "the standard set, not as it is now" in why(settings, "fallback")


@pytest.mark.parametrize(
    ("liveness", "words"),
    [
        ("evidence_days: 9", "not within 9 days"),
        ("evidence_days: 11", ""),
        ("threshold: 0.6", "stricter threshold"),
        ("threshold: 0.65", ""),
        ("max_apcer: 0.05", "more than liveness.max_apcer (5%)"),
        ("max_apcer: 0.1", ""),
    ],
)
def test_the_configuration_sets_the_bar(tmp_path: Path, liveness: str, words: str) -> None:
    """Days, threshold and rate are the owner's: the same measurement passes or fails by them."""
    settings = settings_with(tmp_path, liveness)
    save(settings, GOOD)
    assert words in why(settings) if words else why(settings) == ""


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "\0" * len(text),
        lambda text: text.replace('"live"', '"alive"'),
        lambda text: text.replace("0.62", "NaN"),
        lambda text: text.replace("0.62", "-Infinity"),
        lambda text: text.replace("20,", "-20,"),
        lambda text: text.replace("00:00Z", "00:00"),
    ],
    ids=["empty", "half", "zeros", "other key", "no number", "endless", "negative", "no time zone"],
)
def test_a_damaged_file_is_no_measurement(tmp_path: Path, damage: object) -> None:
    """Cut off, overwritten or edited wrongly, it counts as never measured, and is no error."""
    assert callable(damage)
    settings = settings_with(tmp_path)
    save(settings, GOOD)
    before = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(damage(before))
    assert (tmp_path / FILE).read_text() != before
    assert read(tmp_path) is None
    assert "never measured" in why(settings)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    """A new directory is made for nobody else's eyes; the latest measurement is the one that counts."""
    settings = settings_with(tmp_path)
    settings = Settings(
        settings.config, None, tmp_path / "new" / "place", settings.models, settings.place, settings.runtime
    )
    assert read(settings.data) is None
    save(settings, GOOD)
    assert settings.data.stat().st_mode & 0o077 == 0
    assert read(settings.data) == GOOD
    later = GOOD.model_copy(update={"measured": NOW})
    save(settings, later)
    assert read(settings.data) == later
    assert [file.name for file in settings.data.iterdir()] == [FILE]


def test_a_measurement_that_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    """The file is written beside and put in place in one step: a failure is told and loses nothing."""
    settings = settings_with(tmp_path)
    save(settings, GOOD)
    with no_file_above(10), pytest.raises(StoreError, match=r"liveness-site\.json") as told:
        save(settings, GOOD.model_copy(update={"measured": NOW}))
    assert told.value.exit_code == 74
    assert read(tmp_path) == GOOD


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_has_measured_is_for_the_daemon_to_read(tmp_path: Path) -> None:
    """After 'sudo doorctl liveness enrol-site' the file is the door's user's, and nobody else's."""
    settings = settings_with(tmp_path)
    os.chown(tmp_path, 1234, 1234)
    save(settings, GOOD)
    state = (tmp_path / FILE).stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (1234, 1234, 0o600)


def test_a_measurement_is_told_in_one_sentence(tmp_path: Path) -> None:
    """The date, and the errors of each kind among how many."""
    assert GOOD.describe() == (
        "measured here on 2026-05-22: 0 of 20 prints passed, 2 of 20 screens passed, "
        "1 of 20 live visits refused"
    )
    assert GOOD.attacks["screen"].rate == pytest.approx(0.1)


WHY = "the nets were never measured at this camera"


@pytest.mark.parametrize(
    ("mode", "nets", "untrusted", "held", "warned", "hint"),
    [
        ("passive", True, "", "passive", "", ""),
        ("passive", True, WHY, "passive", WHY, "enrol-site"),
        ("passive", False, "", "challenge", PUPPET, "models install"),
        ("passive", False, WHY, "challenge", PUPPET, "models install"),
        ("challenge", True, "", "challenge", "", ""),
        ("challenge", True, WHY, "challenge", "", ""),
        ("challenge", False, "", "challenge", PUPPET, "models install"),
        ("challenge", False, WHY, "challenge", PUPPET, "models install"),
        ("adaptive", True, "", "adaptive", "", ""),
        ("adaptive", True, WHY, "challenge", f"{WHY}, so everyone is asked", "enrol-site"),
        ("adaptive", False, "", "challenge", PUPPET, "models install"),
        ("adaptive", False, WHY, "challenge", PUPPET, "models install"),
        ("off", True, "", "off", LIVENESS_IS_OFF, "adaptive"),
        ("off", True, WHY, "off", LIVENESS_IS_OFF, "adaptive"),
        ("off", False, "", "off", LIVENESS_IS_OFF, "adaptive"),
        ("off", False, WHY, "off", LIVENESS_IS_OFF, "adaptive"),
    ],
)
def test_which_mode_holds(mode: str, nets: bool, untrusted: str, held: str, warned: str, hint: str) -> None:
    """What is asked for, what is installed and what is known come to one mode, its warning and what to do."""
    stands = standing(LivenessConfig.model_validate({"mode": mode}), nets=nets, untrusted=untrusted)
    assert stands.mode.value == held
    assert warned in stands.warning
    assert hint in stands.hint
    assert bool(stands.warning) == bool(stands.hint) == bool(warned)


def test_off_needs_the_owners_word(tmp_path: Path) -> None:
    """Liveness is off only in a file that says that photos then open the door."""
    with pytest.raises(ConfigError, match="i_understand_photos_open_this_door"):
        settings_with(tmp_path, "mode: off")
    with pytest.raises(ConfigError, match="i_understand_photos_open_this_door"):
        settings_with(tmp_path, "mode: off, i_understand_photos_open_this_door: false")
    said = settings_with(tmp_path, "mode: off, i_understand_photos_open_this_door: true")
    assert said.config.liveness.mode == "off"
    assert standing(said.config.liveness, nets=True).warning == LIVENESS_IS_OFF


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, ["LOOK    liveness  challenge: the nets were never measured at this camera", "enrol-site"]),
        ({}, ["ok      liveness  adaptive; measured here on", "2 of 20 screens passed"]),
        (
            {"attacks": {"print": GOOD.live, "screen": BAD}},
            ["LOOK    liveness  challenge: 3 of 20 attacks with a screen passed", "enrol-site"],
        ),
    ],
    ids=["never measured", "good", "worse than max_apcer"],
)
def test_check_tells_which_mode_holds_and_why(
    models_dir: Path, tmp_path: Path, change: dict[str, object] | None, words: list[str]
) -> None:
    """'doorctl check' of a live camera: adaptive becomes a challenge for all unless a good measurement backs
    it, and what was measured is told."""
    settings = settings_with(tmp_path, "mode: adaptive")
    with (tmp_path / "doorctl.yaml").open("a") as file:
        file.write("gpio: {pins: simulated}\nmodels: {set: standard}\n")
    if change is not None:
        save(settings, GOOD.model_copy(update={"measured": datetime.now(UTC), **change}))
    done = doorctl("check", data=tmp_path)
    assert done.returncode == 66, "there is no such camera here"
    for word in words:
        assert word in done.stdout
