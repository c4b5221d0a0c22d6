"""Only the living, through the daemon's own loop: real nets, real faces, recorded or made up."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.app.enrolment import photo_to_template
from doorctl.app.replay import open_replay
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.wiring import open_eye
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input
from doorctl.core.records import Frame, Image, Reason
from doorctl.demo.clips import Walk, walk_up
from doorctl.demo.puppet import Puppet
from doorctl.demo.stage import Act, Stage, living, print_of
from doorctl.vision.photo import read_photo
from tests.pictures import astronaut_file, hopper_file

pytestmark = pytest.mark.slow

PERSON = "0007_01_00_02"
"""A live sequence of nuaa-dev."""


class Told:
    """Collects the events of a replay."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, event: Event) -> None:
        self.events.append(event)

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        pass

    @property
    def told(self) -> list[tuple[EventKind, Reason | None]]:
        relay = (EventKind.RELAY_ON, EventKind.RELAY_OFF)
        return [(event.kind, event.reason) for event in self.events if event.kind not in relay]


def settings_with(directory: Path, mode: str, models: str = "standard") -> Settings:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "doorctl.yaml").write_text(f"liveness: {{mode: {mode}}}\nmodels: {{set: {models}}}\n")
    return Settings.find(None, directory)


def enrol(settings: Settings, photo: Path) -> None:
    with open_store(settings) as store:
        store.enrol("Known", [photo_to_template(open_eye(settings), photo)])


def replay(settings: Settings, clip: str | Stage, fps: float = 10.0) -> Told:
    told = Told()
    stage = clip if isinstance(clip, Stage) else None
    indicate = stage.show if stage else lambda prompt: None
    with open_replay(settings, clip, [told], fps=fps, seed=5, indicate=indicate) as play:
        play()
    return told


@pytest.fixture
def sequence(shared: Path) -> list[Path]:
    return sorted((shared / "data" / "nuaa-dev" / "live" / PERSON).iterdir())


def write_frames(directory: Path, pictures: list[Image], suffix: str = ".png") -> str:
    directory.mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(directory / f"{number:03}{suffix}"), picture)
    return str(directory)


def noisy(picture: Image, level: float, seed: int) -> Image:
    rng = np.random.default_rng(seed)
    return np.clip(picture + rng.normal(0, level, picture.shape), 0, 255).astype(np.uint8)


def test_a_living_person_on_a_webcam_passes_at_once(
    models_dir: Path, sequence: list[Path], tmp_path: Path
) -> None:
    """Adaptive: somebody enrolled by one frame and seen in the others is let in without a challenge."""
    settings = settings_with(tmp_path / "door", "adaptive")
    enrol(settings, sequence[0])
    told = replay(settings, str(sequence[0].parent))
    assert told.told == [(EventKind.ACCESS_GRANTED, Reason.RECOGNISED)]
    assert told.events[0].at < 1.0
    assert "nets" in told.events[0].detail


def test_a_print_of_a_known_person_is_refused(models_dir: Path, shared: Path, tmp_path: Path) -> None:
    """The same person's printed photo, in passive and in adaptive mode: a spoof, suspected to be a print."""
    (live,) = (shared / "data" / "nuaa-dev" / "live").glob("0008_00_00_02")
    for mode in ("passive", "adaptive"):
        settings = settings_with(tmp_path / mode, mode)
        enrol(settings, sorted(live.iterdir())[0])
        told = replay(settings, str(shared / "data" / "nuaa-dev" / "print" / "0008_00_08_03"))
        assert told.told == [(EventKind.ACCESS_DENIED, Reason.SPOOF)]
        assert "suspected print, nets 0.00" in told.events[0].detail


@pytest.mark.parametrize("level", [0.0, 2.0, 4.0])
def test_a_still_image_fed_as_a_camera_is_refused(
    models_dir: Path, sequence: list[Path], tmp_path: Path, level: float
) -> None:
    """One frame of a living person again and again, bare or with fresh noise: a still picture, however live
    the nets call it."""
    settings = settings_with(tmp_path / "door", "adaptive")
    enrol(settings, sequence[0])
    still = read_photo(sequence[5])
    clip = write_frames(tmp_path / "still", [noisy(still, level, i) for i in range(40)])
    told = replay(settings, clip, fps=15)
    assert told.told == [(EventKind.ACCESS_DENIED, Reason.SPOOF)]
    assert "still picture" in told.events[0].detail


def test_a_frozen_clip_is_refused(models_dir: Path, sequence: list[Path], tmp_path: Path) -> None:
    """A feed that freezes on a known face, and comes as a re-compressed video: nobody is let in."""
    settings = settings_with(tmp_path / "door", "adaptive")
    enrol(settings, sequence[0])
    file = tmp_path / "frozen.mp4"
    frozen = read_photo(sequence[3])
    height, width = frozen.shape[:2]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 15, (width, height))
    for _ in range(60):
        writer.write(frozen)
    writer.release()
    assert (EventKind.ACCESS_DENIED, Reason.SPOOF) in replay(settings, str(file)).told
    assert (EventKind.ACCESS_GRANTED, Reason.RECOGNISED) not in replay(settings, str(file)).told


def test_a_digital_portrait_that_is_walked_about_is_not_let_in(models_dir: Path, tmp_path: Path) -> None:
    """A clean portrait fed in as frames, near and far, swaying: the nets call it live, but it is flat, so the
    door asks for what it cannot do."""
    settings = settings_with(tmp_path / "door", "adaptive")
    enrol(settings, astronaut_file())
    portrait = read_photo(astronaut_file())
    face = open_eye(settings).observer.faces(portrait)[0].box
    walk = Walk(approach_seconds=1.2, stay_seconds=7.0, away_seconds=1.6)
    clip = write_frames(tmp_path / "walk", list(walk_up(portrait, face, walk, seed=1)))
    told = replay(settings, clip, fps=15)
    assert told.told == [(EventKind.ACCESS_DENIED, Reason.CHALLENGE_FAILED)]
    assert "not done in time" in told.events[0].detail


@pytest.fixture
def puppet(models_dir: Path, tmp_path: Path) -> Puppet:
    eye = open_eye(settings_with(tmp_path / "puppet", "challenge"))
    image = read_photo(hopper_file())
    return Puppet(image, eye.observer.faces(image)[0])


@pytest.mark.parametrize("models", ["standard", "fallback"])
def test_the_challenge_tells_a_puppet_that_obeys_from_one_that_does_not(
    puppet: Puppet, tmp_path: Path, models: str
) -> None:
    """The same puppet gets in when it does what the door asks, and not when it looks straight ahead."""
    settings = settings_with(tmp_path / "door", "challenge", models)
    enrol(settings, hopper_file())
    assert replay(settings, Stage([living("obeys", puppet)])).told == [
        (EventKind.ACCESS_GRANTED, Reason.RECOGNISED)
    ]
    stubborn = Act(
        "stares", lambda yaw, pitch, jaw, roll, size, at: puppet.draw(0, 0, roll, size=size, centre=at)
    )
    assert replay(settings, Stage([stubborn])).told == [(EventKind.ACCESS_DENIED, Reason.CHALLENGE_FAILED)]


def test_a_print_cannot_turn_its_head(puppet: Puppet, tmp_path: Path) -> None:
    """Without anti-spoof nets a print that is tilted where the door asks for a turn fails the challenge."""
    settings = settings_with(tmp_path / "door", "challenge", "fallback")
    enrol(settings, hopper_file())
    told = replay(settings, Stage([print_of("tilts", puppet)]))
    assert [reason for _, reason in told.told] == [Reason.CHALLENGE_FAILED]


def test_without_nets_adaptive_asks_everyone_and_says_so(puppet: Puppet, tmp_path: Path) -> None:
    """The fallback set in adaptive mode: a challenge for all, and words that warn of what beats it."""
    settings = settings_with(tmp_path / "door", "adaptive", "fallback")
    held = open_eye(settings).standing(settings.config)
    assert held.mode.value == "challenge"
    assert "animated on a phone" in held.warning
