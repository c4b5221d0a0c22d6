"""Drawing on a copy of a picture what was seen in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from doorctl.core.records import Face, Image
from doorctl.errors import OutputError

Colour = tuple[int, int, int]
"""Blue, green, red; 0 to 255."""

YELLOW: Colour = (40, 220, 250)
_DARK = (24, 24, 24)


def draw_face(
    image: Image, face: Face | None, label: str, *, captions: Sequence[str] = (), colour: Colour = YELLOW
) -> Image:
    """A copy of the picture with the face's box and mesh, a label, and lines of text at its foot.

    Args:
        image: BGR; stays as it is.
        face: what to draw; ``None`` puts the label in the picture's corner.
        label: a name or a verdict; without DejaVu on the system, accents are left out.
        captions: further lines, the last lowest.
        colour: of box and label.
    """
    out = np.ascontiguousarray(image).copy()
    height, width = out.shape[:2]
    size = max(11, round(min(height, width) / 24))
    left, top = size // 2, size // 2
    if face is not None:
        box = face.box
        # Clamped as floats: a wild landmark must not overflow what OpenCV takes.
        limits = np.clip([box.left, box.top, box.left + box.width, box.top + box.height], -1e4, 1e4)
        x0, y0, x1, y1 = (round(float(v)) for v in limits)
        thick = max(1, size // 10)
        for x, y in np.clip(face.landmarks[:, :2], -1e4, 1e4).astype(int):
            cv2.circle(out, (int(x), int(y)), max(1, round(box.width / 250)), colour, -1, cv2.LINE_AA)
        cv2.rectangle(out, (x0, y0), (x1, y1), colour, thick, cv2.LINE_AA)
        left, top = x0, y0 - round(1.7 * size)
    if label:
        _write(out, label, left, top, size, colour)
    for i, caption in enumerate(reversed(captions), start=1):
        _write(out, caption, size // 2, height - round(1.8 * size * i), size, (255, 255, 255))
    return out


def write_picture(path: Path, image: Image) -> None:
    """Write a BGR picture, in the format that the name's ending says.

    Raises:
        OutputError: the ending is unknown, or the file cannot be written.
    """
    try:
        Pillow.fromarray(np.ascontiguousarray(image[:, :, ::-1])).save(path)
    except ValueError as error:
        raise OutputError(f"{path}: unknown kind of picture", "name it .png or .jpg") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path}: cannot be written: {reason}",
            "name a file in a folder that exists and that you may write to",
        ) from error


@lru_cache(maxsize=8)
def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """The system's DejaVu where it has one, else Pillow's own letters; and whether accents are in it."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size), True
    except OSError:
        return ImageFont.load_default(size), False


def _plain(text: str) -> str:
    """The text in ASCII: accents go, what has no plain letter becomes a question mark."""
    parts = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(parts).encode("ascii", "replace").decode("ascii")


def _write(out: Image, text: str, left: int, top: int, size: int, colour: Colour) -> None:
    """Text on a dark ground, moved to lie within the picture. OpenCV's own letters are ASCII only."""
    (font, accents), margin = _font(size), size // 3
    text = text if accents else _plain(text)
    height, width = out.shape[:2]
    w, h = min(width, round(font.getbbox(text)[2]) + 2 * margin), min(height, round(1.6 * size))
    x, y = max(0, min(left, width - w)), max(0, min(top, height - h))
    plate = Pillow.new("RGB", (w, h), _DARK)
    blue, green, red = colour
    ImageDraw.Draw(plate).text((margin, h / 2), text, font=font, fill=(red, green, blue), anchor="lm")
    out[y : y + h, x : x + w] = np.asarray(plate)[:, :, ::-1]
