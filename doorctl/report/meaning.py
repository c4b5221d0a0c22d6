"""What every reason and every kind of event means, for an owner: one sentence each, and what helps.

``tests/report/test_meaning.py`` holds that none is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from doorctl.core.decision import EventKind
from doorctl.core.records import Reason
from doorctl.core.schedule import Refusal


def short_kind(kind: str) -> str:
    """A few words for a kind of event; its own name where there are none."""
    return SHORT[EventKind(kind)] if kind in list(SHORT) else kind


def short_reason(reason: str | None) -> str:
    """A few words for a reason, likewise."""
    return REASONS[Reason(reason)].short if reason in list(Reason) else reason or ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason says, and what can be done about it."""

    says: str
    """One sentence; ``{who}`` is the person."""
    helps: str = ""
    """What to do, one sentence or several; ``{name}`` is the person's name as a command takes it."""
    short: str = ""
    """A few words, for a table or a plot."""


_PHOTOS = (
    "more photos, best taken by this camera in its usual light ('doorctl people show {name}' lists the ones "
    "there are, 'doorctl enrol {name} PHOTO' adds one)"
)

REASONS: Mapping[Reason, Meaning] = {
    Reason.RECOGNISED: Meaning("{who} was recognised and let in.", short="recognised"),
    Reason.COMMANDED: Meaning("Somebody ordered it, or pressed the exit button.", short="ordered"),
    Reason.CONFIRMING: Meaning(
        "The face matched somebody, and the door was still looking: one frame is never enough.",
        "Look at the camera a moment longer.",
        "still looking",
    ),
    Reason.NO_FACE: Meaning("No face was seen.", "Stand before the camera and look at it.", "no face"),
    Reason.FACE_TOO_SMALL: Meaning(
        "The face was too small in the picture to be judged.", "Come closer.", "too far away"
    ),
    Reason.FACE_OUT_OF_VIEW: Meaning(
        "The face was not wholly in the picture.", "Step back, into the middle.", "out of view"
    ),
    Reason.FACE_TOO_LARGE: Meaning(
        "The face was so near that the anti-spoof nets had nothing around it to judge by.",
        "Step back.",
        "too near",
    ),
    Reason.FACE_BLURRED: Meaning(
        "The face was blurred.", "Hold still; more light makes for shorter exposures.", "blurred"
    ),
    Reason.FACE_TOO_DARK: Meaning(
        "The face was too dark to be judged.", "Add light at the door, in front of people.", "too dark"
    ),
    Reason.FACE_TOO_BRIGHT: Meaning(
        "The face was too bright to be judged.", "Keep direct sun and lamps off the face.", "too bright"
    ),
    Reason.UNKNOWN_PERSON: Meaning(
        "The face was not recognised as anybody's, so the door stayed shut.",
        f"If it was somebody enrolled: {_PHOTOS}; come closer, face the light, uncover the face.",
        "not recognised",
    ),
    Reason.AMBIGUOUS: Meaning(
        "The face could have been one of two people, so the door stayed shut.",
        "'doorctl people list' tells who looks like whom. For both: " + _PHOTOS + ".",
        "one of two people",
    ),
    Reason.DENIED: Meaning(
        "{who} was recognised, and is denied.", "'doorctl people allow {name}' lets them in again.", "denied"
    ),
    Reason.SCHEDULE: Meaning(
        "{who} was recognised, and may not pass at this time.",
        "Their times are under 'access' in the configuration.",
        "not at this time",
    ),
    Reason.SPOOF: Meaning(
        "The face was taken for a picture of {who}, so the door stayed shut.",
        "If it was {who} in person: light from the front, nothing shiny behind; 'doorctl liveness "
        "enrol-site' measures the anti-spoof nets at this camera. If it was not: somebody tried a picture.",
        "a picture",
    ),
    Reason.LIVENESS_UNSURE: Meaning(
        "It was not clear whether the face was alive, so the door stayed shut.",
        "Stay, and look at the camera, until the door answers. 'doorctl liveness enrol-site' tells how well "
        "the anti-spoof nets do at this camera; with liveness.mode adaptive the doubtful are asked to move.",
        "not clearly alive",
    ),
    Reason.CHALLENGED: Meaning(
        "The person was asked to do two things, such as to turn the head.",
        "Do what the door asks, when it asks.",
        "asked to move",
    ),
    Reason.CHALLENGE_FAILED: Meaning(
        "The face looked like {who}'s, and did not do what the door asked.",
        "Face the camera, wait for each prompt, do it, and come back to looking at the camera. More time: "
        "liveness.deadline_seconds.",
        "did not do as asked",
    ),
    Reason.STALE: Meaning(
        "The picture was too old, or seen before, so it counted for nothing.",
        "See what else runs on this machine; smaller or fewer pictures help (camera.width, camera.fps).",
        "picture too old",
    ),
    Reason.CLOCK_WENT_BACK: Meaning(
        "The camera's time went back, so everything seen before was forgotten.", short="time went back"
    ),
    Reason.ALREADY_GRANTED: Meaning("{who} had just been let in.", short="just let in"),
    Reason.LOCKED_OUT: Meaning(
        "It was refused at once, since there was a lock.",
        "The lock ends by itself, or with 'doorctl lockouts clear'; an operator's, with 'doorctl lockdown "
        "off'.",
        "lock in force",
    ),
    Reason.ATTEMPT_OVER: Meaning(
        "This visit had had its time: it was judged no more.",
        "Go away for a moment and come again.",
        "time is up",
    ),
    Reason.CLEARED: Meaning("An operator ended every lock.", short="locks ended"),
    Reason.SWITCHED: Meaning("A wire of the door changed.", short="wire changed"),
}

KINDS: Mapping[EventKind, str] = {
    EventKind.STARTED: "The daemon started, with the door locked.",
    EventKind.STOPPED: "The daemon stopped, and left the door locked.",
    EventKind.RELOADED: "The configuration was read again, and its rules hold from here on.",
    EventKind.ACCESS_GRANTED: "{who} was let in.",
    EventKind.ACCESS_DENIED: "Somebody was refused.",
    EventKind.UNLOCKED: "The strike was released by an order or the exit button, and not for a face.",
    EventKind.RELAY_ON: "The relay was switched on: the strike was released.",
    EventKind.RELAY_OFF: "The relay was switched off: the door was locked again.",
    EventKind.LOCKED_OUT: "An unknown face failed too often, and is refused at once for a while.",
    EventKind.LOCKED_DOWN: "The door was locked down.",
    EventKind.LOCKDOWN_ENDED: "The lockdown was over.",
    EventKind.LOCKS_CLEARED: "An operator ended every lock, and failed attempts were forgotten.",
    EventKind.FALLS_SHORT: "{who} was nearly recognised, visit after visit, and never quite.",
    EventKind.ACCESS_TAKEN: "{who} opened the door after it was released.",
    EventKind.ACCESS_NOT_TAKEN: "The door was released for {who}, and was not opened.",
    EventKind.DOOR_FORCED_OPEN: "The door was opened, and nothing had released it.",
    EventKind.DOOR_PRE_ALARM: "The door had stood open for so long that people there were asked to close it.",
    EventKind.DOOR_OPEN_TOO_LONG: "The door had stood open for too long.",
    EventKind.DOOR_CLOSED: "After an alarm the door was closed again.",
    EventKind.TAMPER: "The box was opened, or its tamper loop was cut.",
    EventKind.TAMPER_ENDED: "The box was closed, and its tamper loop whole again.",
    EventKind.FIRE_ALARM: "The fire panel gave alarm, or its loop was cut.",
    EventKind.FIRE_ALARM_ENDED: "The fire panel's alarm was over.",
    EventKind.INPUT_FAULT: "One of the door's wires could not be relied on.",
    EventKind.INPUT_BACK: "A wire of the door had been quiet, and was believed again.",
    EventKind.CAMERA_LOST: "The camera gave no pictures: nobody could be let in by face.",
    EventKind.CAMERA_BACK: "The camera gave pictures again.",
    EventKind.PERSON_ENROLLED: "{who} was enrolled: photos of somebody new were learnt.",
    EventKind.PERSON_UPDATED: "More photos of {who} were learnt.",
    EventKind.PHOTO_HELD: "A photo given as {who}'s opens nothing before an operator has approved it.",
    EventKind.PHOTO_APPROVED: "An operator approved a photo of {who}: it counts from here on.",
    EventKind.PHOTO_REJECTED: "An operator rejected a photo given as {who}'s, and it was erased.",
    EventKind.PERSON_DENIED: "{who} was denied: still recognised, and refused.",
    EventKind.PERSON_ALLOWED: "{who} was allowed again.",
    EventKind.PERSON_REMOVED: "{who} was erased on an operator's word: templates and name.",
    EventKind.PERSON_REVOKED: "{who} was erased, since the photos went from the folder.",
    EventKind.PHOTO_REFUSED: "A file in the folder of photos could not be used.",
    EventKind.REMOVALS_HELD: "Many photos went from the folder at once: nobody is erased before a word.",
    EventKind.SYNC_FAILED: "The folder of photos could not be read: changes there had no effect.",
    EventKind.SYNC_BACK: "The folder of photos could be read again.",
    EventKind.HELD_OPEN: "An operator had the door held open.",
    EventKind.HOLD_ENDED: "The door was held open no longer.",
    EventKind.REFUSED_COMMAND: "An operator's order to open was refused, since the door was locked down.",
    EventKind.DISPUTED: "Somebody said that a decision of the door was wrong.",
    EventKind.PRUNED: "Old events were erased, as the configuration asks.",
    EventKind.CLOCK_STEPPED: "The machine's clock was set: times before and after do not fit together.",
    EventKind.CONSENT_NOTED: "It was noted whether {who} agrees to be recognised.",
    EventKind.BACKED_UP: "A backup was made.",
    EventKind.RESTORED: "The people were brought back from a backup.",
}

SHORT: Mapping[EventKind, str] = {
    EventKind.ACCESS_GRANTED: "let in",
    EventKind.ACCESS_DENIED: "turned away",
    EventKind.UNLOCKED: "released",
    EventKind.LOCKED_OUT: "face locked out",
    EventKind.LOCKED_DOWN: "lockdown",
    EventKind.LOCKDOWN_ENDED: "lockdown ended",
    EventKind.LOCKS_CLEARED: "locks ended",
    EventKind.DOOR_FORCED_OPEN: "forced open",
    EventKind.DOOR_OPEN_TOO_LONG: "open too long",
    EventKind.TAMPER: "tamper",
    EventKind.FIRE_ALARM: "fire alarm",
    EventKind.INPUT_FAULT: "wire at fault",
    EventKind.CAMERA_LOST: "no camera",
    EventKind.SYNC_FAILED: "folder not read",
    EventKind.HELD_OPEN: "held open",
    EventKind.HOLD_ENDED: "held no longer",
    EventKind.REFUSED_COMMAND: "order refused",
}
"""A few words, for a table or a plot: of the kinds that stand there."""

ADVICE: Mapping[EventKind, str] = {
    EventKind.LOCKED_OUT: "If it was somebody known, they need better photos; 'doorctl lockouts clear' ends "
    "it.",
    EventKind.LOCKED_DOWN: "'doorctl lockouts' tells how long it lasts, 'doorctl lockouts clear' ends it.",
    EventKind.FALLS_SHORT: f"What helps: {_PHOTOS}.",
    EventKind.ACCESS_NOT_TAKEN: "If they had walked on: look at the camera only to come in. If the door did "
    "not give: see the strike and door.open_seconds.",
    EventKind.DOOR_FORCED_OPEN: "See who it was; a key, a worn strike, or an exit button that is not wired "
    "to the inputs looks the same from here.",
    EventKind.DOOR_OPEN_TOO_LONG: "Close the door. How long is too long: door.too_long_seconds, and "
    "people.extended_too_long_seconds for who needs it.",
    EventKind.TAMPER: "Go and see the box.",
    EventKind.FIRE_ALARM: "Whether it releases the door is inputs.fire_releases.",
    EventKind.INPUT_FAULT: "See the wire, its plug and the switch at its end.",
    EventKind.CAMERA_LOST: "See the camera's cable and power; 'doorctl check' tries it.",
    EventKind.PHOTO_HELD: "'doorctl people approve {name}', or reject it likewise.",
    EventKind.PHOTO_REFUSED: "The folder's receipt and 'doorctl sync --status' say what is wrong with it.",
    EventKind.REMOVALS_HELD: "'doorctl sync --accept-removals' carries it out.",
    EventKind.SYNC_FAILED: "'doorctl sync --status' tells more; 'doorctl dropbox login' renews the word of "
    "the account.",
    EventKind.REFUSED_COMMAND: "'doorctl lockdown off' ends the lockdown.",
    EventKind.PERSON_DENIED: "'doorctl people allow {name}' lets them in again.",
    EventKind.CLOCK_STEPPED: "See that the network time is reached; people limited in time depend on it.",
}
"""What can be done about an event that is no refusal; most ask for nothing."""

HOURS: Mapping[Refusal, str] = {
    Refusal.OUTSIDE_TIMES: "It was outside their times.",
    Refusal.NOT_YET_VALID: "It was before the first day on which they may pass.",
    Refusal.NO_LONGER_VALID: "It was after the last day on which they may pass.",
    Refusal.CLOCK_UNSURE: "Nobody kept the machine's clock, so their times could not be judged "
    "(access.when_clock_unsure).",
}
