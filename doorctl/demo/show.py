"""The demo's story: a print, a living person and a stranger come to the door; does it do right?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2

from doorctl.app.enrolment import only_face, photo_to_template
from doorctl.app.replay import Show, open_replay
from doorctl.app.settings import Settings
from doorctl.app.standing import Standing
from doorctl.app.state import open_store
from doorctl.app.wiring import Eye, open_eye
from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.inputs import Input
from doorctl.core.records import Frame, Reason
from doorctl.demo.clips import FPS, HEIGHT, WIDTH, walk_up
from doorctl.demo.portraits import fetch_portraits
from doorctl.demo.puppet import Puppet
from doorctl.demo.stage import Stage, living, print_of
from doorctl.errors import OutputError
from doorctl.gpio.indicator import Several, TextIndicator
from doorctl.vision.annotate import Annotator, contact_sheet
from doorctl.vision.draw import write_picture
from doorctl.vision.photo import read_photo

ENROLLED = "Grace Hopper"


@dataclass
class Outcome:
    """What the door did in the demo, counted as a Show."""

    files: tuple[Path, ...] = ()
    granted: list[str] = field(default_factory=list)
    denied: list[Reason | None] = field(default_factory=list)
    relay: list[tuple[bool, float]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """The picture was refused, the person let in once, the stranger refused, the relay is off again."""
        levels = [on for on, _ in self.relay]
        picture, stranger = {Reason.CHALLENGE_FAILED, Reason.SPOOF}, Reason.UNKNOWN_PERSON
        refused = len(self.denied) == 2 and self.denied[0] in picture and self.denied[1] is stranger
        return self.granted == [ENROLLED] and refused and levels == [True, False]

    def event(self, event: Event) -> None:
        if event.kind is EventKind.ACCESS_GRANTED and event.person is not None:
            self.granted.append(event.person.name)
        elif event.kind is EventKind.ACCESS_DENIED:
            self.denied.append(event.reason)
        elif event.kind in (EventKind.RELAY_ON, EventKind.RELAY_OFF):
            self.relay.append((event.kind is EventKind.RELAY_ON, event.at))

    def frame(self, frame: Frame | None, fact: Input, decision: Decision) -> None:
        pass


def run_demo(
    settings: Settings,
    out: Path,
    shows: Sequence[Show],
    *,
    seed: int | None = None,
    say: Callable[[str], object] = lambda words: None,
    tell: Callable[[Standing], object] = lambda held: None,
) -> Outcome:
    """Play the demo on an empty ``settings.data``; clips and a contact sheet are left in ``out``.

    Args:
        settings: whose liveness mode is taken for ``challenge``, which every set of nets can do.
        seed: of the challenges, so that a run can be repeated.
        say: told what the door says to whoever stands before it.
        tell: told once which liveness mode holds.

    Raises:
        OutputError: the models or the portraits are missing, or ``out`` cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}", "choose another folder with --out") from error
    liveness = settings.config.liveness.model_copy(update={"mode": "challenge"})
    settings = replace(settings, config=settings.config.model_copy(update={"liveness": liveness}))
    eye = open_eye(settings)
    photos = fetch_portraits(out / "portraits")
    with open_store(settings) as store:
        store.enrol(ENROLLED, [photo_to_template(eye, photos[ENROLLED])])
    puppets = {}
    for name, photo in photos.items():
        image = read_photo(photo)
        puppets[name] = Puppet(image, only_face(eye, image, photo.name))
    acts = (
        print_of(f"a print of {ENROLLED}, moved and tilted", puppets[ENROLLED]),
        *(living(f"{name}, as a puppet", puppet) for name, puppet in puppets.items()),
    )
    clip, annotated, sheet = (out / name for name in ("clip.mp4", "annotated.mp4", "contact-sheet.png"))
    outcome = Outcome(files=(clip, annotated, sheet))
    with ExitStack() as stack:
        writer = stack.enter_context(_clip_writer(clip))
        stage = Stage(acts, shot=writer.write)
        annotator = stack.enter_context(Annotator(annotated))
        indicators = Several(stage, TextIndicator(say), TextIndicator(annotator.say))
        play = stack.enter_context(
            open_replay(
                settings,
                stage,
                [*shows, outcome, annotator],
                seed=seed,
                indicate=indicators.show,
                tell=tell,
            )
        )
        play()
    if annotator.moments:
        write_picture(sheet, contact_sheet(annotator.moments))
    return outcome


@contextmanager
def _clip_writer(path: Path) -> Iterator[cv2.VideoWriter]:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OutputError(f"{path}: cannot be written", "choose a folder that you may write to")
    try:
        yield writer
    finally:
        writer.release()


def write_walk_ups(path: Path, eye: Eye, photos: Sequence[Path]) -> None:
    """A clip in which the portraits of the photos walk up one after another, still as pictures are.

    Raises:
        OutputError: a photo has no face, or the clip cannot be written.
    """
    with _clip_writer(path) as writer:
        for seed, photo in enumerate(photos):
            image = read_photo(photo)
            face = only_face(eye, image, photo.name).box
            for frame in walk_up(image, face, seed=seed):
                writer.write(frame)
