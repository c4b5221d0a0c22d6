"""The puppet, seen by the real nets: it must pass for a person who moves, and its print for a print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.gallery import Gallery
from doorctl.core.records import Image, Person
from doorctl.demo.clips import HEIGHT, WALL, WIDTH
from doorctl.demo.puppet import Puppet
from doorctl.vision.photo import read_photo
from doorctl.vision.pose import pose_of
from doorctl.vision.quality import measure
from tests.pictures import astronaut_file, hopper_file

SIZE, CENTRE = 0.3, (WIDTH / 2, HEIGHT / 2)
MOVES = [(0, 0, 0), (-25, 0, 0), (25, 0, 0), (0, -20, 0), (0, 20, 0), (0, 0, 1)]
"""Yaw, pitch, jaw: what a challenge can ask."""
MATCH = 0.75


@dataclass(frozen=True, slots=True)
class Sight:
    """What the nets make of a frame."""

    yaw: float
    pitch: float
    roll: float
    mouth: float
    score: float
    middle: tuple[float, float]
    width: float


Look = Callable[[Image], Sight]


def eye_of(kind: str, models_dir: Path, directory: Path) -> Eye:
    config = directory / f"{kind}.yaml"
    config.write_text(f"models: {{set: {kind}, directory: {models_dir}}}\n")
    return open_eye(Settings.find(config, directory))


@pytest.fixture(scope="module")
def eyes(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Eye]:
    directory = tmp_path_factory.mktemp("eyes")
    return {kind: eye_of(kind, models_dir, directory) for kind in ("standard", "fallback")}


@pytest.fixture(scope="module", params=[hopper_file, astronaut_file], ids=["Hopper", "Collins"])
def portrait(request: pytest.FixtureRequest) -> Image:
    return read_photo(request.param())


@pytest.fixture(scope="module")
def puppet(eyes: dict[str, Eye], portrait: Image) -> Puppet:
    return Puppet(portrait, eyes["standard"].observer.faces(portrait)[0])


def looker(eye: Eye, portrait: Image) -> Look:
    """The eye, knowing only the person of the portrait."""
    observer = eye.observer
    template = observer.embed(portrait, observer.faces(portrait)[0])
    observer.gallery = Gallery.build([(Person(1, "known"), template)], eye.recognition.calibration)

    def look(frame: Image) -> Sight:
        seen = observer.judge_picture(frame)
        assert seen.face is not None
        assert seen.match is not None
        box = seen.face.box
        middle = (box.left + box.width / 2, box.top + box.height / 2)
        mouth = measure(frame, seen.face).mouth_open
        return Sight(*pose_of(seen.face.landmarks), mouth, seen.match.score, middle, box.width)

    return look


@pytest.fixture(scope="module")
def look(eyes: dict[str, Eye], portrait: Image) -> Look:
    return looker(eyes["standard"], portrait)


def frame_of(puppet: Puppet, yaw: float = 0, pitch: float = 0, jaw: float = 0, roll: float = 0) -> Image:
    return puppet.draw(yaw, pitch, roll, jaw, size=SIZE, centre=CENTRE)


def test_it_stands_where_it_is_told(puppet: Puppet, look: Look) -> None:
    """The face is as wide as asked, its middle where asked, and leans as asked."""
    for size, centre in ((0.15, (200.0, 260.0)), (0.4, (340.0, 230.0))):
        seen = look(puppet.draw(0, 0, size=size, centre=centre))
        assert seen.width == pytest.approx(size * WIDTH, rel=0.05)
        assert seen.middle == pytest.approx(centre, abs=0.03 * size * WIDTH)
    upright, leaning = (look(frame_of(puppet, roll=roll)) for roll in (0, 12))
    assert leaning.roll - upright.roll == pytest.approx(12, abs=4)


def test_it_turns_its_head(puppet: Puppet, look: Look) -> None:
    """Face Mesh sees 25 degrees to each side as at least 15, and 20 up and down as at least 10."""
    still = look(frame_of(puppet))
    assert look(frame_of(puppet, yaw=25)).yaw - still.yaw >= 15
    assert look(frame_of(puppet, yaw=-25)).yaw - still.yaw <= -15
    assert look(frame_of(puppet, pitch=20)).pitch - still.pitch >= 10
    assert look(frame_of(puppet, pitch=-20)).pitch - still.pitch <= -10


def test_one_movement_is_not_taken_for_another(puppet: Puppet, look: Look) -> None:
    """A turn is no nod, a nod no turn, and neither opens the mouth."""
    still = look(frame_of(puppet))
    for yaw, pitch, _ in MOVES[1:5]:
        seen = look(frame_of(puppet, yaw, pitch))
        assert seen.mouth - still.mouth < 0.125
        assert abs(seen.pitch - still.pitch if yaw else seen.yaw - still.yaw) < 7.5


def test_it_opens_its_mouth(puppet: Puppet, look: Look) -> None:
    """The lips part, more with the jaw, beyond what a challenge asks; the head stays where it is."""
    still, half, wide = (look(frame_of(puppet, jaw=jaw)) for jaw in (0, 0.5, 1))
    assert still.mouth < half.mouth < wide.mouth
    assert wide.mouth - still.mouth >= 0.25
    assert abs(wide.yaw - still.yaw) < 7.5
    assert abs(wide.pitch - still.pitch) < 5


@pytest.mark.parametrize("kind", ["standard", "fallback"])
def test_it_stays_the_same_person(kind: str, eyes: dict[str, Eye], portrait: Image, puppet: Puppet) -> None:
    """Both sets of nets recognise it with the head still, turned and nodding, and with the mouth open."""
    look = looker(eyes[kind], portrait)
    for yaw, pitch, jaw in [(0, 0, 0), (-20, 0, 0), (20, 0, 0), (0, -15, 0), (0, 15, 0), (0, 0, 1)]:
        assert look(frame_of(puppet, yaw, pitch, jaw)).score >= MATCH


def test_a_still_puppet_is_its_portrait(puppet: Puppet, portrait: Image) -> None:
    """Unmoved, it is the portrait to the pixel, but for sampling: the same as its print."""
    flat = puppet.draw_flat(0, 0, size=SIZE, centre=CENTRE)
    middle = np.s_[HEIGHT // 2 - 100 : HEIGHT // 2 + 100, WIDTH // 2 - 100 : WIDTH // 2 + 100]
    assert np.abs(frame_of(puppet)[middle].astype(int) - flat[middle]).mean() < 1.5


@pytest.mark.parametrize(("yaw", "pitch"), [(-25, 0), (25, 0), (0, -20), (0, 20)])
def test_nothing_tears(eyes: dict[str, Eye], portrait: Image, yaw: int, pitch: int) -> None:
    """However the head turns, neighbouring pixels come from neighbouring places, and few from 5 pixels apart.

    The portrait is a chart whose colours tell the place. A head without some of its
    triangles has more than a thousand such pixels.
    """
    face = eyes["standard"].observer.faces(portrait)[0]
    reach = 1.5 * face.box.width
    y, x = np.indices(portrait.shape[:2])
    chart = np.full_like(portrait, 128)
    chart[..., 0] = np.clip(128 + 127 * (x - face.box.left - face.box.width / 2) / reach, 0, 255)
    chart[..., 1] = np.clip(128 + 127 * (y - face.box.top - face.box.height / 2) / reach, 0, 255)
    frame = frame_of(Puppet(chart, face), yaw, pitch)[70:410, 150:490].astype(int)
    pixels = SIZE * WIDTH * 1.5 / 127  # of the frame, for a level of colour
    steps = pixels * np.maximum(
        np.abs(np.diff(frame, axis=0)).max(2)[:, 1:], np.abs(np.diff(frame, axis=1)).max(2)[1:]
    )
    assert (steps > 5).sum() < 500
    assert steps.max() < 10


def test_the_rest_stays_in_place(puppet: Puppet) -> None:
    """The frame beyond a face and a half from the face is the same, whatever the head does."""
    still = frame_of(puppet)
    y, x = np.indices((HEIGHT, WIDTH))
    beyond = np.hypot(x - CENTRE[0], y - CENTRE[1]) > 1.65 * SIZE * WIDTH
    for yaw, pitch, jaw in MOVES[1:]:
        moved = frame_of(puppet, yaw, pitch, jaw)
        assert np.abs(moved[beyond].astype(int) - still[beyond]).max() <= 1


def test_a_tilted_print_hardly_turns(puppet: Puppet, look: Look) -> None:
    """Tilted by as much as the head turns, the print shows the nets less than half of a challenge's turn."""
    still = look(puppet.draw_flat(0, 0, size=SIZE, centre=CENTRE))
    for tilt in (-25, 25):
        side = look(puppet.draw_flat(tilt, 0, size=SIZE, centre=CENTRE))
        up = look(puppet.draw_flat(0, tilt, size=SIZE, centre=CENTRE))
        assert abs(side.yaw - still.yaw) < 7.5
        assert abs(up.pitch - still.pitch) < 8.0


def test_a_print_tilts_in_perspective(puppet: Puppet) -> None:
    """Of a print turned to the right the left edge comes nearer, and so is drawn taller."""
    frame = puppet.draw_flat(35, 0, size=0.08, centre=CENTRE)
    paper = np.abs(frame.astype(int) - WALL).max(axis=2) > 8
    columns = np.flatnonzero(paper.any(axis=0))
    heights = paper.sum(axis=0)[columns]
    assert np.median(heights[:8]) > 1.03 * np.median(heights[-8:])
