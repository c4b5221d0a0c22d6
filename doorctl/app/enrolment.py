"""A photo becomes a template: read, find the one face, gate it, embed it. The photo itself is not kept."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from doorctl.app.wiring import Eye
from doorctl.core.records import Face, Gate, Image
from doorctl.errors import PhotoError
from doorctl.store.records import NewPhoto
from doorctl.vision.photo import read_photo
from doorctl.vision.quality import gate_of

MIN_FACE_PIXELS = 60
"""Narrowest face to learn from. The embedder's crop shows a face about 100 pixels wide; with far fewer
than that, most of what it is shown was never in the picture."""

SECOND_FACE = 0.5
"""A second face at least this large, relative to the largest, leaves it open who is meant."""


def only_face(eye: Eye, image: Image, name: str) -> Face:
    """The face that a photo is of.

    Raises:
        PhotoError: there is none, it is not clear which, or it is too small or cut off.
    """
    faces = eye.observer.faces(image)
    if not faces:
        raise PhotoError(f"{name}: no face found", "use a sharp, well-lit photo of the face from the front")
    face = faces[0]
    if len(faces) > 1 and faces[1].box.width >= SECOND_FACE * face.box.width:
        raise PhotoError(f"{name}: {len(faces)} faces found", "crop it so that only the one to enrol is left")
    if face.box.width < MIN_FACE_PIXELS:
        raise PhotoError(
            f"{name}: the face is only {face.box.width:.0f} pixels wide, {MIN_FACE_PIXELS} are needed",
            "use a photo taken from nearer, or a larger copy of it",
        )
    if gate_of(face, image.shape, min_face=0.0) is Gate.OUT_OF_VIEW:
        raise PhotoError(f"{name}: the face is cut off by the edge", "use a photo that shows the whole face")
    return face


def photo_to_template(eye: Eye, path: Path) -> NewPhoto:
    """Turn a photo file into what the store keeps of it.

    Raises:
        PhotoError: the file cannot be read as a picture, or its face cannot be used.
    """
    image = read_photo(path)
    vector = eye.observer.embed(image, only_face(eye, image, path.name))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read: {error.strerror}", "copy the file again") from error
    return NewPhoto(
        sha256=hashlib.sha256(content).hexdigest(),
        source=os.fsencode(path.name).decode(errors="replace"),
        model=eye.models.embedder.card.name,
        vector=vector,
    )
