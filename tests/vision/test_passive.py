"""The anti-spoof nets: where their crops lie, what they say of faces and pictures, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from doorctl.core.records import Box, Image
from doorctl.errors import ModelError
from doorctl.models.install import ModelSet
from doorctl.vision.detect import Detector
from doorctl.vision.find import find_faces
from doorctl.vision.liveness.passive import Passive, crop
from doorctl.vision.mesh import Mesh
from doorctl.vision.observe import Observer
from doorctl.vision.photo import read_photo

SIDE = 256
"""Of the crops that are measured: no picture here is larger, so that its edges stay what they are."""

Judge = Callable[[Path], tuple[float, float]]


def coordinates(width: int, height: int) -> Image:
    """A picture whose blue is each pixel's x and whose green is its y; at most 256 each way."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)


def extent(part: Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of what was cut out of ``coordinates``."""
    return int(part[0, 0, 0]), int(part[0, 0, 1]), int(part[-1, -1, 0]), int(part[-1, -1, 1])


def published(width: int, height: int, box: Box, scale: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom as Minivision's ``generate_patches.CropImage`` computes them, before it
    rounds down."""
    scale = min((height - 1) / box.height, (width - 1) / box.width, scale)
    across, down = box.width * scale, box.height * scale
    x, y = box.left + box.width / 2, box.top + box.height / 2
    left, top, right, bottom = x - across / 2, y - down / 2, x + across / 2, y + down / 2
    if left < 0:
        left, right = 0, right - left
    if top < 0:
        top, bottom = 0, bottom - top
    if right > width - 1:
        left, right = left - (right - width + 1), width - 1
    if bottom > height - 1:
        top, bottom = top - (bottom - height + 1), height - 1
    return left, top, right, bottom


places = st.floats(-200, 400)
sides = st.one_of(st.floats(1, 40), st.floats(40, 900))


@given(st.integers(40, 256), st.integers(40, 256), places, places, sides, sides, st.floats(1, 4))
@example(200, 150, 0.0, 0.0, 50.0, 60.0, 2.7)
@example(200, 150, 150.0, 90.0, 50.0, 60.0, 4.0)
@example(200, 150, 150.0, 0.0, 50.0, 60.0, 4.0)
@example(200, 150, -1000.0, -1000.0, 5000.0, 5000.0, 4.0)
def test_a_crop_lies_where_the_nets_were_trained_to_see_it(
    wide: int, tall: int, left: float, top: float, width: float, height: float, scale: float
) -> None:
    """Wherever the box is, the crop is inside the picture, moved rather than cut, no larger than the
    picture, and to a pixel where the published code has it."""
    box = Box(left, top, width, height)
    x0, y0, x1, y1 = extent(crop(coordinates(wide, tall), box, scale, SIDE, SIDE))
    assert 0 <= x0 <= x1 < wide
    assert 0 <= y0 <= y1 < tall
    assert (x0, y0, x1, y1) == pytest.approx(published(wide, tall, box, scale), abs=1.01)
    held = min((tall - 1) / height, (wide - 1) / width, scale)
    assert (x1 - x0, y1 - y0) == pytest.approx((width * held, height * held), abs=1.01), "moved, never cut"


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    *[st.floats(-1e9, 1e9)] * 2,
    *[st.floats(0, 1e9)] * 2,
)
@example(1, 1, 0.0, 0.0, 0.0, 0.0)
@example(60, 1, 59.9, 0.9, 1e9, 1e-9)
def test_no_box_is_too_odd_for_a_crop(
    wide: int, tall: int, left: float, top: float, width: float, height: float
) -> None:
    """Of any picture, and for boxes without a size, as large as houses or miles away, there is a crop."""
    part = crop(coordinates(wide, tall), Box(left, top, width, height), 4.0, 80, 80)
    assert part.shape == (80, 80, 3)
    assert part.dtype == np.uint8


def test_in_the_middle_the_box_is_magnified_about_its_centre() -> None:
    """With room all round, 2.7 times the box about its centre."""
    part = crop(coordinates(256, 256), Box(110, 120, 40, 50), 2.7, SIDE, SIDE)
    assert extent(part) == pytest.approx((130 - 54, 145 - 67.5, 130 + 54, 145 + 67.5), abs=1)


@pytest.fixture(scope="session")
def passive(models: ModelSet) -> Passive:
    if not models.antispoof:
        pytest.skip("the fallback set has no anti-spoof nets")
    return Passive(models.antispoof)


@pytest.fixture
def judge(passive: Passive, make_observer: Callable[..., Observer]) -> Judge:
    """What the nets say of the largest face of a picture."""
    observer = make_observer()

    def judge(path: Path) -> tuple[float, float]:
        image = read_photo(path)
        return passive(image, observer.faces(image)[0].box)

    return judge


@pytest.mark.parametrize("sequence", ["0002_01_00_01", "0006_00_00_01", "0007_01_00_02"])
def test_living_faces_score_high(judge: Judge, shared: Path, sequence: str) -> None:
    """Frames of people before a webcam are called live."""
    frames = sorted((shared / "data" / "nuaa-dev" / "live" / sequence).iterdir())
    assert min(judge(frame)[0] for frame in frames[::13]) > 0.9


@pytest.mark.parametrize("sequence", ["0002_01_00_01", "0005_00_03_03", "0008_00_08_03"])
def test_prints_score_low_and_are_told_as_prints(judge: Judge, shared: Path, sequence: str) -> None:
    """Frames of printed photos are called spoofs, and prints rather than screens."""
    frames = sorted((shared / "data" / "nuaa-dev" / "print" / sequence).iterdir())
    told = [judge(frame) for frame in frames[::9]]
    assert max(live for live, _ in told) < 0.02
    assert max(screen for _, screen in told) < 0.4


def test_replays_score_low_and_are_told_as_screens(judge: Judge, shared: Path) -> None:
    """The nets' publisher's own pictures: the live one high, both replays low and called screens."""
    live, *replays = (judge(shared / "data" / "spoof-samples" / f"{n}.jpg") for n in ("T1", "F1", "F2"))
    assert live[0] > 0.9
    assert max(score for score, _ in replays) < 0.1
    assert min(screen for _, screen in replays) > 0.8


def test_a_face_at_the_edge_is_judged_like_any_other(passive: Passive, hopper: Image) -> None:
    """Boxes in the corners, over the edge, without a size or larger than the picture give probabilities."""
    for box in (
        Box(0, 0, 200, 200),
        Box(-80, -80, 200, 200),
        Box(400, 500, 200, 200),
        Box(250, 300, 0, 0),
        Box(-500, -500, 3000, 3000),
    ):
        live, screen = passive(hopper, box)
        assert 0 < live < 1
        assert 0 <= screen <= 1


def test_the_score_is_the_mean_of_the_nets_log_odds(
    passive: Passive, models: ModelSet, hopper: Image
) -> None:
    """Both nets count alike: the log-odds of the two together lie in the middle of those of each alone."""
    box = Box(160, 110, 190, 240)
    odds = [np.log(p / (1 - p)) for p, _ in (Passive([net])(hopper, box) for net in models.antispoof)]
    together, _ = passive(hopper, box)
    assert np.log(together / (1 - together)) == pytest.approx(np.mean(odds), abs=1e-3)


def test_a_net_of_another_kind_is_refused(models: ModelSet) -> None:
    """The mesh and the embedder are no anti-spoof nets, and the error says which it was."""
    for model in (models.mesh, models.embedder):
        with pytest.raises(ModelError, match=f"{model.card.name}.*anti-spoof"):
            Passive([model])


def test_what_is_no_number_is_no_score(passive: Passive, models: ModelSet, hopper: Image) -> None:
    """A net that gives NaN, by itself or beside a sound one, is an error and never a verdict."""
    first, second = models.antispoof
    broken = replace(second, card=replace(second.card, scale=float("nan")))
    for nets in ([broken], [first, broken]):
        with pytest.raises(ModelError, match="no probabilities"), np.errstate(invalid="ignore"):
            Passive(nets)(hopper, Box(160, 110, 190, 240))


def test_a_clean_portrait_is_called_live(
    passive: Passive, hopper: Image, collins: Image, detector: Detector, mesh: Mesh
) -> None:
    """What the nets look for are traces of paper and screens, and a clean digital portrait has none: why they
    are not asked alone. Known of these two pictures, this also holds the nets' classes in their order."""
    for portrait in (hopper, collins):
        score, _ = passive(portrait, find_faces(portrait, (detector,), mesh)[0].box)
        assert score > 0.8
