"""The parts that the daemon, a replay and the commands have in common, put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from doorctl.app.settings import Settings
from doorctl.app.standing import Standing, standing
from doorctl.app.state import open_store
from doorctl.app.threshold import promise_for
from doorctl.camera.base import Camera
from doorctl.camera.open import open_camera
from doorctl.core.actions import ChallengeRules
from doorctl.core.card import Recognition
from doorctl.core.gallery import Gallery
from doorctl.core.liveness import LivenessMode, LivenessRules
from doorctl.core.lookalikes import limit_of, marked
from doorctl.core.policy import Policy
from doorctl.core.quality import Limits
from doorctl.core.records import Event, EventKind
from doorctl.errors import ModelError
from doorctl.models.install import ModelSet, load
from doorctl.sections import Config
from doorctl.store.database import FILE, Store
from doorctl.vision.observe import Observer

log = logging.getLogger(__name__)


def policy_of(config: Config, recognition: Recognition, gallery: Gallery, liveness: LivenessMode) -> Policy:
    """The rules of the door, as the configuration, the embedder's card and the number of people set them."""
    match, door = config.match, config.door
    margin = recognition.margin if match.margin is None else match.margin
    return Policy(
        threshold=promise_for(match, recognition, gallery).threshold,
        margin=margin,
        lookalike_margin=2 * margin if match.lookalike_margin is None else match.lookalike_margin,
        liveness=liveness,
        confirm_frames=door.confirm_frames,
        lookalike_frames=config.lookalike_frames,
        confirm_seconds=door.confirm_seconds,
        open_seconds=door.open_seconds,
        regrant_seconds=door.regrant_seconds,
        max_latency_seconds=door.max_latency_seconds,
        passive=LivenessRules(
            threshold=config.liveness.threshold,
            # Doubt must fall while the frames that raise it still count.
            doubt_seconds=min(LivenessRules().doubt_seconds, 0.7 * door.confirm_seconds),
        ),
        challenge=ChallengeRules(deadline_seconds=config.liveness.deadline_seconds),
    )


@dataclass(frozen=True, slots=True)
class Eye:
    """Everything that recognises: the nets, and the people they are compared with."""

    models: ModelSet
    recognition: Recognition
    observer: Observer
    limits: Limits
    """What a photo must keep to, to be learnt from."""
    untrusted: str = ""
    """Why the anti-spoof nets are not to be relied on at this camera, if so."""

    def standing(self, config: Config) -> Standing:
        """How a picture is told from a person here."""
        return standing(config.liveness, nets=bool(self.models.antispoof), untrusted=self.untrusted)

    def gallery(self, store: Store) -> Gallery:
        """The people in the store, as far as this embedder made their templates."""
        return store.gallery(self.models.embedder.card.name, self.recognition.calibration)

    def meet(self, people: Gallery, config: Config) -> Policy:
        """Judge by these people from now on, and by the rules that they need, which also mark lookalikes."""
        policy = policy_of(config, self.recognition, people, self.standing(config).mode)
        limit = limit_of(policy.threshold, policy.margin, self.recognition.calibration)
        self.observer.gallery = marked(people, limit)
        return policy


def installed(settings: Settings) -> tuple[ModelSet, Recognition]:
    """The set of nets that the settings choose, and what its embedder's card says of recognition.

    Raises:
        ModelError: a model is missing or damaged.
    """
    chosen = settings.config.models.set
    models = load(settings.models, prefer=None if chosen == "auto" else chosen)
    recognition = models.embedder.card.recognition
    if recognition is None:
        raise ModelError(f"the card of {models.embedder.card.name} says nothing of recognition")
    return models, recognition


def open_eye(settings: Settings, *, now: Callable[[], float] | None = None) -> Eye:
    """Load the nets; nobody is known to them until they ``meet`` people.

    Raises:
        ModelError: a model is missing, damaged or cannot be run.
    """
    config = settings.config
    models, recognition = installed(settings)
    observer = Observer(
        detector=models.detector_full if config.vision.detector == "full" else models.detector,
        detector_full=models.detector_full,
        mesh=models.mesh,
        antispoof=models.antispoof,
        embedder=models.embedder,
        gallery=Gallery.build((), recognition.calibration),
        min_face=config.vision.min_face,
        threads=config.vision.threads,
        clock=now,
    )
    return Eye(models, recognition, observer, Limits(**config.quality.model_dump()))


def known_people(settings: Settings, eye: Eye) -> Gallery:
    """The gallery for a command that only looks: nobody, and no new file, where nothing is kept.

    Raises:
        StoreError: there is a store, and it cannot be read.
    """
    if not (settings.data / FILE).exists():
        log.warning("nobody is enrolled in %s", settings.data)
        return eye.observer.gallery
    with open_store(settings, create=False) as store:
        return eye.gallery(store)


def open_source(
    settings: Settings,
    source: str,
    *,
    fps: float,
    loop: bool,
    realtime: bool,
    now: Callable[[], float],
    on_event: Callable[[bool, str], None],
) -> Camera:
    camera = settings.config.camera
    return open_camera(
        source,
        width=camera.width,
        height=camera.height,
        fps=fps,
        timeout_seconds=camera.timeout_seconds,
        rotate=camera.rotate,
        loop=loop,
        realtime=realtime,
        clock=now,
        on_event=on_event,
    )


def relay_event(on: bool, at: float) -> Event:
    return Event(EventKind.RELAY_ON if on else EventKind.RELAY_OFF, at)


def camera_event(lost: bool, why: str, at: float) -> Event:
    return Event(EventKind.CAMERA_LOST if lost else EventKind.CAMERA_BACK, at, detail=why)
