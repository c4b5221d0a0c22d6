"""Hard cases for liveness, made from what there is: the same ones each time.

Real people and prints of nuaa-dev, as they are and spoilt as cameras spoil them; people who
hold up a print half-way; flat portraits walked about, tilted and bent; and frozen feeds.
A case is a presentation: frames at 10 a second.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from pathlib import Path

import cv2
import numpy as np

from doorctl.core.records import Box, Image
from doorctl.demo.clips import walk_up
from doorctl.vision.photo import read_photo
from tests.pictures import astronaut_file, hopper_file

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FPS = 10
WIDTH, HEIGHT = 640, 480
WALL = (148, 156, 160)
SWITCHES = (3, 6, 10)
CLOSE = (0.6, 0.8)
FROZEN_FRAMES = 20
TILT_FRAMES = 40
TILTS = (25.0, 40.0, 55.0)
BENDS = (2.5, 1.5, 1.0)
"""Radius of a bent portrait in face widths: a sheet of paper can be bent to about one."""
LENS = 0.85
"""Focal length over the picture's width: 61 degrees across, a webcam's."""
CLIP_FRAMES = range(84, 213, 2)
"""Of hamilton.mp4, 15 a second: a close-up in which the head turns to both sides."""

Frames = Callable[[], Iterator[Image]]
Locate = Callable[[Image], Box | None]


@dataclass(frozen=True)
class Case:
    """One presentation."""

    species: str
    """``live``, or the kind of attack."""
    hardship: str
    name: str
    person: str
    """Whose face it shows; of several portraits in one group each is somebody's."""
    frames: Frames
    switched: int = 0
    """From which frame on it is an attack."""


def nuaa(kind: str) -> Iterator[Path]:
    """Folders of one kind, ``live`` or ``print``."""
    yield from sorted((DATA / "nuaa-dev" / kind).iterdir())


def frames_of(folder: Path) -> Iterator[Image]:
    for photo in sorted(folder.glob("*.jpg")):
        yield read_photo(photo)


def noisy(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(sigma)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def recompressed(image: Image, quality: int) -> Image:
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def dimmed(image: Image, share: float, rng: np.random.Generator) -> Image:
    """Fewer photons: the light goes, the sensor's noise stays."""
    return noisy((image * share).astype(np.uint8), 2.0, rng)


Spoil = Callable[[Image, np.random.Generator], Image]
SPOILERS: dict[str, Spoil] = {
    "as it is": lambda image, rng: image,
    "dimmed x0.5": lambda image, rng: dimmed(image, 0.5, rng),
    "dimmed x0.25": lambda image, rng: dimmed(image, 0.25, rng),
    "blurred 1 px": lambda image, rng: np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8),
    "blurred 2 px": lambda image, rng: np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), np.uint8),
    "JPEG 30": lambda image, rng: recompressed(image, 30),
    "JPEG 15": lambda image, rng: recompressed(image, 15),
}


def spoilt() -> Iterator[Case]:
    """Every sequence of nuaa-dev with every hardship."""
    for kind in ("live", "print"):
        for folder in nuaa(kind):
            bent = kind == "print" and folder.name.endswith("_03")
            species = "print, bent" if bent else kind
            for name, spoil in SPOILERS.items():

                def frames(folder: Path = folder, spoil: Spoil = spoil) -> Iterator[Image]:
                    rng = np.random.default_rng(0)
                    for image in frames_of(folder):
                        yield spoil(image, rng)

                yield Case(species, name, folder.name, folder.name[:4], frames)


def close(locate: Locate) -> Iterator[Case]:
    """A face so near that it takes up most of the picture's height."""
    for kind in ("live", "print"):
        for folder in nuaa(kind):
            for share in CLOSE:

                def frames(folder: Path = folder, share: float = share) -> Iterator[Image]:
                    yield from zoomed(frames_of(folder), share, locate)

                species = "print, bent" if kind == "print" and folder.name.endswith("_03") else kind
                yield Case(species, f"face {share:.0%} high", folder.name, folder.name[:4], frames)


def zoomed(frames: Iterator[Image], share: float, locate: Locate) -> Iterator[Image]:
    """The part of each frame in which the first face is ``share`` of the height, 640 x 480."""
    part: tuple[slice, slice] | None = None
    for image in frames:
        if part is None:
            box = locate(image)
            if box is None:
                continue
            high = min(box.height / share, image.shape[0])
            wide = min(high * WIDTH / HEIGHT, image.shape[1])
            left = min(max(box.left + box.width / 2 - wide / 2, 0), image.shape[1] - wide)
            top = min(max(box.top + box.height / 2 - high / 2, 0), image.shape[0] - high)
            part = slice(int(top), int(top + high)), slice(int(left), int(left + wide))
        yield np.asarray(cv2.resize(image[part], (WIDTH, HEIGHT)), np.uint8)


def switched() -> Iterator[Case]:
    """A person who holds up a print of themselves after some frames."""
    for live in nuaa("live"):
        person = live.name[:4]
        prints = [folder for folder in nuaa("print") if folder.name.startswith(person)]
        fake = prints[int(live.name[-1]) % len(prints)]
        for after in SWITCHES:

            def frames(live: Path = live, fake: Path = fake, after: int = after) -> Iterator[Image]:
                yield from list(frames_of(live))[:after]
                yield from frames_of(fake)

            yield Case("live, then print", f"after {after} frames", live.name, person, frames, after)


def portraits() -> Iterator[tuple[str, Image]]:
    """Pictures of people: two public ones, and one of each person of nuaa-dev."""
    yield "hopper", read_photo(hopper_file())
    yield "collins", read_photo(astronaut_file())
    seen = set[str]()
    for folder in nuaa("live"):
        if folder.name[:4] not in seen:
            seen.add(folder.name[:4])
            yield folder.name[:4], next(frames_of(folder))


def flat(locate: Locate) -> Iterator[Case]:
    """Portraits that are walked about, tilted, and bent while they are turned."""
    for name, portrait in portraits():
        box = locate(portrait)
        if box is None:
            continue

        def walked(portrait: Image = portrait, box: Box = box) -> Iterator[Image]:
            yield from list(walk_up(portrait, box, seed=1))[4:54:2]  # 15 frames a second, and the way off

        yield Case("portrait, walked", "", name, name, walked)
        for axis in ("yaw", "pitch"):
            for most in TILTS:

                def turned(
                    portrait: Image = portrait, box: Box = box, axis: str = axis, most: float = most
                ) -> Iterator[Image]:
                    yield from tilted(portrait, box, axis, most)

                yield Case("portrait, tilted", f"{axis} {most:.0f} degrees", name, name, turned)
        for bend in BENDS:

            def bent(portrait: Image = portrait, box: Box = box, bend: float = bend) -> Iterator[Image]:
                yield from tilted(portrait, box, "yaw", 40.0, bend)

            yield Case("portrait, bent", f"radius {bend} faces", name, name, bent)


def tilted(portrait: Image, face: Box, axis: str, most: float, bend: float = 0.0) -> Iterator[Image]:
    """A portrait that is turned to and fro before a wall, as a lens sees it.

    Args:
        axis: ``yaw``, about the upright, or ``pitch``.
        most: degrees to either side.
        bend: radius about the upright, bulging towards the lens, in face widths; 0 is flat.
    """
    rng = np.random.default_rng(1)
    scale = 0.33 * WIDTH / face.width
    sheet = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    middle = scale * (face.left + face.width / 2), scale * (face.top + face.height / 2)
    lens, radius = LENS * WIDTH, bend * face.width * scale
    x, y = np.meshgrid(np.arange(WIDTH) - WIDTH / 2, np.arange(HEIGHT) - HEIGHT / 2)
    rays = np.stack([x / lens, y / lens, np.ones_like(x)], axis=-1)
    for i in range(TILT_FRAMES):
        angle = radians(most) * sin(2 * pi * i / TILT_FRAMES)
        c, s = cos(angle), sin(angle)
        turn = np.array(
            [(c, 0, s), (0, 1, 0), (-s, 0, c)] if axis == "yaw" else [(1, 0, 0), (0, c, -s), (0, s, c)]
        )
        # The sheet stays where it is and the lens goes round it.
        eye, way = np.array([0, 0, -lens]) @ turn, rays @ turn
        if radius:  # x^2 + (z - r)^2 = r^2
            a = way[..., 0] ** 2 + way[..., 2] ** 2
            b = eye[0] * way[..., 0] + (eye[2] - radius) * way[..., 2]
            root = b**2 - a * (eye[0] ** 2 + (eye[2] - radius) ** 2 - radius**2)
            far = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, -1)
            hit = eye + far[..., None] * way
            across = radius * np.arctan2(hit[..., 0], radius - hit[..., 2])
        else:
            far = -eye[2] / way[..., 2]
            hit = eye + far[..., None] * way
            across = hit[..., 0]
        u, v = np.where(far > 0, across + middle[0], -1), hit[..., 1] + middle[1]
        picture = cv2.remap(
            sheet,
            u.astype(np.float32),
            v.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=WALL,
        )
        yield noisy(np.asarray(picture, np.uint8), 2.0, rng)


def frozen() -> Iterator[Case]:
    """One frame of a living person, over and over: with new noise, or only packed anew."""
    for folder in nuaa("live"):
        for sigma in (0, 1, 2, 4):
            for quality in (0, 30, 15):

                def frames(
                    folder: Path = folder, sigma: int = sigma, quality: int = quality
                ) -> Iterator[Image]:
                    image, rng = next(frames_of(folder)), np.random.default_rng(1)
                    for _ in range(FROZEN_FRAMES):
                        seen = noisy(image, sigma, rng)
                        yield recompressed(seen, quality) if quality else seen

                packed = f", JPEG {quality}" if quality else ""
                yield Case("frozen", f"noise {sigma}{packed}", folder.name, folder.name[:4], frames)

        def packed_anew(folder: Path = folder) -> Iterator[Image]:
            image = next(frames_of(folder))
            for i in range(FROZEN_FRAMES):
                yield recompressed(image, (90, 70, 50, 30)[i % 4])

        def film(folder: Path = folder) -> Iterator[Image]:
            image, rng = next(frames_of(folder)), np.random.default_rng(1)
            yield from filmed([noisy(image, 2.0, rng) for _ in range(FROZEN_FRAMES)])

        yield Case("frozen", "JPEG of changing quality", folder.name, folder.name[:4], packed_anew)
        yield Case("frozen", "noise 2, MPEG-4", folder.name, folder.name[:4], film)


def filmed(frames: Sequence[Image]) -> Iterator[Image]:
    """Frames written to a film and read again."""
    with tempfile.TemporaryDirectory() as directory:
        file = str(Path(directory, "film.mp4"))
        writer = cv2.VideoWriter(file, cv2.VideoWriter.fourcc(*"mp4v"), FPS, frames[0].shape[1::-1])
        for frame in frames:
            writer.write(frame)
        writer.release()
        yield from clip(file)


def clip(file: str) -> Iterator[Image]:
    reader = cv2.VideoCapture(file)
    while True:
        there, image = reader.read()
        if not there:
            reader.release()
            return
        yield np.asarray(image, np.uint8)


def turning_head() -> Case:
    """A person in a film who turns the head to both sides."""

    def frames() -> Iterator[Image]:
        for number, image in enumerate(clip(str(DATA / "clips" / "hamilton.mp4"))):
            if number in CLIP_FRAMES:
                yield image

    return Case("live", "film, turning", "hamilton", "hamilton", frames)
