"""A photo becomes a template: read, find the one face, gate it, embed it. The photo itself is not kept."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from doorctl.app.wiring import Eye
from doorctl.core.quality import fault
from doorctl.core.records import Face, Image
from doorctl.errors import PhotoError
from doorctl.store.records import NewPhoto
from doorctl.vision.photo import read_file, read_photo
from doorctl.vision.quality import measure

SECOND_FACE = 0.5
"""A second face at least this large, relative to the largest, leaves it open who is meant."""


def only_face(eye: Eye, image: Image, name: str) -> Face:
    """The face that a photo is of.

    Raises:
        PhotoError: there is none, it is not clear which, or its picture is not good enough to learn from.
    """
    faces = eye.observer.faces(image)
    if not faces:
        raise PhotoError(
            f"{name}: no face found",
            "use a sharp, well-lit photo of the whole face from the front, with nothing over it",
        )
    face = faces[0]
    if len(faces) > 1 and faces[1].box.width >= SECOND_FACE * face.box.width:
        raise PhotoError(f"{name}: {len(faces)} faces found", "crop it so that only the one to enrol is left")
    found = fault(measure(image, face), eye.limits)
    if found:
        raise PhotoError(f"{name}: {found.told}", found.hint)
    return face


def photo_to_template(eye: Eye, path: Path) -> NewPhoto:
    """Turn a photo file into what the store keeps of it.

    Raises:
        PhotoError: the file cannot be read as a picture, or its face cannot be used.
    """
    content = read_file(path)
    image = read_photo(content, name=str(path))
    vector = eye.observer.embed(image, only_face(eye, image, path.name))
    return NewPhoto(
        sha256=hashlib.sha256(content).hexdigest(),
        source=os.fsencode(path.name).decode(errors="replace"),
        model=eye.models.embedder.card.name,
        vector=vector,
    )
