"""The running mean of one face's embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from doorctl.core.records import Vector
from doorctl.vision.fuse import FRAMES, Fusion


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def test_the_mean_of_the_last_frames_is_steadier_than_a_frame() -> None:
    """Noisy frames of one face: the mean lies nearer to the face than the frames do on average."""
    rng = np.random.default_rng(0)
    face = unit(*rng.normal(size=64))
    fusion, frames, means = Fusion(0.3), [], []
    for _ in range(50):
        frame = unit(*(face + 0.1 * rng.normal(size=64)))
        frames.append(float(frame @ face))
        means.append(float(fusion.add(frame) @ face))
    assert np.mean(means[FRAMES:]) > np.mean(frames) + 0.1


def test_the_first_frame_stands_for_itself() -> None:
    """Before there is anything to average, and after the face was gone."""
    fusion = Fusion(0.5)
    assert fusion.add(unit(1, 0)) == pytest.approx(unit(1, 0))
    fusion.forget()
    assert fusion.add(unit(1, 0.1)) == pytest.approx(unit(1, 0.1))


def test_old_frames_fall_out() -> None:
    """After five frames of a new look nothing is left of the one before."""
    fusion = Fusion(0.0)
    fusion.add(unit(1, 0.2))
    for _ in range(FRAMES):
        mean = fusion.add(unit(1, -0.2))
    assert mean == pytest.approx(unit(1, -0.2))


def test_who_steps_in_front_starts_afresh() -> None:
    """A frame of somebody else is not averaged with those of the person before, in either direction."""
    fusion = Fusion(0.5)
    for _ in range(FRAMES):
        fusion.add(unit(1, 0))
    assert fusion.add(unit(0, 1)) == pytest.approx(unit(0, 1))
    assert fusion.add(unit(1, 0)) == pytest.approx(unit(1, 0))


def test_a_nan_resembles_nothing() -> None:
    """It is not mixed into good frames, nor are later good frames mixed with it."""
    fusion = Fusion(-1.0)
    fusion.add(unit(1, 0))
    assert np.isnan(fusion.add(np.array([np.nan, 0], np.float32))).any()
    assert fusion.add(unit(0, 1)) == pytest.approx(unit(0, 1))
