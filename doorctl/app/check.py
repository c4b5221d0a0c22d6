"""``doorctl check``: every part that the daemon needs, tried for real, one finding each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from doorctl.app.clock import synchronised
from doorctl.app.settings import Settings
from doorctl.app.site import read, why_untrusted
from doorctl.app.state import open_store
from doorctl.app.threshold import promise_for, sentence, shortfall
from doorctl.app.upgrade import strangers_to
from doorctl.app.wiring import known_people, open_eye, open_inputs, open_source
from doorctl.core.inputs import Line
from doorctl.core.names import name_key
from doorctl.errors import CameraError, DoorctlError, StoreError
from doorctl.gpio.pins import make_pin_factory
from doorctl.gpio.relay import Relay
from doorctl.gpio.timer import SimulatedTimer
from doorctl.store.sealing import survey, vault_of

WORDS = {
    Line.REX: ("not pressed", "pressed"),
    Line.CONTACT: ("closed", "open"),
    Line.TAMPER: ("closed", "open"),
    Line.FIRE: ("no alarm", "alarm"),
}
"""What a wire is, off and on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of trying one part; ``exit_code`` is 0 where it works, though it may need attention."""

    part: str
    detail: str
    hint: str = ""
    exit_code: int = 0

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


def check_all(settings: Settings) -> Iterator[Finding]:
    """Try part after part; a part that fails does not keep the others from being tried."""
    parts: dict[str, Callable[[Settings], str | Finding]] = {
        "config": _config,
        "liveness": _liveness,
        "models": _models,
        "store": _store,
        "templates": _templates,
        "consent": _consent,
        "promise": _promise,
        "gpio": _gpio,
        "inputs": _inputs,
        "access": _access,
        "camera": _camera,
    }
    for name, attempt in parts.items():
        try:
            found = attempt(settings)
        except DoorctlError as error:
            yield Finding(name, error.message, error.hint, error.exit_code)
        else:
            yield found if isinstance(found, Finding) else Finding(name, found)


def _config(settings: Settings) -> str:
    return str(settings.config_file or "no file: every key has its default")


def _liveness(settings: Settings) -> Finding:
    """That pictures may pass is told loudly, and is no fault: the owner has chosen so."""
    eye = open_eye(settings)
    eye = replace(eye, untrusted=why_untrusted(settings, eye.models.name))
    held, evidence = eye.standing(settings.config), read(settings.data)
    told = f"{held.mode}: {held.warning}" if held.warning else str(held.mode)
    return Finding("liveness", f"{told}; {evidence.describe()}" if evidence else told, held.hint)


def _models(settings: Settings) -> str:
    return f"{open_eye(settings).models.name} set in {settings.models}"


def _promise(settings: Settings) -> Finding:
    """A promise that is not kept is told loudly, and is no fault: the door works, as far as it goes."""
    eye = open_eye(settings)
    gallery = known_people(settings, eye)
    policy = eye.meet(gallery, settings.config)
    promise = promise_for(settings.config.match, eye.recognition, gallery)
    told = f"threshold {policy.threshold:.2f}, ahead of others by {policy.margin:.2f}; {sentence(promise)}"
    return Finding("promise", told, shortfall(promise, settings.config.match))


def _store(settings: Settings) -> str:
    model = open_eye(settings).models.embedder.card.name
    with open_store(settings) as store:
        store.check()
        people, strangers = store.people(), strangers_to(settings, store, model)
    usable = [person for person in people if person.templates.get(model)]
    templates = sum(person.templates[model] for person in usable)
    if len(usable) < len(people):
        raise StoreError(
            f"{settings.data}: of {len(people)} people only {len(usable)} have a template of {model}",
            f"{strangers.describe() or 'see doorctl people list'}; or set models.set back",
        )
    return f"{settings.data}: people: {len(people)}, templates of {model}: {templates}"


def _templates(settings: Settings) -> Finding:
    """Templates that anybody can read who has the card are told loudly, and are no fault: the door works."""
    with open_store(settings) as store, store.reading() as db:
        kept, vault = survey(db), vault_of(db)
    if vault.key is None:
        return Finding(
            "templates",
            f"{kept.plain} not encrypted: whoever copies {store.path} or takes the memory card can read them "
            "and compare faces with them",
            "give doorctl a key: see store.key_file in config/doorctl.yaml",
        )
    told = f"{kept.sealed} encrypted with the key from {vault.origin}: a copy of the database is of no use"
    if vault.file is None:
        card = "nor is a stolen card if a TPM guards the credential; otherwise the card holds the key as well"
        return Finding("templates", f"{told}, {card}")
    if vault.file.stat().st_dev == store.path.stat().st_dev:
        why = "the key is on the same disk as the templates: whoever takes the card has both"
        return Finding("templates", told, f"{why}; keep it elsewhere, or have a TPM guard a credential")
    return Finding("templates", told)


def _consent(settings: Settings) -> str:
    """Counted, and no fault: whether it is needed depends on who runs the door."""
    with open_store(settings) as store:
        people = store.people()
    lacking = sum(person.consented is None for person in people)
    return f"on record of {len(people) - lacking} people, of {lacking} none: see 'doorctl people list'"


def _gpio(settings: Settings) -> str:
    gpio = settings.config.gpio
    factory = make_pin_factory(gpio.pins, settings.pin_file)
    with Relay(factory, gpio.relay_pin, active_high=gpio.active_high, timer=SimulatedTimer()):
        level = "high" if gpio.active_high else "low"
        return f"{gpio.pins}: relay on GPIO{gpio.relay_pin}, active {level}, driven locked"


def _inputs(settings: Settings) -> str:
    gpio, inputs = settings.config.gpio, settings.config.inputs
    if not inputs.pins:
        return "none wired"
    factory = make_pin_factory(gpio.pins, settings.pin_file)
    with open_inputs(inputs, factory, time.monotonic) as wires:
        return ", ".join(f"{line}: {WORDS[line][on]}" for line, on in wires.levels.items())


def _access(settings: Settings) -> Finding:
    """Rules that name nobody who is known, and a clock that nobody keeps, are told; neither is a fault."""
    access = settings.config.access
    with open_store(settings) as store:
        known = {name_key(person.name) for person in store.people()}
    named = dict.fromkeys((*access.people, *settings.config.people.extended_open))
    strange = [name for name in named if name_key(name) not in known]
    hint = f"nobody is called {', '.join(strange)}: see 'doorctl people list'" if strange else ""
    if not (access.groups or access.valid):
        return Finding("access", "everybody may pass at any time", hint)
    told = f"zone {access.zone or 'of this machine'}, clock {'' if synchronised() else 'not '}synchronised"
    if not synchronised():
        hint = (
            f"{hint}; " * bool(hint)
            + f"until it is, access.when_clock_unsure holds: {access.when_clock_unsure}"
        )
    return Finding("access", told, hint)


def _camera(settings: Settings) -> str:
    config = settings.config.camera
    source = str(config.source)
    opened = open_source(
        settings,
        source,
        fps=config.fps,
        loop=False,
        realtime=False,
        now=time.monotonic,
        on_event=lambda lost, why: None,
    )
    with opened as camera:
        frame = next(iter(camera), None)
    if frame is None:
        raise CameraError(
            f"{source}: no picture within {config.timeout_seconds:g} s",
            "check the cable, and who else uses it",
        )
    height, width = frame.image.shape[:2]
    return f"{source}: {width} x {height}"
