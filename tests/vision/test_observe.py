"""One frame after another: tracking, the nearest face, gates, and the match."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from doorctl.core.card import Calibration
from doorctl.core.gallery import Gallery
from doorctl.core.records import Box, Frame, Gate, Image, Person
from doorctl.errors import ModelError
from doorctl.models.install import ModelSet
from doorctl.vision.observe import Observer

WIDTH, HEIGHT = 640, 480
EMPTY_SCENE = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
MakeObserver = Callable[..., Observer]


def scene(*people: tuple[Image, float, float]) -> Image:
    """Portraits on grey: (picture, its height in pixels, the left edge)."""
    out = EMPTY_SCENE.copy()
    for image, height, left in people:
        width = round(image.shape[1] * height / image.shape[0])
        small = cv2.resize(image, (width, round(height)), interpolation=cv2.INTER_AREA)
        x = round(left)
        part = small[:HEIGHT, max(0, -x) : WIDTH - x]
        out[: part.shape[0], max(0, x) : max(0, x) + part.shape[1]] = part
    return out


def play(observer: Observer, images: list[Image], fps: float = 30, start: float = 0) -> list[Gate]:
    return [observer.observe(Frame(image, start + i / fps, i)).gate for i, image in enumerate(images)]


def middle(box: Box | None) -> float:
    assert box is not None
    return box.left + box.width / 2


def test_the_detector_runs_once_while_a_face_stays(make_observer: MakeObserver, hopper: Image) -> None:
    """A face that drifts across the frame is tracked; the detector looks up once a second."""
    observer = make_observer()
    clip = [scene((hopper, 480 + 2 * i, 20 + 4 * i)) for i in range(45)]
    assert play(observer, clip[:30]) == [Gate.PASSED] * 30
    assert observer.detector.net.runs == 1
    assert play(observer, clip[30:], start=1.0) == [Gate.PASSED] * 15
    assert observer.detector.net.runs == 2
    seen = observer.observe(Frame(clip[-1], 1.5, 45))
    assert seen.face is not None
    assert middle(seen.face.box) == pytest.approx(196 + 267 * 568 / 600, abs=8)


def test_a_lost_face_is_looked_for(make_observer: MakeObserver, hopper: Image) -> None:
    """When the face vanishes the detector runs on every frame, until it is back."""
    observer = make_observer()
    there = scene((hopper, 480, 100))
    gates = play(observer, [there, there, EMPTY_SCENE, EMPTY_SCENE, there, there])
    assert gates == [Gate.PASSED] * 2 + [Gate.NO_FACE] * 2 + [Gate.PASSED] * 2
    assert observer.detector.net.runs == 4


def test_a_face_that_jumps_is_found_in_the_same_frame(make_observer: MakeObserver, hopper: Image) -> None:
    """No frame is lost when the face is elsewhere."""
    observer = make_observer()
    assert play(observer, [scene((hopper, 400, 0)), scene((hopper, 400, 290))]) == [Gate.PASSED] * 2


def test_the_nearest_of_two_counts(make_observer: MakeObserver, hopper: Image, collins: Image) -> None:
    """Of two people the larger face is judged, on either side."""
    for left, right in ((0.0, 340.0), (330.0, 0.0)):
        observer = make_observer()
        seen = observer.observe(Frame(scene((hopper, 400, left), (hopper, 240, right)), 0.0, 0))
        assert seen.face is not None
        assert middle(seen.face.box) == pytest.approx(left + 267 * 400 / 600, abs=12)


def test_somebody_who_steps_in_front_is_noticed(make_observer: MakeObserver, hopper: Image) -> None:
    """Within a second the tracking goes over to the nearer face; an equally near one does not take it."""
    observer = make_observer()
    alone, beside = scene((hopper, 300, 0)), scene((hopper, 300, 0), (hopper, 310, 300))
    nearer = scene((hopper, 300, 0), (hopper, 400, 290))
    places = []
    for i, image in enumerate([alone] * 5 + [beside] * 40 + [nearer] * 35):
        seen = observer.observe(Frame(image, i / 30, i))
        assert seen.face is not None
        places.append(middle(seen.face.box) > 250)
    assert not any(places[:45])
    assert all(places[-5:])


@pytest.mark.parametrize(("at", "stays"), [(0.1, True), (-0.5, False), (1.3, False), (9.0, False)])
def test_tracking_ends_with_a_break_in_time(
    make_observer: MakeObserver, hopper: Image, at: float, stays: bool
) -> None:
    """After a break the nearer face counts, however little nearer; without one the tracked face goes on."""
    observer = make_observer()
    play(observer, [scene((hopper, 300, 0))])
    seen = observer.observe(Frame(scene((hopper, 300, 0), (hopper, 310, 300)), at, 1))
    assert seen.face is not None
    assert (middle(seen.face.box) < 250) is stays


def test_tracking_ends_with_another_size_of_frame(make_observer: MakeObserver, hopper: Image) -> None:
    """Landmarks in pixels mean nothing in a frame of another size: it is looked at afresh."""
    observer = make_observer()
    play(observer, [scene((hopper, 300, 0))])
    both = scene((hopper, 300, 0), (hopper, 310, 300))
    seen = observer.observe(Frame(np.ascontiguousarray(both[:470]), 0.1, 1))
    assert seen.face is not None
    assert middle(seen.face.box) > 250


def test_gates_come_before_the_match(make_observer: MakeObserver, hopper: Image) -> None:
    """A small or cut-off face is told as such, and never embedded."""
    observer = make_observer(min_face=0.2)
    small = observer.observe(Frame(scene((hopper, 240, 100)), 0.0, 0))
    assert (small.gate, small.match) == (Gate.TOO_SMALL, None)
    assert small.face is not None
    cut = observer.observe(Frame(scene((hopper, 480, -175)), 5.0, 1))
    assert (cut.gate, cut.match) == (Gate.OUT_OF_VIEW, None)
    nobody = observer.observe(Frame(EMPTY_SCENE, 10.0, 2))
    assert (nobody.gate, nobody.match, nobody.face) == (Gate.NO_FACE, None, None)
    assert observer.embedder.net.runs == 0


def test_who_it_is(make_observer: MakeObserver, hopper: Image, collins: Image) -> None:
    """A gallery assigned between two frames is used from the next one on."""
    observer = make_observer()
    frame = Frame(scene((hopper, 480, 100)), 0.0, 0)
    stranger = observer.observe(frame)
    assert stranger.match is not None
    assert stranger.match.person is None
    people = [(Person(1, "Hopper"), hopper), (Person(2, "Collins"), collins)]
    entries = [(person, observer.embed(photo, observer.faces(photo)[0])) for person, photo in people]
    observer.gallery = Gallery.build(entries, Calibration(((-1.0, 0.0), (1.0, 1.0)), "made up"))
    seen = observer.observe(frame)
    assert seen.match is not None
    assert seen.match.person == Person(1, "Hopper")
    assert seen.match.similarity > 0.8
    assert seen.match.margin is not None
    assert observer.embedder.card.recognition is not None
    assert seen.match.margin > observer.embedder.card.recognition.margin
    assert seen.liveness.score is None


def test_times(make_observer: MakeObserver, hopper: Image) -> None:
    """``at`` is the frame's, ``judged_at`` the clock's, or the frame's where there is no clock."""
    frame = Frame(scene((hopper, 480, 100)), 3.0, 0)
    for observer, judged in ((make_observer(), 3.0), (make_observer(clock=lambda: 3.25), 3.25)):
        seen = observer.observe(frame)
        assert (seen.at, seen.judged_at) == (3.0, judged)
        assert observer.observe(Frame(EMPTY_SCENE, 3.1, 1)).judged_at == (3.1 if judged == 3.0 else 3.25)


@pytest.mark.parametrize(
    "image",
    [
        None,
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
    ],
)
def test_a_frame_that_is_no_picture(make_observer: MakeObserver, hopper: Image, image: Image) -> None:
    """A broken frame is a ModelError that ends the tracking, and the next good frame is judged."""
    observer = make_observer()
    good = scene((hopper, 480, 100))
    play(observer, [good])
    with pytest.raises(ModelError, match="cannot be judged"):
        observer.observe(Frame(image, 0.1, 1))
    assert observer.observe(Frame(good, 0.2, 2)).gate is Gate.PASSED
    assert observer.detector.net.runs == 2


def test_views_of_frames_are_frames(make_observer: MakeObserver, hopper: Image) -> None:
    """A mirrored or cropped view, which is not contiguous in memory, is judged like a copy of it."""
    wide = np.hstack([scene((hopper, 480, 100))] * 2)
    view = wide[:, WIDTH - 1 :: -1]
    observer, other = make_observer(), make_observer()
    seen, copied = observer.observe(Frame(view, 0.0, 0)), other.observe(Frame(view.copy(), 0.0, 0))
    assert seen.face is not None
    assert copied.face is not None
    assert seen.face.box == copied.face.box


def test_a_still_picture_is_judged_apart(make_observer: MakeObserver, hopper: Image) -> None:
    """``judge_picture`` applies the same gates and match, and leaves the tracking alone."""
    observer = make_observer()
    image = scene((hopper, 480, 100))
    play(observer, [image])
    seen = observer.judge_picture(hopper)
    assert (seen.gate, seen.at) == (Gate.PASSED, 0.0)
    assert seen.match is not None
    assert observer.judge_picture(EMPTY_SCENE).gate is Gate.NO_FACE
    runs = observer.detector.net.runs
    observer.observe(Frame(image, 0.1, 1))
    assert observer.detector.net.runs == runs


def noisy(image: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 2, image.shape[:2])[..., None]
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_where_nobody_is_the_detector_looks_once_a_second(make_observer: MakeObserver) -> None:
    """An empty scene is looked at frame by frame for three seconds, and then once a second."""
    observer = make_observer()
    empty = [noisy(EMPTY_SCENE, i) for i in range(10)]
    assert set(play(observer, [empty[i % 10] for i in range(45)], fps=15)) == {Gate.NO_FACE}
    assert observer.detector.net.runs == 45
    play(observer, [empty[i % 10] for i in range(75)], fps=15, start=3.0)
    assert observer.detector.net.runs <= 45 + 6


@pytest.mark.parametrize("late", range(0, 15, 3))
def test_one_who_appears_is_seen_at_once(make_observer: MakeObserver, hopper: Image, late: int) -> None:
    """Whenever between two looks a face comes in, that very frame is judged."""
    observer = make_observer()
    empty = [noisy(EMPTY_SCENE, i) for i in range(10)]
    play(observer, [empty[i % 10] for i in range(75 + late)], fps=15)
    slept = observer.detector.net.runs
    assert slept < 60
    small = noisy(scene((hopper, 200, 220)), 1)  # hardly as wide as the least face of 0.1
    assert play(observer, [small, small], fps=15, start=(75 + late) / 15) == [Gate.PASSED] * 2
    assert observer.detector.net.runs == slept + 1


def test_one_who_comes_without_a_move_is_seen_at_the_next_look(
    make_observer: MakeObserver, hopper: Image
) -> None:
    """A face that fades in over 30 s, as no person can, is seen within a second of being there to see."""
    sleeper, wakeful = make_observer(), make_observer(relook_seconds=0.0)
    face = scene((hopper, 240, 200)).astype(np.float32)
    seen: list[float] = []
    for observer in (sleeper, wakeful):
        for i in range(45, 45 + 30 * 15):
            share = max(0, i - 90) / (28 * 15)
            image = (EMPTY_SCENE + share * (face - EMPTY_SCENE)).astype(np.uint8)
            if observer.observe(Frame(image, i / 15, i)).face is not None:
                seen.append(i / 15)
                break
    assert len(seen) == 2
    assert sleeper.detector.net.runs < wakeful.detector.net.runs / 2
    assert seen[0] - seen[1] <= 1.0


def test_one_who_moves_keeps_it_awake(make_observer: MakeObserver, hopper: Image) -> None:
    """Somebody who sways with the face turned away is looked at in every frame, until the face is seen."""
    observer = make_observer()
    back = cv2.GaussianBlur(scene((hopper, 480, 0)), (0, 0), 25)  # a head and shoulders without a face
    frames = [np.roll(back, round(40 * np.sin(i / 5)), axis=1).astype(np.uint8) for i in range(120)]
    assert set(play(observer, frames, fps=15)) == {Gate.NO_FACE}
    assert observer.detector.net.runs == 120
    assert play(observer, [scene((hopper, 480, 100))], start=8.0) == [Gate.PASSED]


def test_the_frames_of_a_visit_are_taken_together(
    make_observer: MakeObserver, models: ModelSet, hopper: Image
) -> None:
    """On a noisy camera the match is steadier than a single frame's, from the first frame to the fifth."""
    rng = np.random.default_rng(0)
    observer, clear = make_observer(), scene((hopper, 480, 100))
    gallery = gallery_of(observer, models, hopper)
    noisy = [np.clip(clear + rng.normal(0, 40, clear.shape), 0, 255).astype(np.uint8) for _ in range(10)]
    together, alone = make_observer(gallery=gallery), make_observer(gallery=gallery)
    fused = [together.observe(Frame(image, i / 10, i)) for i, image in enumerate(noisy)]
    single = [alone.observe(Frame(image, i * 10.0, i)) for i, image in enumerate(noisy)]
    similarity = [[seen.match.similarity for seen in run if seen.match] for run in (fused, single)]
    assert len(similarity[0]) == len(similarity[1]) == 10
    assert np.mean(similarity[0][4:]) > np.mean(similarity[1][4:])
    assert similarity[0][0] == pytest.approx(similarity[1][0], abs=1e-4)


def test_who_takes_the_place_of_another_gains_nothing(
    make_observer: MakeObserver, models: ModelSet, hopper: Image, collins: Image
) -> None:
    """Collins, where Hopper was in the frame before, is as unlike her as a stranger is."""
    first = make_observer()
    gallery = gallery_of(first, models, hopper)
    before, after = scene((hopper, 480, 100)), scene((collins, 560, 60))
    observer = make_observer(gallery=gallery)
    for number in range(5):
        observer.observe(Frame(before, number / 10, number))
    swapped = observer.observe(Frame(after, 0.5, 5))
    assert swapped.match is not None
    assert swapped.match.similarity < 0.3


def gallery_of(observer: Observer, models: ModelSet, image: Image) -> Gallery:
    """One person, on the installed card's own scale."""
    recognition = models.embedder.card.recognition
    assert recognition is not None
    template = observer.embed(image, observer.faces(image)[0])
    return Gallery.build([(Person(1, "Grace Hopper"), template)], recognition.calibration)
