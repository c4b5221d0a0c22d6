"""A photo becomes a template: read, find the one face, gate it, embed it. The photo itself is not kept."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path

from doorctl.app.wiring import Eye
from doorctl.core.quality import Quality, fault
from doorctl.core.records import Face, Image
from doorctl.errors import PhotoError
from doorctl.store.records import NewPhoto
from doorctl.vision.photo import MAX_BYTES, MAX_SIDE, MIN_SIDE, read_file, read_photo
from doorctl.vision.quality import measure

SECOND_FACE = 0.5
"""A second face at least this large, relative to the largest, leaves it open who is meant."""


def only_face(eye: Eye, image: Image, name: str) -> Face:
    """The face that a photo is of; raises as ``face_and_quality`` does."""
    return face_and_quality(eye, image, name)[0]


def face_and_quality(eye: Eye, image: Image, name: str) -> tuple[Face, Quality]:
    """The face that a photo is of, and what was measured of it.

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
    quality = measure(image, face)
    if found := fault(quality, eye.limits):
        raise PhotoError(f"{name}: {found.told}", found.hint)
    return face, quality


def photo_to_template(eye: Eye, path: Path) -> NewPhoto:
    """Turn a photo file into what the store keeps of it.

    Raises:
        PhotoError: the file cannot be read as a picture, or its face cannot be used.
    """
    return content_to_template(eye, read_file(path), str(path))


def content_to_template(
    eye: Eye, content: bytes, name: str, *, min_side: int = MIN_SIDE, max_side: int = MAX_SIDE
) -> NewPhoto:
    """The same for a photo file's bytes; ``name`` is its path, and what it is called in errors."""
    limits = {"min_side": min_side, "max_side": max_side, "max_bytes": max(MAX_BYTES, len(content))}
    image = read_photo(content, name=name, **limits)
    face, quality = face_and_quality(eye, image, Path(name).name)
    return NewPhoto(
        sha256=hashlib.sha256(content).hexdigest(),
        source=os.fsencode(Path(name).name).decode(errors="replace"),
        model=eye.models.embedder.card.name,
        vector=eye.observer.embed(image, face),
        quality=asdict(quality),
    )
