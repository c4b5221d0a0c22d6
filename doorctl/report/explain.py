"""One event, in words: what happened, why, what came of it, what would help, and who says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

from doorctl.core.decision import EventKind
from doorctl.core.policy import Policy
from doorctl.core.records import Reason
from doorctl.report.around import (
    ENDS,
    NEXT,
    denied_before,
    end_of,
    failures_before,
    lock_before,
    relay_was_on,
    right_after,
    start_of,
)
from doorctl.report.details import caller_of, challenge_of, life_of
from doorctl.report.disputes import Dispute, dispute_of, disputes_of
from doorctl.report.meaning import ADVICE, KINDS, REASONS
from doorctl.report.rules import Rules, threshold_of
from doorctl.report.why import UNKNOWN_RULES, why
from doorctl.report.words import between, lasting, local, plural, quoted, who
from doorctl.store.history import History
from doorctl.store.records import StoredEvent

_FACES = (EventKind.ACCESS_GRANTED, EventKind.ACCESS_DENIED)
_LEADING = (EventKind.LOCKED_OUT, EventKind.LOCKED_DOWN)
_CAUSES = (EventKind.ACCESS_GRANTED, EventKind.UNLOCKED, EventKind.HELD_OPEN, EventKind.FIRE_ALARM)
_RELEASES = (EventKind.ACCESS_GRANTED, EventKind.UNLOCKED)

SOON_SECONDS = 15.0
"""A refusal that follows later is most likely another person's."""

NEARLY = 0.1
"""A refusal so little below the threshold is most likely of the nearest person."""

NEAR_THRESHOLD = 0.05
"""A grant that clears the threshold by less is told as a near one."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An event in words. Every line is a sentence or several."""

    event: StoredEvent
    says: str
    why: tuple[str, ...]
    after: tuple[str, ...]
    helps: tuple[str, ...]
    disputes: tuple[Dispute, ...]
    facts: dict[str, Any]
    """What the words rest on, as plain values."""


class Explainer:
    """Explains events of one store.

    Args:
        history: the store's events.
        names: everybody's name, by number.
        zone: in which times are told; the machine's where it is ``None``.
    """

    def __init__(self, history: History, names: Mapping[int, str], zone: tzinfo | None = None) -> None:
        self._history, self._names, self._zone = history, names, zone
        self._rules = Rules(history.policies())

    def explain(self, number: int) -> Explanation:
        """The event of that number, in words.

        Raises:
            UnknownEventError: there is none.
            StoreError: the store cannot be read.
        """
        event = self._history.event(number)
        policy = self._rules.of(event)
        return Explanation(
            event,
            self._says(event),
            tuple(self._why(event, policy)),
            tuple(self._after(event)),
            tuple(self._helps(event)),
            disputes_of(self._history, event.id, self._names),
            self._facts(event, policy),
        )

    def _says(self, event: StoredEvent) -> str:
        if event.kind not in list(EventKind):
            return f"This doorctl does not know what {event.kind} is: a newer one has written it."
        kind = EventKind(event.kind)
        if kind is EventKind.ACCESS_DENIED and event.reason in list(Reason):
            return _filled(REASONS[Reason(event.reason)].says, event)
        if kind is EventKind.LOCKED_DOWN:
            ordered = event.reason == Reason.COMMANDED
            why = "since somebody ordered it" if ordered else "for too many failed attempts"
            return f"The door was locked down, {why}."
        return _filled(KINDS[kind], event)

    def _why(self, event: StoredEvent, policy: Policy | None) -> Iterator[str]:
        if event.kind in _FACES:
            yield from why(event, policy)
            if event.raised or event.reason == Reason.LOCKED_OUT:
                yield self._lock(event)
            if event.reason == Reason.DENIED:
                yield self._denial(event)
            return
        if event.kind == EventKind.DISPUTED and (said := dispute_of(event, self._names)):
            yield f"It is about event {said.of}: 'doorctl events explain {said.of}'."
            yield f"They say: {said.note}" if said.note else "They left no note."
        elif event.detail:
            yield f"It says: {event.detail}."
        if event.kind == EventKind.REFUSED_COMMAND:
            yield self._lock(event)
        if caller := caller_of(event.detail):
            yield f"{caller} gave the order."
        if event.kind in _LEADING and event.reason != Reason.COMMANDED:
            yield from self._led_to(event, policy)
        if event.kind == EventKind.RELAY_ON:
            yield from self._cause(event)
        yield from self._span(event)

    def _cause(self, event: StoredEvent) -> Iterator[str]:
        """What released the strike."""
        cause = next(self._history.backwards(event.id, kinds=_CAUSES), None)
        if cause is not None:
            whom = f", {cause.person}" if cause.person else ""
            before = lasting(between(cause, event))
            yield f"The last cause before it is event {cause.id} ({cause.kind}{whom}), {before} earlier."

    def _lock(self, event: StoredEvent) -> str:
        since = lock_before(self._history, event)
        if since is None:
            return "There was a lock; the event that began it is not kept any more."
        lock = since.event
        if since.ordered:
            cause = "an operator's lockdown"
        elif lock.kind == EventKind.LOCKED_DOWN:
            cause = "a lockdown after failed attempts"
        else:
            cause = "the lock of an unknown face"
        return f"The lock was {cause}: event {lock.id}, since {self._at(lock)} ({lock.detail})."

    def _denial(self, event: StoredEvent) -> str:
        since = denied_before(self._history, event)
        if since is None:
            return "No event that is kept says since when they are denied."
        by = since.detail.removeprefix("by ") or "an operator"
        return f"They were denied on {self._at(since)} by {by} (event {since.id})."

    def _led_to(self, event: StoredEvent, policy: Policy | None) -> Iterator[str]:
        if policy is None:
            yield UNKNOWN_RULES
            return
        rules = policy.lockout
        if event.kind == EventKind.LOCKED_OUT:
            yield f"One face may fail {rules.face_failures - 1} times; from the next on it is locked out."
            # Strangers' faces are kept nowhere, so that nobody can tell whose of these it was.
            seconds, most = rules.memory_seconds, rules.face_failures
        else:
            yield (
                f"{rules.door_failures} failed attempts of anybody, or {rules.door_spoofs} pictures of known "
                f"people, within {lasting(rules.window_seconds)} lock the door down."
            )
            seconds, most = rules.window_seconds + policy.attempt_seconds, rules.door_failures
        if found := failures_before(self._history, event, seconds, most):
            numbers = ", ".join(str(one.id) for one in found)
            yield f"Refused shortly before: {plural(len(found), 'event')} ({numbers})."

    def _span(self, event: StoredEvent) -> Iterator[str]:
        """How long it lasted, told at either end."""
        if event.kind not in list(EventKind):
            return
        if start := start_of(self._history, event):
            lasted = lasting(between(start, event))
            yield f"It had begun {lasted} before, with event {start.id} ({start.kind})."
        elif end := end_of(self._history, event):
            restarted = " when the daemon was started again" * (end.kind == EventKind.STARTED)
            lasted = lasting(between(event, end))
            yield f"It was over {lasted} later{restarted}, with event {end.id} ({end.kind})."
        elif event.kind in ENDS and not event.detail.startswith("rex: pressed"):
            yield "No event says that it is over."

    def _after(self, event: StoredEvent) -> Iterator[str]:
        """What came of a decision."""
        if event.kind not in (*_FACES, EventKind.UNLOCKED, EventKind.REFUSED_COMMAND):
            return
        came = right_after(self._history, event)
        for after in came:
            when = f"after {lasting(between(event, after))}"
            if after.kind in NEXT:
                what = self._next(event, after)
            else:
                whom = f"{after.person}: " * (after.person_id not in (None, event.person_id))
                says = _filled(KINDS[EventKind(after.kind)], after)
                says = f"the {says[4:]}" if says.startswith("The ") else says
                what = f"{whom}{says.rstrip('.')}{f' ({after.detail})' if after.detail else ''}"
            if what:
                yield f"{when}: {what} (event {after.id})"
        energised = any(one.kind == EventKind.RELAY_ON for one in came)
        if event.kind in _RELEASES and not energised:
            if relay_was_on(self._history, event):
                yield "the relay was on already, and stayed on for longer"
            else:
                yield (
                    "no RelayOn is written: it may take some seconds, and is lost if the daemon is killed "
                    "meanwhile; else the release was not carried out, and the daemon's log says why"
                )

    @staticmethod
    def _next(event: StoredEvent, after: StoredEvent) -> str:
        """The next decision, as far as it says something about this one."""
        likely = event.person_id if event.person_id is not None else event.nearest_id
        if after.kind == EventKind.ACCESS_GRANTED and event.kind == EventKind.ACCESS_DENIED:
            same = likely is not None and after.person_id == likely
            return f"{who(after)} was let in{', who it was most like' * same}"
        if after.kind == EventKind.ACCESS_DENIED:
            soon = between(event, after) <= SOON_SECONDS
            return f"the next refusal ({after.reason})" if soon else ""
        if after.kind == EventKind.ACCESS_GRANTED:
            return f"{who(after)} was let in next"
        return {EventKind.UNLOCKED: f"a release was ordered ({after.detail})"}.get(EventKind(after.kind), "")

    def _helps(self, event: StoredEvent) -> Iterator[str]:
        if event.kind == EventKind.ACCESS_DENIED and event.reason in list(Reason):
            asked, unknown = self._rules.asked(event), event.reason == Reason.UNKNOWN_PERSON
            far = unknown and (asked is None or (event.score or 0.0) < asked - NEARLY)
            yield _filled(REASONS[Reason(event.reason)].helps, event, anybody=far)
        elif event.kind == EventKind.ACCESS_GRANTED:
            asked = self._rules.asked(event)
            if asked is not None and event.score is not None and event.score - asked < NEAR_THRESHOLD:
                yield _filled(
                    "That was near the threshold: the next time it may not be enough. "
                    + ADVICE[EventKind.FALLS_SHORT],
                    event,
                )
            yield f"If it was not {who(event)}: doorctl events dispute {event.id} --note '...'"
        elif event.kind == EventKind.LOCKED_DOWN and event.reason == Reason.COMMANDED:
            yield "'doorctl lockdown off' ends it, and nothing else does."
        elif event.kind in list(EventKind) and (helps := ADVICE.get(EventKind(event.kind))):
            yield _filled(helps, event)

    def _facts(self, event: StoredEvent, policy: Policy | None) -> dict[str, Any]:
        life, tried = life_of(event.detail), challenge_of(event.detail)
        face = event.kind in _FACES
        asked = threshold_of(policy, raised=event.raised) if policy and face else None
        return {
            "nearest": event.nearest,
            "lookalike": event.lookalike,
            "raised": event.raised,
            "policy": event.policy,
            "rules_known": policy is not None,
            "threshold_asked": asked,
            "lead_asked": policy.lead_asked(event.lookalike) if policy and face else None,
            "frames_asked": policy.frames_asked(event.lookalike) if policy and face else None,
            "liveness_mode": str(policy.liveness) if policy and face else None,
            "life": asdict(life) if life and face else None,
            "challenge": asdict(tried) if tried and face else None,
        }

    def _at(self, event: StoredEvent) -> str:
        return local(event.time, self._zone)


def _filled(text: str, event: StoredEvent, *, anybody: bool = False) -> str:
    """The sentence with the person it is about; with nobody, where it may be about anybody."""
    person = None if anybody else event.person or event.nearest
    return text.format(who=person or "somebody", name=quoted(person) if person else "NAME")
