"""What the door asks of a frame beyond whose face it is: the nets only when wanted, the track, the turn."""

from __future__ import annotations

from math import inf

import cv2
import numpy as np
import pytest

from doorctl.core.gallery import Gallery
from doorctl.core.records import Ask, Frame, Gate, Image, Person
from doorctl.demo.puppet import Puppet
from doorctl.models.install import ModelSet
from doorctl.vision.observe import Observer
from tests.vision.test_observe import EMPTY_SCENE, MakeObserver, scene

ALIVE = Ask(live_from=-inf)
CLOSELY = Ask(live_from=-inf, closely=True)


@pytest.fixture
def watcher(make_observer: MakeObserver, models: ModelSet) -> Observer:
    """An observer with the anti-spoof nets."""
    if not models.antispoof:
        pytest.skip("this set has no anti-spoof nets")
    return make_observer(antispoof=models.antispoof)


def knowing(observer: Observer, picture: Image, name: str = "Grace") -> Observer:
    """The same, knowing the person of a picture."""
    template = observer.embed(picture, observer.faces(picture)[0])
    observer.gallery = Gallery.build([(Person(1, name), template)], observer.gallery.calibration)
    return observer


def runs(observer: Observer) -> list[int]:
    assert observer.passive is not None
    return [net.runs for net in observer.passive.nets]


def test_the_nets_run_only_when_they_are_wanted(watcher: Observer, hopper: Image) -> None:
    """Not where only the person is asked for, nor below the score that is asked for; then each once."""
    picture = scene((hopper, 480, 100))
    assert watcher.observe(Frame(picture, 0.0, 0)).liveness.score is None
    assert watcher.observe(Frame(picture, 0.1, 1), Ask(live_from=1.1)).liveness.score is None
    assert runs(watcher) == [0, 0]
    seen = watcher.observe(Frame(picture, 0.2, 2), ALIVE)
    assert seen.liveness.score is not None
    assert runs(watcher) == [1, 1]


def test_a_frame_that_fails_a_gate_of_liveness_costs_no_net(watcher: Observer, hopper: Image) -> None:
    """Blurred, dark or too near: told by its gate, and neither matched nor judged; without liveness all the
    same recognised."""
    box = watcher.faces(hopper)[0].box
    top, left, tall = int(box.top - 0.1 * box.height), int(box.left - 0.3 * box.width), int(1.2 * box.height)
    near = cv2.resize(hopper[top : top + tall, left : left + tall * 4 // 3], (640, 480))
    spoilt = {
        Gate.BLURRED: cv2.GaussianBlur(scene((hopper, 480, 100)), (0, 0), 6).astype(np.uint8),
        Gate.TOO_DARK: (scene((hopper, 480, 100)) // 16).astype(np.uint8),
        Gate.TOO_LARGE: near.astype(np.uint8),
    }
    for number, (gate, picture) in enumerate(spoilt.items()):
        watcher.forget()
        seen = watcher.observe(Frame(picture, 10.0 * number, number), ALIVE)
        assert (seen.gate, seen.match, seen.liveness.score) == (gate, None, None)
        assert watcher.observe(Frame(picture, 10.0 * number + 0.1, number)).gate is Gate.PASSED
    assert runs(watcher) == [0, 0]


def test_the_track_has_one_number_while_the_face_stays(watcher: Observer, hopper: Image) -> None:
    """Somebody who drifts and grows keeps the number; lost sight of, or elsewhere at once, it is another."""
    drift = [scene((hopper, 400 + 2 * i, 100 + 3 * i)) for i in range(20)]
    numbers = {watcher.observe(Frame(image, i / 15, i), ALIVE).track for i, image in enumerate(drift)}
    assert len(numbers) == 1
    watcher.observe(Frame(EMPTY_SCENE, 1.4, 20), ALIVE)
    after = watcher.observe(Frame(drift[-1], 1.5, 21), ALIVE).track
    assert after not in numbers
    jumped = watcher.observe(Frame(scene((hopper, 440, 380)), 1.6, 22), ALIVE).track
    assert jumped not in {after, *numbers}


def test_another_face_in_the_same_place_is_another_track(
    watcher: Observer, hopper: Image, collins: Image
) -> None:
    """Faces swapped between two frames, one where the other was: noticed by the likeness."""
    face = watcher.faces(collins)[0].box
    close = collins[
        int(face.top - 60) : int(face.top + face.height + 60),
        int(face.left - 80) : int(face.left + face.width + 80),
    ]
    first = [watcher.observe(Frame(scene((hopper, 480, 100)), i / 15, i), ALIVE) for i in range(6)]
    box = first[-1].face
    assert box is not None
    scale = box.box.height / face.height
    big = cv2.resize(close, None, fx=scale, fy=scale)
    picture = EMPTY_SCENE.copy()
    left, top = round(box.box.left - 80 * scale), max(0, round(box.box.top - 60 * scale))
    part = picture[top : top + big.shape[0], left : left + big.shape[1]]
    part[:] = big[: part.shape[0], : part.shape[1]]
    swapped = watcher.observe(Frame(picture, 6 / 15, 6), ALIVE)
    assert swapped.face is not None
    assert swapped.track != first[-1].track


def test_a_second_face_is_noticed_when_it_matters(watcher: Observer, hopper: Image, collins: Image) -> None:
    """While a challenge runs, a face that comes up beside the tracked one is told in that very frame; one in
    the background is not."""
    alone, both = scene((hopper, 420, 0)), scene((hopper, 420, 0), (hopper, 360, 320))
    assert not watcher.observe(Frame(alone, 0.0, 0), CLOSELY).crowded
    assert watcher.observe(Frame(both, 0.1, 1), CLOSELY).crowded
    background = scene((hopper, 420, 0), (collins, 200, 430))
    assert not watcher.observe(Frame(background, 0.2, 2), CLOSELY).crowded


def test_a_turn_shows_in_depth_and_a_tilt_does_not(watcher: Observer, hopper: Image) -> None:
    """Asked from a neutral frame on, a puppet's turn is told in degrees, and a tilted print's is none."""
    puppet = Puppet(hopper, watcher.faces(hopper)[0])
    steps = [30.0 * min(1.0, i / 8) for i in range(12)]
    turned = [puppet.draw(yaw, 0, size=0.3, centre=(320, 240)) for yaw in steps]
    tilted = [puppet.draw_flat(1.6 * yaw, 0, size=0.3, centre=(320, 240)) for yaw in steps]
    most = []
    for number, clip in enumerate((turned, tilted), start=1):
        watcher.forget()
        told = [
            watcher.observe(Frame(image, 10.0 * number + i / 15, i), Ask(live_from=2.0, anchor=number)).turned
            for i, image in enumerate(clip)
        ]
        assert told[0] == (0.0, 0.0)
        most.append(max(yaw for yaw, _ in (one for one in told if one is not None)))
    assert most[0] >= 10.0
    assert most[1] < 5.0
    assert watcher.observe(Frame(turned[0], 99.0, 0), ALIVE).turned is None
