"""Bringing a face to where its embedder expects it: a least-squares similarity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from doorctl.core.card import ModelCard, Recognition
from doorctl.core.records import Image, Vector
from doorctl.errors import ModelError
from doorctl.vision.warp import Matrix, warp


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """Rotation, one scale and a shift that bring ``source`` nearest to ``target`` (both n x 2).

    In the plane such a map is a complex number times the point, so that the least-squares
    solution of S. Umeyama (1991) has a closed form, which cannot mirror.

    Raises:
        ModelError: the points of ``source`` coincide.
    """
    a, b = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    p, q = source - a, target - b
    spread = float((p * p).sum())
    if not spread > 0:
        raise ModelError("a face cannot be aligned: its points coincide")
    cos = float((p * q).sum()) / spread
    sin = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    linear = np.array([(cos, -sin), (sin, cos)])
    return np.column_stack([linear, b - linear @ a])


def recognition_of(card: ModelCard) -> Recognition:
    """What an embedder's card says of faces.

    Raises:
        ModelError: the card says nothing, so it is no embedder's.
    """
    if card.recognition is None:
        raise ModelError(f"{card.name} is not an embedder: its card has no reference points")
    return card.recognition


def align(image: Image, landmarks: Vector, card: ModelCard) -> Image:
    """Cut out a face as the embedder's card wants it.

    Args:
        image: BGR, any size.
        landmarks: 468 x 3, pixels of the picture.
        card: an embedder's.

    Returns:
        card.height x card.width x 3, BGR.

    Raises:
        ModelError: the card is no embedder's, or the landmarks coincide.
    """
    recognition = recognition_of(card)
    places = np.array([landmarks[list(mesh), :2].mean(axis=0) for mesh in recognition.mesh_points])
    references = np.array(recognition.reference_points) * (card.width, card.height)
    return warp(image, similarity(places, references), card.width, card.height)
