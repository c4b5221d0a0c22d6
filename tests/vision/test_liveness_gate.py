"""The gate before the anti-spoof nets: which faces it leaves to them, by the measures of ``measure``."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from doorctl.core.records import Face, Gate, Image
from doorctl.vision.observe import Observer
from doorctl.vision.quality import BLURRED, DARKEST, MAX_FACE, gate_of, liveness_gate, measure

MIN_FACE = 0.12
"""As the configuration has it by default."""

Framed = Callable[..., tuple[Image, Face]]


@pytest.fixture(params=["hopper", "collins"])
def framed(request: pytest.FixtureRequest, make_observer: Callable[..., Observer]) -> Framed:
    """One of the portraits in a frame of a camera, its face taking a share of the height, somewhere."""
    observer, portrait = make_observer(), request.getfixturevalue(request.param)
    box = observer.faces(portrait)[0].box

    def place(share: float, x: float = 320, y: float = 240) -> tuple[Image, Face]:
        scale = share * 480 / box.height
        across, down = x - scale * (box.left + box.width / 2), y - scale * (box.top + box.height / 2)
        matrix = np.array([(scale, 0, across), (0, scale, down)])
        frame = cv2.warpAffine(
            portrait, matrix, (640, 480), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
        )
        image = np.asarray(frame, np.uint8)
        return image, observer.faces(image)[0]

    return place


def lit(image: Image, light: float) -> Image:
    return np.asarray(np.clip(image * light, 0, 255), np.uint8)


def blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


@pytest.mark.parametrize("share", [0.25, 0.4, 0.55, 0.7])
def test_ordinary_faces_pass(framed: Framed, share: float) -> None:
    """Sharp faces in fair light pass from afar to near."""
    image, face = framed(share)
    assert gate_of(face, image.shape, min_face=MIN_FACE) is Gate.PASSED
    assert liveness_gate(image, face) is Gate.PASSED


def test_a_face_too_near_is_told(framed: Framed) -> None:
    """Past three quarters of the height, and not before, too little is seen round a face."""
    seen = {share: framed(share) for share in (0.72, 0.78, 0.9)}
    gates = {face.box.height / 480: liveness_gate(image, face) for image, face in seen.values()}
    assert list(gates.values()) == [Gate.PASSED, Gate.TOO_LARGE, Gate.TOO_LARGE]
    assert [share > MAX_FACE for share in gates] == [False, True, True]


@pytest.mark.parametrize(
    ("light", "gate"), [(0.05, Gate.TOO_DARK), (0.6, Gate.PASSED), (6.0, Gate.TOO_BRIGHT)]
)
def test_light_is_told(framed: Framed, light: float, gate: Gate) -> None:
    """A face in the dark and one in a glare are told apart, and from one in dim light, which passes."""
    image, face = framed(0.5)
    assert liveness_gate(lit(image, light), face) is gate


def test_blur_is_told(framed: Framed) -> None:
    """A face out of focus, or smeared along or across, is blurred; a softened one passes."""
    image, face = framed(0.5)
    assert liveness_gate(blurred(image, 1.5), face) is Gate.PASSED
    assert liveness_gate(blurred(image, 14), face) is Gate.BLURRED
    for size in ((101, 1), (1, 101)):
        assert liveness_gate(np.asarray(cv2.blur(image, size), np.uint8), face) is Gate.BLURRED


def test_dim_light_is_no_blur(framed: Framed) -> None:
    """A quarter of the light leaves a sharp face sharp."""
    image, face = framed(0.4)
    assert liveness_gate(lit(image, 0.25), face) is Gate.PASSED


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_sharpness_agrees_with_that_of_a_photo(framed: Framed, share: float) -> None:
    """Blurred step by step, a face is held back where ``measure`` finds it about as blurred: within half."""
    image, face = framed(share)
    steps = [blurred(image, sigma) for sigma in np.arange(0.5, 16, 0.5) * share * 2]
    gates = [liveness_gate(step, face) for step in steps]
    turn = gates.index(Gate.BLURRED)
    assert set(gates[:turn]) == {Gate.PASSED}
    assert set(gates[turn:]) == {Gate.BLURRED}, "once blurred, more blur is no help"
    assert BLURRED / 1.5 < measure(steps[turn], face).sharpness < 1.5 * BLURRED


def test_brightness_agrees_with_that_of_a_photo(framed: Framed) -> None:
    """Dimmed step by step, a face is held back where ``measure`` finds it about as dark: within a third."""
    image, face = framed(0.5)
    steps = [lit(image, light) for light in np.geomspace(0.6, 0.03, 24)]
    gates = [liveness_gate(step, face) for step in steps]
    turn = gates.index(Gate.TOO_DARK)
    assert set(gates[:turn]) == {Gate.PASSED}
    assert set(gates[turn:]) == {Gate.TOO_DARK}
    assert measure(steps[turn], face).brightness + 1 == pytest.approx(DARKEST + 1, rel=1 / 3)


@pytest.mark.parametrize(("x", "y"), [(30, 240), (610, 240), (320, 60), (320, 440), (40, 50)])
def test_a_face_over_the_edge_breaks_nothing(framed: Framed, x: float, y: float) -> None:
    """Half out of the picture, which ``gate_of`` tells, the gate still gives an answer."""
    image, face = framed(0.5)
    shift = np.array([(1, 0, x - 320), (0, 1, y - 240)], float)
    moved = np.asarray(cv2.warpAffine(image, shift, (640, 480)), np.uint8)
    moved_face = elsewhere(face, x - 320, y - 240)
    assert gate_of(moved_face, moved.shape, min_face=MIN_FACE) is Gate.OUT_OF_VIEW
    assert liveness_gate(moved, moved_face) in Gate


def elsewhere(face: Face, right: float, down: float) -> Face:
    """The same face elsewhere."""
    box = face.box
    moved = type(box)(box.left + right, box.top + down, box.width, box.height)
    points = face.landmarks + np.array([right, down, 0], np.float32)
    return Face(moved, points, face.presence, face.size)
