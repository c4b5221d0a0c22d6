"""The whole way on real pictures: photos enrolled, recordings replayed, the right pin at the right time."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorctl.app.enrolment import photo_to_template
from doorctl.app.replay import open_replay
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input
from doorctl.core.records import Frame
from doorctl.errors import CameraError, PhotoError
from scripts.proofs import doors, kills
from tests.command import SIMULATED
from tests.pictures import astronaut_file, hopper_file


class Told:
    """A Show that keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.frames = 0

    def event(self, event: Event) -> None:
        self.events.append(event)

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        self.frames += frame is not None

    def names(self, kind: EventKind) -> list[str | None]:
        return [event.person.name if event.person else None for event in self.events if event.kind is kind]


@pytest.fixture
def settings(models_dir: Path, tmp_path: Path) -> Settings:
    (tmp_path / "door").mkdir()
    (tmp_path / "door" / "doorctl.yaml").write_text(SIMULATED)
    return Settings.find(None, tmp_path / "door")


@pytest.fixture
def eye(settings: Settings) -> Eye:
    return open_eye(settings)


def enrol(settings: Settings, eye: Eye, name: str, *photos: Path) -> None:
    with open_store(settings) as store:
        store.enrol(name, [photo_to_template(eye, photo) for photo in photos])


def play(settings: Settings, clip: Path, fps: float = 10.0) -> Told:
    told = Told()
    with open_replay(settings, str(clip), [told], fps=fps) as run:
        run()
    return told


def test_the_right_face_opens_the_other_does_not(settings: Settings, eye: Eye, walk_up_clip: Path) -> None:
    """Hopper is enrolled and walks up, then Collins does: one grant, one denial, and the relay is on for
    exactly three seconds of the clip's time."""
    enrol(settings, eye, "Grace Hopper", hopper_file())
    told = play(settings, walk_up_clip)
    assert told.names(EventKind.ACCESS_GRANTED) == ["Grace Hopper"]
    assert told.names(EventKind.ACCESS_DENIED) == [None]
    on, off = (e.at for e in told.events if e.kind in (EventKind.RELAY_ON, EventKind.RELAY_OFF))
    assert off - on == pytest.approx(3.0)
    granted = next(e for e in told.events if e.kind is EventKind.ACCESS_GRANTED)
    assert on == granted.at


def test_enrolled_the_other_way_round_the_other_gets_in(
    settings: Settings, eye: Eye, walk_up_clip: Path
) -> None:
    """It is the face that counts, not the order in the clip."""
    enrol(settings, eye, "Eileen Collins", astronaut_file())
    told = play(settings, walk_up_clip)
    assert told.names(EventKind.ACCESS_GRANTED) == ["Eileen Collins"]


def test_a_denied_person_is_recognised_and_refused(settings: Settings, eye: Eye, walk_up_clip: Path) -> None:
    """The denial names her, and the relay stays off."""
    enrol(settings, eye, "Grace Hopper", hopper_file())
    with open_store(settings) as store:
        store.set_denied("Grace Hopper", True)
    told = play(settings, walk_up_clip)
    assert told.names(EventKind.ACCESS_DENIED) == ["Grace Hopper", None]
    assert told.names(EventKind.RELAY_ON) == []


def test_nobody_enrolled_nobody_let_in(settings: Settings, walk_up_clip: Path) -> None:
    """An empty gallery opens for no one."""
    told = play(settings, walk_up_clip)
    assert told.frames > 100
    assert told.names(EventKind.RELAY_ON) == []


def test_a_replay_leaves_the_store_as_it_was(settings: Settings, eye: Eye, walk_up_clip: Path) -> None:
    """A replayed grant is no entry in the door's own events."""
    enrol(settings, eye, "Grace Hopper", hopper_file())
    play(settings, walk_up_clip)
    with open_store(settings) as store:
        assert [event.kind for event in store.events()] == ["PersonEnrolled"]


def test_no_clip_is_a_clear_error(settings: Settings, models_dir: Path) -> None:
    """A clip that is not there is told by name."""
    with pytest.raises(CameraError, match="nowhere"):
        play(settings, Path("nowhere.mp4"))


def test_two_faces_in_a_photo_are_one_too_many(settings: Settings, eye: Eye, tmp_path: Path) -> None:
    """A photo of two people side by side enrols neither, and the hint says what to do."""
    import cv2
    import numpy as np

    pictures = [cv2.imread(str(file)) for file in (hopper_file(), astronaut_file())]
    assert pictures[0] is not None
    assert pictures[1] is not None
    left = cv2.resize(pictures[0], (400, 480))
    right = cv2.resize(pictures[1][0:300, 80:380], (480, 480))
    both = tmp_path / "both.png"
    cv2.imwrite(str(both), np.hstack([left, right]))
    with pytest.raises(PhotoError, match="2 faces found"):
        photo_to_template(eye, both)


def test_a_known_clip_names_nobody_wrongly(settings: Settings, eye: Eye, shared: Path) -> None:
    """Two people enrolled from a portrait each: Miranda is let in as himself in the clip of both, and
    nobody is let in as Lacamoire, who is only seen in profile."""
    clips = shared / "data" / "clips"
    for name in ("Lin-Manuel Miranda", "Alex Lacamoire"):
        enrol(settings, eye, name, clips / f"{name}-1.png")
    told = play(settings, clips / "hamilton.mp4")
    assert set(told.names(EventKind.ACCESS_GRANTED)) == {"Lin-Manuel Miranda"}


@pytest.mark.slow
def test_webcam_visits_open_for_their_own_person_only(shared: Path, models_dir: Path, tmp_path: Path) -> None:
    """Every person of nuaa-dev: second sessions are let in as themselves, people not enrolled never. The same
    proof as 'scripts/prove doors', which prints its table."""
    visits = doors.all_visits("standard", tmp_path)
    assert len([visit for visit in visits if visit.enrolled]) == 9
    assert [visit.sequence for visit in visits if not visit.right] == []


@pytest.mark.slow
def test_a_killed_daemon_loses_nothing_and_the_lock_holds(models_dir: Path, tmp_path: Path) -> None:
    """Five kills with SIGKILL at fixed odd moments; 'scripts/prove kills' does fifty at random ones. One of
    them comes while the relay is on, or nothing would be shown."""
    data = kills.prepare(tmp_path / "door")
    rounds = [kills.kill_once(data, moment) for moment in (0.0, 1.7, 2.6, 3.3, 6.1)]
    assert [r for r in rounds if not r.good] == []
    assert any(r.was_on for r in rounds)
    assert sum(r.told for r in rounds) > 5
