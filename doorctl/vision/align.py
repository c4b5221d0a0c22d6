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
    # Plain numbers: for so few of them numpy takes longer.
    p, q = ([complex(x, y) for x, y in points.tolist()] for points in (source, target))
    a, b = sum(p) / len(p), sum(q) / len(q)
    spread = sum(abs(z - a) ** 2 for z in p)
    if not spread > 0:
        raise ModelError("a face cannot be aligned: its points coincide")
    turn = sum((z - a).conjugate() * (w - b) for z, w in zip(p, q, strict=True)) / spread
    shift = b - turn * a
    return np.array([(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)])


def recognition_of(card: ModelCard) -> Recognition:
    """What an embedder's card says of faces.

    Raises:
        ModelError: the card says nothing, so it is no embedder's.
    """
    if card.recognition is None:
        raise ModelError(f"{card.name} is not an embedder: its card has no reference points")
    return card.recognition


class Aligner:
    """Cuts faces out as an embedder's card wants them.

    Args:
        card: an embedder's.

    Raises:
        ModelError: the card is no embedder's.
    """

    def __init__(self, card: ModelCard) -> None:
        recognition = recognition_of(card)
        self._size = card.width, card.height
        self._references = np.array(recognition.reference_points) * self._size
        self._points = np.concatenate([np.array(points, np.intp) for points in recognition.mesh_points])
        counts = [len(points) for points in recognition.mesh_points]
        # One matrix product takes the mean of each reference point's mesh points.
        self._means = np.repeat(np.eye(len(counts)) / counts, counts, axis=1)

    def __call__(self, image: Image, landmarks: Vector) -> Image:
        """Cut out a face.

        Args:
            image: BGR, any size.
            landmarks: 468 x 3, pixels of the picture.

        Returns:
            card.height x card.width x 3, BGR.

        Raises:
            ModelError: the landmarks coincide.
        """
        places = self._means @ landmarks[self._points, :2]
        return warp(image, similarity(places, self._references), *self._size)
