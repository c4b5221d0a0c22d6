"""The parts that the daemon, a replay and the commands have in common, put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from gpiozero.pins import Factory

from doorctl.access_section import to_access
from doorctl.app.settings import Settings
from doorctl.app.standing import Standing, standing
from doorctl.app.state import open_store
from doorctl.app.threshold import promise_for
from doorctl.camera.base import Camera
from doorctl.camera.open import open_camera
from doorctl.core.actions import ChallengeRules
from doorctl.core.calibration import similarity_of
from doorctl.core.card import Recognition
from doorctl.core.decision import Event, EventKind
from doorctl.core.gallery import Gallery
from doorctl.core.inputs import Line
from doorctl.core.liveness import LivenessMode, LivenessRules
from doorctl.core.lockout import LockoutRules
from doorctl.core.lookalikes import limit_of, marked
from doorctl.core.names import name_key
from doorctl.core.passage import PassageRules
from doorctl.core.policy import Policy
from doorctl.core.quality import Limits
from doorctl.errors import ModelError
from doorctl.gpio.inputs import Inputs
from doorctl.models.install import ModelSet, load
from doorctl.pin_sections import InputsConfig
from doorctl.sections import Config
from doorctl.store.database import Store
from doorctl.store.opened import FILE
from doorctl.vision.observe import Observer

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
"""How often wires are asked at least. With their bouncing, and a frame that is judged meanwhile, a change is
known within the 400 ms that EN 60839 allows."""

SAME_FACE = 0.6
"""Score from which two faces before this camera are taken for one: one pair of people in a thousand is."""


def policy_of(config: Config, recognition: Recognition, gallery: Gallery, liveness: LivenessMode) -> Policy:
    """The rules of the door, as the configuration, the embedder's card and the number of people set them."""
    match, door, lockout = config.match, config.door, config.lockout
    threshold = promise_for(match, recognition, gallery).threshold
    highest = recognition.calibration.knots[-1][1]
    margin = recognition.margin if match.margin is None else match.margin
    return Policy(
        threshold=threshold,
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
        dwell_seconds=door.dwell,
        attempt_seconds=door.attempt_seconds,
        passage=PassageRules(
            contact=config.inputs.contact is not None,
            grace_seconds=door.grace_seconds,
            too_long_seconds=door.too_long_seconds,
            pre_alarm_seconds=door.pre_alarm_seconds,
            extended_too_long_seconds=max(door.too_long_seconds, config.people.extended_too_long_seconds),
            stuck_seconds=config.inputs.stuck_seconds,
            rex_releases=config.inputs.rex_releases,
            fire_releases=config.inputs.fire_releases,
        ),
        access=to_access(config.access),
        extended=frozenset(name_key(name) for name in config.people.extended_open),
        extended_open_seconds=config.people.extended_open_seconds,
        max_unlock_seconds=config.control.max_unlock_seconds,
        max_hold_seconds=3600 * config.control.max_hold_hours,
        raised_threshold=min(threshold + lockout.raise_score, highest),
        lockout=LockoutRules(
            face_failures=lockout.face_failures,
            face_seconds=lockout.face_seconds,
            door_failures=lockout.door_failures,
            door_spoofs=lockout.door_spoofs,
            window_seconds=60 * lockout.window_minutes,
            door_seconds=lockout.door_seconds,
            longest_seconds=60 * lockout.longest_minutes,
            memory_seconds=60 * lockout.memory_minutes,
            known_people_pass=lockout.known_people_pass,
            max_seconds=60 * lockout.max_minutes,
            until_cleared=lockout.until_cleared,
            alike=similarity_of(min(SAME_FACE, highest), recognition.calibration),
        ),
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
    passed: datetime | None = None
    """A time that is over for certain: that of the last event before the start."""

    def standing(self, config: Config) -> Standing:
        """How a picture is told from a person here."""
        return standing(config.liveness, nets=bool(self.models.antispoof), untrusted=self.untrusted)

    def gallery(self, store: Store) -> Gallery:
        """The people in the store, as far as this embedder made their templates."""
        return store.gallery(self.models.embedder.card.name, self.recognition.calibration)

    def meet(self, people: Gallery, config: Config) -> Policy:
        """Judge by these people from now on, and by the rules that they need, which also mark lookalikes."""
        policy = policy_of(config, self.recognition, people, self.standing(config).mode)
        policy = replace(policy, passed=self.passed)
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
    tick_seconds: float = inf,
) -> Camera:
    """Open a camera or a clip as the settings say; see ``open_camera``."""
    camera = settings.config.camera
    return open_camera(
        source,
        width=camera.width,
        height=camera.height,
        fps=fps,
        timeout_seconds=camera.timeout_seconds,
        tick_seconds=tick_seconds,
        rotate=camera.rotate,
        loop=loop,
        realtime=realtime,
        clock=now,
        on_event=on_event,
    )


def open_inputs(config: InputsConfig, factory: Factory, now: Callable[[], float]) -> Inputs:
    """The wires that tell the door something, as far as they are configured.

    Raises:
        PinError: a pin cannot be claimed.
    """
    return Inputs(
        factory,
        {Line(name): pin for name, pin in config.pins.items()},
        invert={Line(name) for name in config.invert},
        now=now,
        bounce_seconds=config.bounce_seconds,
    )


def relay_event(on: bool, at: float) -> Event:
    return Event(EventKind.RELAY_ON if on else EventKind.RELAY_OFF, at)


def camera_event(lost: bool, why: str, at: float) -> Event:
    return Event(EventKind.CAMERA_LOST if lost else EventKind.CAMERA_BACK, at, detail=why)
