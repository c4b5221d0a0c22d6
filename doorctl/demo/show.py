"""The demo's story: enrol one portrait, let both walk up, and see whether the door does right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from doorctl.app.enrolment import only_face, photo_to_template
from doorctl.app.replay import Show, open_replay
from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.records import Decision, Event, EventKind, Frame, Input
from doorctl.demo.clips import FPS, HEIGHT, WIDTH, walk_up
from doorctl.demo.portraits import fetch_portraits
from doorctl.errors import OutputError
from doorctl.vision.annotate import Annotator, contact_sheet
from doorctl.vision.draw import write_picture
from doorctl.vision.photo import read_photo

ENROLLED = "Grace Hopper"


@dataclass
class Outcome:
    """What the door did in the demo, counted as a Show."""

    files: tuple[Path, ...] = ()
    granted: list[str] = field(default_factory=list)
    denied: int = 0
    relay: list[tuple[bool, float]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """The enrolled person was let in once, the other refused once, and the relay is off again."""
        levels = [on for on, _ in self.relay]
        return self.granted == [ENROLLED] and self.denied == 1 and levels == [True, False]

    def event(self, event: Event) -> None:
        if event.kind is EventKind.ACCESS_GRANTED and event.person is not None:
            self.granted.append(event.person.name)
        elif event.kind is EventKind.ACCESS_DENIED:
            self.denied += 1
        elif event.kind in (EventKind.RELAY_ON, EventKind.RELAY_OFF):
            self.relay.append((event.kind is EventKind.RELAY_ON, event.at))

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        pass


def run_demo(settings: Settings, out: Path, shows: Sequence[Show]) -> Outcome:
    """Play the demo on an empty ``settings.data``; clips and a contact sheet are left in ``out``.

    Raises:
        OutputError: the models or the portraits are missing, or ``out`` cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}", "choose another folder with --out") from error
    eye = open_eye(settings)
    photos = fetch_portraits(out / "portraits")
    with open_store(settings) as store:
        store.enrol(ENROLLED, [photo_to_template(eye, photos[ENROLLED])])
    clip = out / "walk-up.mp4"
    write_walk_ups(clip, eye, list(photos.values()))
    annotated, sheet = out / "annotated.mp4", out / "contact-sheet.png"
    outcome = Outcome(files=(clip, annotated, sheet))
    with (
        Annotator(annotated) as annotator,
        open_replay(settings, str(clip), [*shows, outcome, annotator]) as play,
    ):
        play()
    if annotator.moments:
        write_picture(sheet, contact_sheet(annotator.moments))
    return outcome


def write_walk_ups(path: Path, eye: Eye, photos: Sequence[Path]) -> None:
    """A clip in which the people of the photos walk up one after another.

    Raises:
        OutputError: a photo has no face, or the clip cannot be written.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OutputError(f"{path}: cannot be written", "choose a folder that you may write to")
    try:
        for seed, photo in enumerate(photos):
            image = read_photo(photo)
            face = only_face(eye, image, photo.name).box
            for frame in walk_up(image, face, seed=seed):
                writer.write(frame)
    finally:
        writer.release()
