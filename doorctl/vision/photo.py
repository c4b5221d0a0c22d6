"""Reading a photo that anyone may have sent: upright, as BGR, and never more than it may cost."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from doorctl.core.records import Image
from doorctl.errors import PhotoError

MIN_SIDE, MAX_SIDE = 32, 5000
"""Pixels. Smaller than this holds no face; larger than this costs a Pi its memory."""
MAX_BYTES = 5_000_000

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What may be opened: pictures only, none of the formats that Pillow hands to other programs."""

_HEIF_BRANDS = (
    *(b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"msf1", b"avif", b"avis"),
)
_DAMAGE = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError),
    *(OverflowError, MemoryError, RuntimeError, struct.error, zlib.error),
)
"""Everything that Pillow's decoders are known to raise on damaged data."""


def read_photo(
    photo: Path | str | bytes,
    name: str = "",
    *,
    max_bytes: int = MAX_BYTES,
    min_side: int = MIN_SIDE,
    max_side: int = MAX_SIDE,
) -> Image:
    """Read a photo from a file, or from the bytes of one.

    The size is checked before a pixel is decoded. Of several frames the first is taken;
    what is transparent becomes white; 16 bits become 8. HEIC needs the extra ``heic``.

    Args:
        photo: a path, or the file's content.
        name: what to call it in errors, the path if none is given.
        max_bytes: largest file.
        min_side, max_side: bounds of both width and height, pixels.

    Returns:
        height x width x 3, BGR, upright as its EXIF data says.

    Raises:
        PhotoError: it cannot be used; the message names the file and the reason.
    """
    name = name or ("the photo" if isinstance(photo, bytes) else str(photo))
    data = photo if isinstance(photo, bytes) else read_file(Path(photo), max_bytes)
    if not data:
        raise PhotoError(f"{name}: is empty", "copy the file again")
    if len(data) > max_bytes:
        raise PhotoError(f"{name}: is larger than {max_bytes / 1e6:g} MB", "send a smaller copy of the photo")
    with warnings.catch_warnings():
        # Pillow warns of large pictures and odd metadata; both are dealt with here.
        warnings.simplefilter("ignore")
        return _decode(name, data, min_side, max_side)


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """A photo file's content, no more than one byte over ``max_bytes``.

    Raises:
        PhotoError: there is no such file, or it cannot be read.
    """
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: is a folder", "name a photo in it")
        if not path.is_file():
            raise PhotoError(f"{path}: there is no such file", "check the name")
        with path.open("rb") as file:
            return file.read(max_bytes + 1)  # one more than allowed tells a file that is too large
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from error


def _decode(name: str, data: bytes, min_side: int, max_side: int) -> Image:
    heif = data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS
    try:
        with _open_heif(name, data) if heif else Pillow.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check_size(name, picture.size, min_side, max_side)
            picture.load()
            _check_size(name, picture.size, min_side, max_side)  # of HEIC what it declares may be wrong
            rgb = np.asarray(_as_rgb(ImageOps.exif_transpose(picture)))
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"{name}: is not a photo, or only the start of one",
            "JPEG, PNG, WebP, GIF, BMP and TIFF can be read",
        ) from error
    except Pillow.DecompressionBombError as error:
        raise PhotoError(
            f"{name}: has too many pixels", f"save a smaller copy: at most {max_side} a side can be read"
        ) from error
    except PhotoError:
        raise
    except _DAMAGE as error:
        if heif:
            told = " ".join(str(error).split())
            message = f"{name}: is damaged, or a kind of HEIC or AVIF that cannot be read: {told}"
            raise PhotoError(message, "save it as JPEG and try again") from error
        raise PhotoError(f"{name}: is damaged: {error}", "copy the file again") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _open_heif(name: str, data: bytes) -> Pillow.Image:
    """A HEIC photo, not decoded yet. libheif turns it upright, and refuses to decode more than it declares.

    AVIF goes the same way, which reads it where libheif was built so. Pillow's own reader is
    not used: of a file of 1 kB that declares 100 x 100 it decodes 8000 x 8000, if they are there.
    """
    try:
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1  # the door's own frames go on meanwhile
        opener: Callable[[io.BytesIO], Pillow.Image] = pillow_heif.HeifImageFile
        return opener(io.BytesIO(data))
    except ImportError as error:
        raise PhotoError(
            f"{name}: HEIC and AVIF photos cannot be read",
            "save it as JPEG and try again, or have HEIC read: pip install 'doorctl[heic]'",
        ) from error


def _check_size(name: str, size: tuple[int, int], min_side: int, max_side: int) -> None:
    width, height = size
    if min(size) < min_side:
        raise PhotoError(
            f"{name}: is too small, {width}x{height}", f"at least {min_side} pixels a side are needed"
        )
    if max(size) > max_side:
        raise PhotoError(
            f"{name}: is too large, {width}x{height}",
            f"save a smaller copy: at most {max_side} pixels a side can be read",
        )


def _as_rgb(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode == "F":
        raise ValueError("pixels are fractions of an unknown range")
    if picture.mode.startswith("I"):  # Pillow's own conversion would clip 16 bits, not scale them
        values = np.clip(np.asarray(picture, np.int64) >> 8, 0, 255)
        picture = Pillow.fromarray(values.astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Pillow.new("RGBA", picture.size, "white")
        picture = Pillow.alpha_composite(white, picture)
    return picture.convert("RGB")
