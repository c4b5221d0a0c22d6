"""Photos as people send them: whatever their kind, or a clear refusal."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from doorctl.core.records import Image
from doorctl.errors import PhotoError
from doorctl.vision.photo import read_photo
from tests.pictures import hopper_file


def encoded(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG of that size, up to where its pixels would begin."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 1000) + b"IDAT"


@pytest.fixture(scope="module")
def corner() -> Pillow.Image:
    """80 x 60: red, with its upper left quarter blue."""
    picture = Pillow.new("RGB", (80, 60), (220, 30, 20))
    picture.paste((20, 30, 220), (0, 0, 40, 30))
    return picture


def check(image: Image) -> None:
    """The corner picture, upright, as BGR."""
    assert image.shape == (60, 80, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    values = image.astype(int)  # differences of bytes would wrap
    assert values[10, 10] == pytest.approx([220, 30, 20], abs=12)
    assert values[50, 10] == pytest.approx([20, 30, 220], abs=12)
    assert values[10, 70] == pytest.approx([20, 30, 220], abs=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_kinds(corner: Pillow.Image, kind: str) -> None:
    """Every usual kind of file gives the same picture."""
    check(read_photo(encoded(corner, kind)))


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA"])
def test_modes(corner: Pillow.Image, mode: str) -> None:
    """Print colours, palettes and an alpha channel are converted."""
    picture = corner.quantize() if mode == "P" else corner.convert(mode)
    assert picture.mode == mode
    check(read_photo(encoded(picture, "TIFF")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(corner: Pillow.Image, orientation: int) -> None:
    """A photo that the camera stored turned or mirrored comes out upright."""
    undo = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_90,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_270,
    }
    stored = corner.transpose(undo[orientation]) if orientation in undo else corner
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    check(read_photo(encoded(stored, "JPEG", exif=exif, quality=95)))


def test_grey_and_sixteen_bits() -> None:
    """Grey becomes three equal channels; of 16 bits the upper 8 remain, neither clipped nor wrapped."""
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (40, 1))
    expected = np.repeat(ramp[..., None], 3, axis=2)
    assert (read_photo(encoded(Pillow.fromarray(ramp), "PNG")) == expected).all()
    deep = Pillow.fromarray(ramp.astype(np.uint16) * 256 + 99)
    for kind in ("PNG", "TIFF"):
        assert (read_photo(encoded(deep, kind)) == expected).all()


def test_transparency_becomes_white() -> None:
    """What cannot be seen does not show its hidden colour, in an alpha channel or in a palette."""
    clear = Pillow.new("RGBA", (40, 40), (200, 0, 0, 0))
    assert (read_photo(encoded(clear, "PNG")) == 255).all()
    palette = Pillow.new("P", (40, 40), 7)
    assert (read_photo(encoded(palette, "GIF", transparency=7)) == 255).all()


def test_the_first_frame_of_an_animation(corner: Pillow.Image) -> None:
    """A moving GIF counts by its first picture."""
    later = Pillow.new("RGB", corner.size, "black")
    check(read_photo(encoded(corner, "GIF", save_all=True, append_images=[later])))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"this is a text file", "is not a photo"),
        (encoded(Pillow.new("RGB", (1, 1)), "PNG"), "is too small, 1x1"),
        (encoded(Pillow.new("RGB", (31, 400)), "PNG"), "is too small, 31x400"),
        (png_header(20_000, 20_000), "has too many pixels"),
        (png_header(10_000, 10_000), "is too large, 10000x10000"),
        (png_header(5001, 40), "is too large, 5001x40"),
        (png_header(500, 400), "is damaged"),
        (png_header(20_000, 20_000)[:-8], "is not a photo, or only the start of one"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(200), "HEIC.*JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "is not a photo"),
    ],
)
def test_refusals(tmp_path: Path, content: bytes, reason: str) -> None:
    """Each bad file is refused with its own reason and its name, whatever it is called."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    with pytest.raises(PhotoError, match=rf"photo\.jpg: .*{reason}"):
        read_photo(file)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_truncated_photo_is_damaged(tmp_path: Path, share: float) -> None:
    """A download that broke off is not taken for half a face."""
    file = tmp_path / "photo.jpg"
    whole = hopper_file().read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(PhotoError, match=r"photo\.jpg: is (damaged|not a photo)"):
        read_photo(file)


def test_scrambled_photos_never_crash() -> None:
    """A file with random bytes in it is either read or refused, nothing else."""
    whole, random = hopper_file().read_bytes(), np.random.default_rng(5)
    refused = 0
    for _ in range(40):
        bad = bytearray(whole)
        for at in random.integers(0, 2000, 12):
            bad[at] = random.integers(0, 256)
        try:
            read_photo(bytes(bad))
        except PhotoError:
            refused += 1
    assert refused > 0


def heic(picture: Pillow.Image, **options: object) -> bytes:
    """The pixels as they are; an orientation in ``exif`` is written both there and where HEIC has it."""
    out = io.BytesIO()
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_bytes(picture.mode, picture.size, picture.tobytes())
    file.save(out, quality=95, chroma=444, **options)
    return out.getvalue()


def declaring(data: bytes, width: int, height: int) -> bytes:
    """A HEIC that says that it has another size than what is coded in it."""
    head, *tails = data.split(b"ispe\0\0\0\0")
    assert tails
    size = struct.pack(">II", width, height)
    return head + b"".join(b"ispe\0\0\0\0" + size + tail[8:] for tail in tails)


def test_heic(corner: Pillow.Image) -> None:
    """A photo as iPhones take it is read like any other, in colour, in grey and with an alpha channel."""
    check(read_photo(heic(corner)))
    check(read_photo(heic(corner.convert("RGBA"))))
    grey = read_photo(heic(corner.convert("L")))
    assert (grey == grey[:, :, :1]).all()


@pytest.mark.parametrize(("orientation", "turn"), [(6, "ROTATE_90"), (8, "ROTATE_270"), (3, "ROTATE_180")])
def test_heic_orientation(corner: Pillow.Image, orientation: int, turn: str) -> None:
    """A HEIC that the phone stored turned comes out upright, turned once and not twice."""
    stored = corner.transpose(Pillow.Transpose[turn])
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = heic(stored, exif=exif.tobytes())
    assert b"irot" in data
    check(read_photo(data))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_heic_is_damaged(share: float) -> None:
    """A HEIC that broke off on the way is refused, wherever it did."""
    with Pillow.open(hopper_file()) as picture:
        whole = heic(picture)
    with pytest.raises(PhotoError, match=r"is (damaged|not a photo).*(JPEG|copy)"):
        read_photo(whole[: int(share * len(whole))])


def test_scrambled_heic_never_crashes(corner: Pillow.Image) -> None:
    """Random bytes in a HEIC are read or refused, and bring nothing down."""
    whole, random = heic(corner), np.random.default_rng(5)
    refused = 0
    for _ in range(200):
        bad = bytearray(whole)
        for at in random.integers(12, len(whole), 4):
            bad[at] = random.integers(0, 256)
        try:
            read_photo(bytes(bad))
        except PhotoError:
            refused += 1
    assert refused > 0


MEMORY = """
import resource, sys
from doorctl.errors import PhotoError
from doorctl.vision.photo import read_photo
import pillow_heif
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_photo(data)
except PhotoError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


@pytest.mark.parametrize(
    ("coded", "declared", "reason"),
    [
        (100, (20_000, 20_000), "is too large, 20000x20000"),
        (100, (5001, 40), "is too large, 5001x40"),
        (100, (0, 0), "HEIC"),
        (3000, (100, 100), "HEIC"),
    ],
)
def test_a_huge_heic_costs_nothing(coded: int, declared: tuple[int, int], reason: str) -> None:
    """Neither a size that is only declared nor one that is hidden in the stream takes memory."""
    data = declaring(heic(Pillow.new("RGB", (coded, coded), "red")), *declared)
    command = [sys.executable, "-c", MEMORY]
    told = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
    kilobytes, _, message = told.partition(" ")
    assert reason in message
    assert int(kilobytes) < 20_000


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
def test_without_the_extra_heic_is_refused(brand: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed the extra is told how, and that JPEG will do."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r"HEIC and AVIF.*JPEG.*pip install 'doorctl\[heic\]'"):
        read_photo(b"\0\0\0\x18ftyp" + brand + bytes(200))


def test_avif_is_read_or_refused(corner: Pillow.Image) -> None:
    """An AVIF is refused with an advice where libheif has no decoder for it, and never misread."""
    pytest.importorskip("pillow_heif")
    try:
        data = encoded(corner, "AVIF")
    except (KeyError, OSError):
        pytest.skip("this Pillow cannot write AVIF")
    try:
        image = read_photo(data)
    except PhotoError as error:
        told = str(error)
    else:
        check(image)
        return
    assert "AVIF that cannot be read" in told
    assert "save it as JPEG" in told


def test_places_that_are_no_files(tmp_path: Path) -> None:
    """A folder, a missing file and a pipe that would block for ever are told apart from photos."""
    os.mkfifo(tmp_path / "pipe.jpg")
    for path, reason in (
        (tmp_path, "folder"),
        (tmp_path / "none.jpg", "no such"),
        (tmp_path / "pipe.jpg", "no such"),
    ):
        with pytest.raises(PhotoError, match=reason):
            read_photo(path)


def test_limits_can_be_set(tmp_path: Path, corner: Pillow.Image) -> None:
    """Bytes and sides are bounded as asked."""
    data = encoded(corner, "PNG")
    for limits, reason in (
        ({"max_bytes": len(data) - 1}, "larger than"),
        ({"min_side": 61}, "too small"),
        ({"max_side": 79}, "too large"),
    ):
        with pytest.raises(PhotoError, match=reason):
            read_photo(data, name="", **limits)
    check(read_photo(data, max_bytes=len(data), min_side=60, max_side=80))
