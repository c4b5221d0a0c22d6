"""Templates: of one length, alike for one person, and fed in the right colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from doorctl.core.calibration import similarity_of
from doorctl.core.records import Image, Vector
from doorctl.errors import ModelError
from doorctl.models.install import ModelSet
from doorctl.vision.embed import Embedder
from doorctl.vision.observe import Observer


@pytest.fixture
def template(make_observer: Callable[..., Observer]) -> Callable[[Image], Vector]:
    observer = make_observer()
    return lambda image: observer.embed(image, observer.faces(image)[0])


def test_a_person_is_more_like_herself_than_like_another(
    template: Callable[[Image], Vector], hopper: Image, collins: Image, models: ModelSet
) -> None:
    """Mirrored, darker and turned pictures of a person stay above the threshold; another is below."""
    assert models.embedder.card.recognition is not None
    threshold = similarity_of(0.8, models.embedder.card.recognition.calibration)
    turn = cv2.getRotationMatrix2D((268.0, 250.0), 12, 0.7)
    variants = [
        np.ascontiguousarray(hopper[:, ::-1]),
        (hopper * 0.6).astype(np.uint8),
        np.asarray(cv2.warpAffine(hopper, turn, (512, 600)), np.uint8),
    ]
    own = template(hopper)
    alike = [float(own @ template(image)) for image in variants]
    assert min(alike) > threshold
    assert float(own @ template(collins)) < threshold


def test_templates_are_unit_vectors(template: Callable[[Image], Vector], hopper: Image) -> None:
    """Float32, one dimension, length 1, the same each time."""
    first = template(hopper)
    assert first.dtype == np.float32
    assert first.ndim == 1
    assert float(np.linalg.norm(first)) == pytest.approx(1, abs=1e-5)
    assert (template(hopper) == first).all()


def test_colour_order_matters(
    make_observer: Callable[..., Observer], models: ModelSet, hopper: Image
) -> None:
    """A card with red and blue exchanged gives another template, so the order is really obeyed."""
    observer = make_observer()
    (face,) = observer.faces(hopper)
    card = models.embedder.card
    other = replace(card, colour="BGR" if card.colour == "RGB" else "RGB")
    crop = observer.embedder.align(hopper, face.landmarks)
    right, wrong = observer.embedder(crop), Embedder(replace(models.embedder, card=other))
    assert float(right @ wrong(crop)) < 0.997
    assert float(right @ wrong(np.ascontiguousarray(crop[..., ::-1]))) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_template_without_direction_is_refused(models: ModelSet, scale: float) -> None:
    """What is not finite is never compared with anyone."""
    model = replace(models.embedder, card=replace(models.embedder.card, scale=scale))
    crop = np.full((model.card.height, model.card.width, 3), 90, np.uint8)
    with np.errstate(invalid="ignore"), pytest.raises(ModelError, match="no direction"):
        Embedder(model)(crop)


def test_only_an_embedder_embeds(models: ModelSet) -> None:
    """A detector in its place is refused when it is loaded."""
    with pytest.raises(ModelError, match="not an embedder"):
        Embedder(models.detector)
