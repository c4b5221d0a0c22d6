"""Motion: people wake the detector, light and noise do not."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from doorctl.core.records import Image
from doorctl.vision.motion import COLUMNS, ROWS, Motion, shrink

WIDTH, HEIGHT, FPS = 640, 480, 15
Grey = NDArray[np.float64]


def room(seed: int) -> Grey:
    """A made-up scene: surfaces of 20 to 200 grey levels, with soft shadows and texture."""
    rng = np.random.default_rng(seed)
    scene = np.kron(rng.uniform(20, 200, (6, 8)), np.ones((HEIGHT // 6, WIDTH // 8)))
    return scene * np.linspace(0.7, 1.0, WIDTH) + rng.normal(0, 6, (HEIGHT, WIDTH))


def picture(scene: Grey, noise: float, rng: np.random.Generator) -> Image:
    grey = scene + noise * rng.standard_normal(scene.shape, np.float32)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def settled(scene: Grey, noise: float, rng: np.random.Generator, frames: int = 12) -> Motion:
    motion = Motion()
    for i in range(frames):
        motion(picture(scene, noise, rng), i / FPS)
    return motion


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 15))
def test_noise_is_no_motion(seed: int, noise: float) -> None:
    """Sensor noise up to that of a dark room is known within a second, and then wakes nobody."""
    rng, scene = np.random.default_rng(seed), room(seed)
    motion = settled(scene, noise, rng)
    assert not any(motion(picture(scene, noise, rng), i / FPS) for i in range(12, 36))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 0.25), st.floats(0.4, 8))
def test_flicker_is_no_motion(seed: int, depth: float, bands: float) -> None:
    """Lamps that flicker by a quarter, whole or in bands that wander over the picture, wake nobody."""
    rng, scene = np.random.default_rng(seed), room(seed)
    rows = np.linspace(0, 2 * np.pi * bands, HEIGHT)[:, None]

    def lit(i: int) -> Image:
        return picture(scene * (1 - depth / 2 + depth / 2 * np.sin(rows + 2.1 * i)), 2, rng)

    motion = Motion()
    assert [motion(lit(i), i / FPS) for i in range(20)] == [True] + [False] * 19


def test_light_that_comes_and_goes_is_no_motion() -> None:
    """Dusk and dawn, one tenth brighter or darker each second: for ten seconds nothing moved."""
    rng, scene = np.random.default_rng(5), room(5)
    motion = settled(scene, 2, rng)
    light = [1 + 0.25 * np.sin(i / FPS * 0.4) for i in range(12, 160)]
    assert not any(motion(picture(scene * v, 2, rng), (12 + i) / FPS) for i, v in enumerate(light))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 1000),
    st.floats(0, 6),
    st.floats(0, 1 - 0.12),
    st.floats(0, 0.7),
    st.sampled_from([-60.0, -35.0, 35.0, 60.0]),
)
def test_a_face_is_motion_on_the_frame_that_it_comes_in(
    seed: int, noise: float, left: float, top: float, contrast: float
) -> None:
    """The smallest face that the door looks at, anywhere, lighter or darker than the wall behind it."""
    rng = np.random.default_rng(seed)
    wall = np.full((HEIGHT, WIDTH), 120.0)
    motion = settled(wall, noise, rng)
    x, y = int(left * WIDTH), int(top * HEIGHT)
    wall[y : y + 100, x : x + 77] += contrast
    assert motion(picture(wall, noise, rng), 12 / FPS)


def test_one_who_fills_the_picture_is_motion() -> None:
    """Where most of every row changes, the row's median is the person, and the rest stands out."""
    rng, scene = np.random.default_rng(3), room(3)
    motion = settled(scene, 2, rng)
    near = scene.copy()
    near[60:, 100:560] = room(4)[60:, 100:560]
    assert motion(picture(near, 2, rng), 12 / FPS)


def test_lights_that_go_on_are_motion() -> None:
    """A room that is suddenly three times as bright may have somebody in it."""
    rng, scene = np.random.default_rng(3), room(3) / 3
    motion = settled(scene, 2, rng)
    assert motion(picture(scene * 3, 2, rng), 12 / FPS)


def test_one_who_stays_in_motion_is_not_got_used_to() -> None:
    """Somebody who sways for ten seconds is motion in nearly every frame of the last two."""
    rng = np.random.default_rng(8)
    wall = np.full((HEIGHT, WIDTH), 120.0)
    told = []
    motion = settled(wall, 2, rng)
    for i in range(12, 10 * FPS):
        scene = wall.copy()
        x = 250 + round(50 * np.sin(i / 4))
        scene[100:400, x : x + 120] = 60
        told.append(motion(picture(scene, 2, rng), i / FPS))
    assert np.mean(told[-2 * FPS :]) > 0.8


def test_a_chair_that_was_moved_is_soon_part_of_the_room() -> None:
    """What stays where it is stops being motion within a few seconds."""
    rng, scene = np.random.default_rng(2), room(2)
    motion = settled(scene, 2, rng)
    scene[200:400, 300:400] = 30
    told = [motion(picture(scene, 2, rng), i / FPS) for i in range(12, 12 + 8 * FPS)]
    assert told[0]
    assert not any(told[5 * FPS :])


@pytest.mark.parametrize("at", [-1.0, 0.5, 9.0])
def test_after_a_break_anything_may_have_happened(at: float) -> None:
    """Time that went back, a long pause, or another size of frame count as motion."""
    rng, wall = np.random.default_rng(1), np.full((HEIGHT, WIDTH), 120.0)
    motion = settled(wall, 0, rng, 4)
    image = picture(wall, 0, rng)
    assert motion(image[:400] if at == 0.5 else image, at)
    assert not motion(image[:400] if at == 0.5 else image, at + 0.1)


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280), (121, 161), (640, 480), (20, 30)])
def test_cells_are_means(shape: tuple[int, int]) -> None:
    """Whatever the picture's size, the cells show it, small and grey."""
    image = np.full((*shape, 3), 90, np.uint8)
    image[:, shape[1] // 2 :] = 200
    cells = shrink(image)
    assert cells.shape == (ROWS, COLUMNS)
    assert cells[:, 0] == pytest.approx(90)
    assert cells[:, -1] == pytest.approx(200)


def test_it_costs_next_to_nothing() -> None:
    """A fraction of what a look of the detector costs, which it is there to save: below 1 ms here."""
    rng, motion = np.random.default_rng(1), Motion()
    image = picture(room(1), 2, rng)
    spent = []
    for i in range(40):
        start = time.thread_time()
        motion(image, i / FPS)
        spent.append(time.thread_time() - start)
    assert median(spent) < 1e-3
