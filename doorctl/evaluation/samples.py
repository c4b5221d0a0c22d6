"""A labelled set of photos, judged by the product's own detection, quality limits and embedding.

A set is a directory with a folder of photos for each person. Each photo is of the face
nearest to its middle: such sets are cut around the person whom they name.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import local

import numpy as np
from numpy.typing import NDArray

from doorctl import vision
from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_eye
from doorctl.core import quality as measures
from doorctl.core.quality import Limits, Quality, fault
from doorctl.core.records import Face, Image, Vector
from doorctl.errors import PhotoError
from doorctl.evaluation.cache import Cache
from doorctl.vision.photo import read_photo
from doorctl.vision.quality import measure

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one photo."""

    failure: str
    """Why it could not be enrolled, one of a few kinds; empty if it could."""
    vector: Vector | None
    quality: Quality | None


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N photos of labelled people, judged."""

    vectors: Vector
    """N x D, rows of unit length; zeros for a photo that could not be enrolled."""
    people: NDArray[np.intp]
    """N, places in ``names``."""
    names: tuple[str, ...]
    """Of the folders."""
    photos: tuple[str, ...]
    """N, paths below the directory."""
    failures: tuple[str, ...]
    """N, why a photo could not be enrolled; empty where it could."""
    qualities: tuple[Quality | None, ...]
    """N, ``None`` where no face was found."""

    @property
    def enrolled(self) -> NDArray[np.bool_]:
        """N, whether the photo could be enrolled."""
        return np.array([not failure for failure in self.failures], bool)


def collect(
    settings: Settings,
    directory: Path,
    *,
    left_out: frozenset[str] = frozenset(),
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Samples:
    """Judge every photo of a set, as far as the cache does not know it.

    Args:
        settings: which nets judge, and with which limits of quality.
        directory: holds a folder of photos for each person.
        left_out: names of photos, without ending, that the set's own authors call wrong.
        cache: file to keep results in, by the content of photo, nets and code. It then
            holds templates of the set's people, readable by its owner alone.
        jobs: photos judged at once; one for each processor if ``None``.
        progress: told how many of how many are done.

    Raises:
        PhotoError: the directory is no such set.
        ModelError: a net is missing or cannot be run.
    """
    names, listed = _listed(directory, left_out)
    photos = [photo for _, photo in listed]
    judged: list[Judged] = []
    for result in _judge_all(settings, photos, cache, jobs or os.cpu_count() or 1):
        judged.append(result)
        progress(len(judged), len(photos))
    length = next((len(j.vector) for j in judged if j.vector is not None), 1)
    nothing = np.zeros(length, np.float32)
    return Samples(
        vectors=np.stack([nothing if j.vector is None else j.vector for j in judged]),
        people=np.array([person for person, _ in listed], np.intp),
        names=names,
        photos=tuple(photo.relative_to(directory).as_posix() for photo in photos),
        failures=tuple(j.failure for j in judged),
        qualities=tuple(j.quality for j in judged),
    )


def read_errata(file: Path | None) -> frozenset[str]:
    """Photos that a set's own authors call wrong: the column ``photo`` of a CSV, names without ending.

    Raises:
        PhotoError: the file cannot be read, or has no such column.
    """
    if file is None:
        return frozenset()
    try:
        with file.open(newline="", encoding="utf-8") as rows:
            return frozenset(Path(row["photo"]).stem for row in csv.DictReader(rows))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError) as error:
        raise PhotoError(f"{file}: no list of photos", "a CSV with a column named photo is needed") from error


def _listed(directory: Path, left_out: frozenset[str]) -> tuple[tuple[str, ...], list[tuple[int, Path]]]:
    try:
        folders = sorted(entry for entry in directory.iterdir() if entry.is_dir())
        found = {
            folder.name: sorted(
                photo
                for photo in folder.iterdir()
                if photo.suffix.lower() in ENDINGS and photo.stem not in left_out
            )
            for folder in folders
        }
    except OSError as error:
        raise PhotoError(f"{directory}: {error.strerror}", "name a directory that can be read") from error
    names = tuple(name for name, photos in found.items() if photos)
    if not names:
        raise PhotoError(f"{directory}: no photos", "a folder of photos for each person is expected in it")
    return names, [(number, photo) for number, name in enumerate(names) for photo in found[name]]


def _judge_all(settings: Settings, photos: list[Path], cache: Path | None, jobs: int) -> Iterator[Judged]:
    """In the order of the photos. Each thread has its own nets, for an interpreter is not to be shared."""
    one_thread = settings.config.vision.model_copy(update={"threads": 1})
    alone = replace(settings, config=settings.config.model_copy(update={"vision": one_thread}))
    first, kept = open_eye(alone), local()
    limits, made_by = first.limits, _made_by(first)

    def judge(photo: Path) -> tuple[bytes, Judged | None]:
        try:
            content = photo.read_bytes()
        except OSError:
            return b"", Judged("not readable", None, None)
        key = hashlib.sha256(made_by + content).digest()
        if key in known:
            return key, None
        eye: Eye = getattr(kept, "eye", None) or open_eye(alone)
        kept.eye = eye
        return key, judge_photo(eye, content)

    with Cache(cache) as store, ThreadPoolExecutor(jobs) as pool:
        known = store.keys()
        results = pool.map(judge, photos)
        try:
            for key, judged in results:
                if judged is None:
                    judged = _of_text(store.read(key))
                elif key:
                    store.write(key, _text_of(judged))
                yield gated(judged, limits)
        finally:
            pool.shutdown(cancel_futures=True)


def _made_by(eye: Eye) -> bytes:
    """A digest of the nets and of the code that judge: results of others are no use."""
    nets = [eye.models.detector, eye.models.detector_full, eye.models.mesh, eye.models.embedder]
    files = [(net.sha256, net.card.mean, net.card.scale) for net in nets if net]
    points = eye.recognition.reference_points, eye.recognition.mesh_points
    digest = hashlib.sha256(repr((files, eye.observer.detector.net.card.name, points)).encode())
    code = [file for file in Path(vision.__file__).parent.iterdir() if file.suffix in (".py", ".json")]
    for file in (*sorted(code), Path(measures.__file__), Path(__file__)):
        digest.update(file.read_bytes())
    return digest.digest()


def judge_photo(eye: Eye, content: bytes) -> Judged:
    """One photo, by the face nearest to its middle."""
    try:
        image = read_photo(content)
    except PhotoError:
        return Judged("not readable as a picture", None, None)
    faces = eye.observer.faces(image)
    if not faces:
        return Judged("no face found", None, None)
    face = central(faces, image)
    return Judged("", eye.observer.embed(image, face), measure(image, face))


def gated(judged: Judged, limits: Limits) -> Judged:
    """What is left of a photo whose face must keep to limits to be enrolled: a failure, if it does not."""
    found = fault(judged.quality, limits) if judged.quality else None
    return replace(judged, failure=f"{found.measure} beyond its limit", vector=None) if found else judged


def central(faces: tuple[Face, ...], image: Image) -> Face:
    """The face nearest to the middle, whom a photo of a labelled set is of."""
    height, width = image.shape[:2]

    def off(face: Face) -> float:
        x, y = face.box.left + face.box.width / 2, face.box.top + face.box.height / 2
        return float((x - width / 2) ** 2 + (y - height / 2) ** 2)

    return min(faces, key=off)


def _text_of(judged: Judged) -> str:
    return json.dumps(
        {
            "failure": judged.failure,
            "vector": None if judged.vector is None else judged.vector.astype("<f4").tobytes().hex(),
            "quality": None if judged.quality is None else asdict(judged.quality),
        }
    )


def _of_text(text: str) -> Judged:
    fields = json.loads(text)
    vector, quality = fields["vector"], fields["quality"]
    return Judged(
        fields["failure"],
        None if vector is None else np.frombuffer(bytes.fromhex(vector), "<f4"),
        None if quality is None else Quality(**quality),
    )
