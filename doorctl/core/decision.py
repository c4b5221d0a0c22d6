"""What the door makes of what it is told: decisions, releases, and the events that are remembered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from doorctl.core.records import Person, Reason


class EventKind(StrEnum):
    """What is worth remembering. ONVIF's words where it has one."""

    STARTED = "Started"
    STOPPED = "Stopped"
    RELOADED = "Reloaded"
    ACCESS_GRANTED = "AccessGranted"
    ACCESS_DENIED = "AccessDenied"
    UNLOCKED = "Unlocked"
    RELAY_ON = "RelayOn"
    RELAY_OFF = "RelayOff"
    LOCKED_OUT = "LockedOut"
    """An unknown face that has failed too often."""
    LOCKED_DOWN = "LockedDown"
    LOCKDOWN_ENDED = "LockdownEnded"
    LOCKS_CLEARED = "LocksCleared"
    FALLS_SHORT = "PersonFallsShort"
    ACCESS_TAKEN = "AccessTaken"
    ACCESS_NOT_TAKEN = "AccessNotTaken"
    DOOR_FORCED_OPEN = "DoorForcedOpen"
    DOOR_PRE_ALARM = "DoorPreAlarm"
    DOOR_OPEN_TOO_LONG = "DoorOpenTooLong"
    DOOR_CLOSED = "DoorClosed"
    """After an alarm."""
    TAMPER = "Tamper"
    TAMPER_ENDED = "TamperEnded"
    FIRE_ALARM = "FireAlarm"
    FIRE_ALARM_ENDED = "FireAlarmEnded"
    INPUT_FAULT = "InputFault"
    INPUT_BACK = "InputBack"
    CAMERA_LOST = "CameraLost"
    CAMERA_BACK = "CameraBack"
    PERSON_ENROLLED = "PersonEnrolled"
    PERSON_UPDATED = "PersonUpdated"
    PHOTO_HELD = "PhotoHeld"
    PHOTO_APPROVED = "PhotoApproved"
    PHOTO_REJECTED = "PhotoRejected"
    PERSON_DENIED = "PersonDenied"
    PERSON_ALLOWED = "PersonAllowed"
    PERSON_REMOVED = "PersonRemoved"
    PERSON_REVOKED = "PersonRevoked"
    CONSENT_NOTED = "ConsentNoted"
    """That somebody has agreed to be recognised, or does not any more; the day goes with the person."""
    PHOTO_REFUSED = "PhotoRefused"
    REMOVALS_HELD = "RemovalsHeld"
    SYNC_FAILED = "SyncFailed"
    SYNC_BACK = "SyncBack"
    HELD_OPEN = "HeldOpen"
    """An operator's word; the relay is released again and again until its end."""
    HOLD_ENDED = "HoldEnded"
    REFUSED_COMMAND = "CommandRefused"
    """An operator asked for a release while the door was locked down."""
    DISPUTED = "Disputed"
    """Somebody says of an event: that was not me."""
    PRUNED = "EventsPruned"
    CLOCK_STEPPED = "ClockStepped"
    BACKED_UP = "BackedUp"
    RESTORED = "Restored"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at ``at`` seconds on the frames' time scale."""

    kind: EventKind
    at: float
    person: Person | None = None
    reason: Reason | None = None
    score: float | None = None
    margin: float | None = None
    detail: str = ""
    nearest: Person | None = None
    """Of a refusal: whom the face was most like, however unlike."""
    lookalike: bool = False
    """Whether more was asked, since the gallery holds somebody alike."""
    raised: bool = False
    """Whether more was asked, since there was a lock."""

    def describe(self, *, named: bool = True) -> str:
        """The event in one line. A log, which outlives the names, is to tell people by number."""
        words = [self.kind.value]
        if self.person is not None:
            words.append(self.person.name if named else f"#{self.person.id}")
        if self.reason is not None:
            words.append(f"({self.reason.value})")
        if self.score is not None:
            words.append(f"score {self.score:.2f}")
        if self.detail:
            words.append(self.detail)
        return " ".join(words)


class Cause(StrEnum):
    """Why the strike is released. More causes arrive with the inputs that raise them."""

    RECOGNISED = "recognised"
    UNLOCK = "unlock"
    HOLD = "hold"
    REX = "rex"
    FIRE = "fire"


@dataclass(frozen=True, slots=True)
class Release:
    """An order to energise the relay for ``seconds`` from now, and no longer."""

    cause: Cause
    seconds: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What the door makes of one input."""

    reason: Reason
    release: Release | None = None
    """The only way in which a strike is ever released."""
    events: tuple[Event, ...] = ()
    person: Person | None = None
    score: float | None = None
    draw: bool = False
    """Whether a challenge is to begin, for which ``step`` has to be given a ``Draw``."""
    relock: bool = False
    """Whether to end a release at once: somebody has come in, and the door is closed behind them."""
