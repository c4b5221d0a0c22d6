"""A door in a made-up time: the real ``step()``, a real store, and visitors who are values.

What a camera, wires and a relay would have told is told by the script; what is decided is the door's own.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from doorctl.core.decision import Decision, Event, EventKind
from doorctl.core.door import step
from doorctl.core.inputs import Input, Line, Switched, Tick
from doorctl.core.names import name_key
from doorctl.core.policy import Policy
from doorctl.core.prompt import Prompt
from doorctl.core.records import Liveness, Observation, Person, Reason, Vector
from doorctl.core.state import Door
from doorctl.store.database import Store
from doorctl.store.events import keep_policy
from doorctl.store.records import NewPhoto
from doorctl.store.rows import add_photo, time_text
from tests.core.visitors import Visit, visit

FACE = 64
"""Numbers of a stranger's template."""


@dataclass(frozen=True)
class Look:
    """How a visitor looks to the door: the means of what frames would show."""

    person: Person
    """Whom the face is most like."""
    score: float = 0.9
    live: float | None = 0.95
    margin: float = 0.3
    lookalike: bool = False
    moves: bool = True
    """Whether it moves as no picture does."""
    obeys: bool = True
    face: Vector | None = None


@dataclass
class SimulatedDoor:
    """One door, its store, and the time there.

    Args:
        store: where events go.
        start: when the door's scale of time begins.
        policy: the rules at first.
        rng: for all that varies.
    """

    store: Store
    start: datetime
    policy: Policy
    rng: random.Random
    door: Door = field(default_factory=Door)
    at: float = 0.0
    relay_until: float = -1.0
    relay_on: bool = False
    decisions: dict[Reason, int] = field(default_factory=dict)

    def wall(self, at: float) -> datetime:
        return self.start + timedelta(seconds=at)

    def record(self, event: Event, *, decided: bool = False) -> int:
        """Keep an event as of its own time, with the rules where it was decided by them."""
        digest = None
        if decided:
            with self.store.undisturbed() as db:
                digest = keep_policy(db, json.dumps(self.policy.facts(), sort_keys=True))
        return self.store.record(event, time=self.wall(event.at), policy=digest)

    def note(self, kind: EventKind, detail: str = "", person: Person | None = None) -> int:
        """Something that the door itself does not decide."""
        return self.record(Event(kind, self.at, person, detail=detail))

    def enrol(self, name: str, seed: int, model: str, vector: Vector | None = None) -> Person:
        """Somebody with three photos, as of the door's time."""
        rng = np.random.default_rng(seed)
        base = rng.normal(size=256) if vector is None else vector
        with self.store.undisturbed() as db:
            made = "INSERT INTO people (name, key, created) VALUES (?, ?, ?)"
            number = db.execute(made, (name, name_key(name), time_text(self.wall(self.at)))).lastrowid or 0
            for i in range(3):
                noisy = (base + 0.4 * rng.normal(size=256)).astype(np.float32)
                add_photo(db, number, NewPhoto(f"{seed:x}-{i}", f"{name}-{i}.jpg", model, noisy))
        person = Person(number, name)
        self.note(EventKind.PERSON_ENROLLED, "templates: 3", person)
        return person

    def until(self, at: float) -> None:
        """Let time pass, with a tick now and then while something is going on."""
        while self.at < at:
            going_on = self.door.passage.leaf or self.door.is_held or self.door.presentation
            self.at = (
                min(at, self.at + (2.0 if going_on else 20.0)) if going_on or self.door.lockout.down else at
            )
            self.take(Tick(self.at))

    def take(self, fact: Input) -> Decision:
        """One input, and what comes of it."""
        self.at = max(self.at, fact.at)
        self._relay_falls(self.at)
        self.door, decision = step(self.door, fact, self.policy)
        self._carry_out(decision, fact.at)
        return decision

    def comes(self, look: Look, seconds: float = 1.4, away: float = 1.3) -> bool:
        """Somebody stands there for so long at most, and goes, or is let in; whether they were."""
        again = self.rng.getstate()
        came = self._stands(look, seconds)
        if let_in := [fact.at for fact, decision in came.trail if decision.release is not None]:
            self.rng.setstate(again)  # the same once more, and no longer than it takes
            seconds = let_in[0] - self.at + 0.2
            came = self._stands(look, seconds)
        self.door = came.door
        for fact, decision in came.trail:
            self._relay_falls(fact.at)
            self._carry_out(decision, fact.at)
        self.at += seconds
        if not came.granted:
            self.until(self.at + away)
        return came.granted

    def _stands(self, look: Look, seconds: float) -> Visit:
        rng, number = self.rng, self.rng.getrandbits(60)
        track = rng.randrange(1, 1 << 30)

        def seen(frame: Observation, prompt: Prompt, count: int) -> Observation:
            match = frame.match
            assert match is not None
            score = min(1.0, max(0.0, rng.gauss(look.score, 0.012)))
            match = replace(match, score=score, margin=look.margin, lookalike=look.lookalike)
            moved = (9.0, 9.0) if look.moves else (0.6, 0.3)
            life = None if look.live is None else min(0.99, max(1e-4, rng.gauss(look.live, 0.01)))
            at = self.wall(frame.at)
            return replace(frame, match=match, liveness=Liveness(life, 0.1, *moved), track=track, when=at)

        return visit(
            self.policy,
            door=self.door,
            start=self.at,
            seconds=seconds,
            number=number,
            change=seen,
            obey=look.obeys,
            person=look.person,
            probe=look.face,
            flat=not look.moves,
        )

    def opens(self, after: float, stays: float) -> None:
        """The leaf is opened, and closed again."""
        self.until(self.at + after)
        self.take(Switched(self.at, Line.CONTACT, True))
        self.until(self.at + stays)
        self.take(Switched(self.at, Line.CONTACT, False))
        self.until(self.at + 1.3)

    def _carry_out(self, decision: Decision, at: float) -> None:
        self.decisions[decision.reason] = self.decisions.get(decision.reason, 0) + 1
        for event in decision.events:
            self.record(event, decided=True)
        if decision.release is not None:
            if not self.relay_on:
                self.record(Event(EventKind.RELAY_ON, at))
            self.relay_on, self.relay_until = True, max(self.relay_until, at + decision.release.seconds)
        elif decision.relock and self.relay_on:
            self.relay_until = at
            self._relay_falls(at)

    def _relay_falls(self, at: float) -> None:
        if self.relay_on and at >= self.relay_until:
            self.relay_on = False
            self.record(Event(EventKind.RELAY_OFF, self.relay_until))


def a_face(seed: int) -> Vector:
    """A stranger's template: like no other's, and of unit length."""
    vector = np.random.default_rng(seed).normal(size=FACE)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def utc(local: datetime) -> datetime:
    return local.astimezone(UTC)
