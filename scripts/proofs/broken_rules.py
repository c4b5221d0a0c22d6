"""Rules of the door, and what breaks each: see ``mutations``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One rule and what is put in its place."""

    what: str
    old: str
    new: str
    file: str = "core/door.py"


CHALLENGE, LIVENESS, JUDGEMENT = "core/challenge.py", "core/liveness.py", "core/judgement.py"
VISIT, PASSIVE = "core/visit.py", "vision/liveness/passive.py"
ATTEMPT, LOCKOUT = "core/attempt.py", "core/lockout.py"
ORDERS = "core/orders.py"


MUTATIONS = (
    Mutation(
        "one confirming frame", "len(evidence) < policy.frames_asked(match.lookalike)", "len(evidence) < 1"
    ),
    Mutation("no margin", "match.margin is None or match.margin >= lead", "True", JUDGEMENT),
    Mutation(
        "unknown person accepted",
        "match.person is not None and match.score >= policy.threshold",
        "match.person is not None",
        JUDGEMENT,
    ),
    Mutation(
        "a denied person passes", "match.person is not None and match.person.denied", "False", JUDGEMENT
    ),
    Mutation(
        "another person's frames count",
        "door.person == person and e.lookalike == new.lookalike",
        "e.lookalike == new.lookalike",
    ),
    Mutation("frames from before a lookalike came count", " and e.lookalike == new.lookalike", ""),
    Mutation(
        "a lookalike needs no wider lead", "policy.lead_asked(match.lookalike)", "policy.margin", JUDGEMENT
    ),
    Mutation(
        "a lookalike needs no more frames", "policy.frames_asked(match.lookalike)", "policy.confirm_frames"
    ),
    Mutation(
        "an older, smaller lead over a lookalike still counts",
        "policy.lead_asked(e.lookalike)",
        "policy.margin",
        ATTEMPT,
    ),
    Mutation(
        "a lookalike is forgotten by the evidence",
        "match.margin, match.lookalike, fact.liveness",
        "match.margin, False, fact.liveness",
    ),
    Mutation(
        "a refused frame in between does not matter",
        "person=None, evidence=(), presentation=visit)\n    return door, Decision(reason",
        "presentation=visit)\n    return door, Decision(reason",
        ATTEMPT,
    ),
    Mutation("evidence never grows old", "door.at - e.at <= policy.confirm_seconds", "True", ATTEMPT),
    Mutation("old pictures count", "<= policy.max_latency_seconds", "<= 1e9", JUDGEMENT),
    Mutation("the same instant counts twice", "seen.at > observed_at and ", "", JUDGEMENT),
    Mutation(
        "a picture judged before it was taken counts", "0.0 <= late <= policy", "late <= policy", JUDGEMENT
    ),
    Mutation(
        "time may go back",
        "return Door(\n            at=at,",
        "return replace(\n            self,\n            at=at,",
        "core/state.py",
    ),
    Mutation("a time that is none is passed over", "if not isfinite(fact.at):", "if False:"),
    Mutation("an older, lower threshold still counts", "and e.score >= policy.threshold", "", ATTEMPT),
    Mutation(
        "an older, smaller margin still counts",
        "e.margin is None or e.margin >= policy.lead_asked(e.lookalike)",
        "True",
        ATTEMPT,
    ),
    Mutation(
        "a grant leaves its evidence",
        "person=None, evidence=(), presentation=visit, challenge=None, lockout=lockout",
        "presentation=visit, challenge=None, lockout=lockout",
    ),
    Mutation(
        "a stranger is never told while there", "events = (visit.denial(door.at),)\n", "pass\n", ATTEMPT
    ),
    Mutation(
        "a row of refusals is never broken",
        ", refused_in_a_row=0, refused_since=inf)",
        ")",
    ),
    Mutation("severity is ignored", "(r.frames, -_SEVERITY.index(r.reason))", "r.frames", VISIT),
    Mutation(
        "nobody is told after a grant",
        "visit.let_in and door.state is DoorState.RELEASED",
        "visit.let_in",
        ATTEMPT,
    ),
    Mutation("two people by turns hold it open", "(*before, (person, door.at))", "((person, door.at),)"),
    Mutation(
        "numpy's false passes",
        "self.passed is not None and not self.passed",
        "self.passed is False",
        JUDGEMENT,
    ),
    Mutation("anyone may claim recognition", "command.cause is Cause.RECOGNISED", "False"),
    Mutation(
        "no pause before a new grant",
        "any(who == person for who, _ in visit.lately(door.at, policy.regrant_seconds))",
        "False",
    ),
    Mutation("liveness ignored", "policy.liveness is LivenessMode.OFF or (", "True or ("),
    Mutation("the nets decide where everyone is to be asked", " and policy.nets_decide)", ")"),
    Mutation("a clear spoof goes on", "if found.verdict is Verdict.SPOOF:", "if False:"),
    Mutation("a picture bars nobody", "if why := visit.why_barred(person):", "if why := None:"),
    Mutation("challenge always passed", "if challenge.phase is not Phase.PASSED:", "if False:"),
    Mutation("a lost challenge is not told", "if challenge.phase is Phase.FAILED:", "if False:"),
    Mutation(
        "an older, lower threshold counts in a challenge",
        "if challenge.weakest < policy.threshold:",
        "if False:",
    ),
    Mutation(
        "a challenge never lapses",
        "overdue(challenge, door.at, policy.challenge) if challenge else None",
        "None",
        ATTEMPT,
    ),
    Mutation(
        "randomness that comes late counts",
        "at=max(door.at, fact.at), drawing=None)",
        "at=max(door.at, fact.at))",
    ),
    Mutation("a threshold of 0", "score >= rules.threshold and moves", "score >= 0 and moves", LIVENESS),
    Mutation(
        "one frame enough", "len(scored) >= rules.frames and span", "len(scored) >= 1 and span", LIVENESS
    ),
    Mutation("an instant enough", " and span >= rules.seconds - 1e-9 ", " ", LIVENESS),
    Mutation("a still picture lives", "rules.threshold and moves and", "rules.threshold and", LIVENESS),
    Mutation("a flat picture lives", " and moves and flexes:", " and moves:", LIVENESS),
    Mutation("no score is a spoof's", "score < rules.spoof", "False", LIVENESS),
    Mutation(
        "a score that is none counts",
        "seen.score is not None and 0 <= seen.score <= 1",
        "seen.score is not None",
        LIVENESS,
    ),
    Mutation("another track goes on", "seen.track != challenge.track or other", "other", CHALLENGE),
    Mutation(
        "another person goes on", "!= challenge.track or other or (", "!= challenge.track or (", CHALLENGE
    ),
    Mutation("a second face is overlooked", "if seen.crowded:", "if False:", CHALLENGE),
    Mutation("no deadline", "and at - challenge.since > rules.deadline_seconds", "and False", CHALLENGE),
    Mutation("a face may be away", "if at - challenge.seen_at > rules.gap_seconds", "if False", CHALLENGE),
    Mutation("a wrong action is forgiven", "if strayed >= rules.hold_frames:", "if False:", CHALLENGE),
    Mutation("an instant reaction counts", "(right and waited < rules.reaction_seconds)", "False", CHALLENGE),
    Mutation("one frame of an action counts", "if held < rules.hold_frames:", "if held < 1:", CHALLENGE),
    Mutation(
        "a picture's turn counts",
        " and in_depth(asked, seen.turned, rules) and",
        " and",
        CHALLENGE,
    ),
    Mutation("everything at once counts", ", rules) and not others", ", rules)", CHALLENGE),
    Mutation(
        "the nets are not heard at the end", "and last and not fuse(last) >= spoof:", "and False:", CHALLENGE
    ),
    Mutation("a prompt is seen before it lights", "max(at, seen.judged_at)", "at", CHALLENGE),
    Mutation("two nods are asked for", " and {a, b} != _NODS", "", "core/actions.py"),
    Mutation("a shaded picture has gone", "fact.gate in _THERE", "False"),
    Mutation("who was barred is barred for ever", "if at - one[2] < seconds", "if True", VISIT),
    Mutation("another track's frames count", " and e.track == new.track", ""),
    Mutation("nobody known need be frontal", "if challenge.doubts > rules.doubts:", "if False:", CHALLENGE),
    Mutation(
        "a clear picture may do it",
        "if enough and not fuse([p for _, p in lately]) >= spoof:",
        "if False:",
        CHALLENGE,
    ),
    Mutation("anyone may be neutral", "neutral = recognised and frontal", "neutral = frontal", CHALLENGE),
    Mutation(
        "no coming back",
        "neutral = recognised and frontal(challenge.home, head, rules, rules.home)",
        "neutral = recognised",
        CHALLENGE,
    ),
    Mutation(
        "net's classes swapped", "PRINT, LIVE, SCREEN = range(3)", "PRINT, SCREEN, LIVE = range(3)", PASSIVE
    ),
    Mutation("a gate is passed over", "observation.gate is not gate, reason", "True, reason", JUDGEMENT),
)


PLAN, SYNC, BEHIND, FILES = "core/plan.py", "app/sync.py", "store/behind.py", "store/files.py"
REMOVALS, INTAKE = "app/removals.py", "app/intake.py"
FOLDER = (
    Mutation("the same photo is fetched again", "before.entry.hash != entry.hash or ", "True or ", PLAN),
    Mutation(
        "a changed photo is left", "before.entry.hash != entry.hash or before.again", "before.again", PLAN
    ),
    Mutation("a file ousts no folder", "roots = entries.keys() | frozenset(", "roots = frozenset(", PLAN),
    Mutation("what is listed whole loses nothing", "if not changes.complete:", "if True:", PLAN),
    Mutation("what is missing stays", "tuple(sorted(fresh | nameless))", "tuple(sorted(nameless))", PLAN),
    Mutation("any size is fetched", "entry.size > rules.max_bytes", "False", PLAN),
    Mutation(
        "too large a file is nobody's",
        "name, meaning = (\n                meaning.name,",
        "name, meaning = (\n                '',",
        PLAN,
    ),
    Mutation("what failed is never tried again", " or before.again:", ":", PLAN),
    Mutation("any number may go at once", "len(lost) + recent > most or", "", REMOVALS),
    Mutation(
        "a name taken over is no removal",
        "if person.id not in left}",
        "if key not in behind.known_people(db)}",
        REMOVALS,
    ),
    Mutation(
        "nobody is lost by sparing another",
        "spare=spare, marks=False) - spare",
        "spare=spare, marks=False) and set()",
        REMOVALS,
    ),
    Mutation("the last one may go", " or tuple(access) == (True, False)", "", REMOVALS),
    Mutation("an emptied folder lifts marks", " or (lifted and emptied)", "", REMOVALS),
    Mutation(
        "marks are lifted though removals wait",
        "spare=spare, marks=False",
        "spare=spare, marks=True",
        REMOVALS,
    ),
    Mutation(
        "a rename is a removal",
        "if person.id not in left} - moved",
        "if person.id not in left}",
        REMOVALS,
    ),
    Mutation(
        "every removal is a rename",
        "{before[key].id for key in moved if key in before}",
        "{p.id for p in before.values()}",
        REMOVALS,
    ),
    Mutation("keep means revoke", 'self._photos.on_delete == "keep" and not accept', "False", REMOVALS),
    Mutation("another's face is enrolled", "if verdict.other is not None:", "if False:", INTAKE),
    Mutation("an unlike face is enrolled", "if verdict.own < verdict.threshold:", "if False:", INTAKE),
    Mutation("the first photo never waits", "held=NEW * self._config.photos.approve_new", 'held=""', INTAKE),
    Mutation(
        "new nets know no denied face", "if behind.denied_unknown(db, self.model):", "if False:", INTAKE
    ),
    Mutation("an operator's removal is forgotten", "if unwanted:", "if False:", SYNC),
    Mutation(
        "one file stops the round",
        'except Exception as error:\n            log.exception("a photo could not be looked at")',
        "except ArithmeticError as error:\n            raise",
        SYNC,
    ),
    Mutation(
        "what was there before goes",
        "photos.sha256 IN (files.sha256, files.was)",
        "photos.sha256 = files.sha256",
        BEHIND,
    ),
    Mutation("photos by hand go too", "WHERE foldered AND NOT {_BEHIND}", "WHERE NOT {_BEHIND}", BEHIND),
    Mutation("a rejected photo is as good as before", "unwant(db, person, [content])", "pass", FILES),
    Mutation("a hyphenated mark denies others", "        name = spelt\n", "        pass\n", FILES),
    Mutation(
        "a removed person's mark is lost",
        "db.execute(\"UPDATE folder SET rules = ''\")",
        "pass",
        "store/forgetting.py",
    ),
)
"""Rules of the folder: who is learnt, kept out and forgotten."""


LOCKS = (
    Mutation("locks do not double", "seconds * 2.0 ** min(times, 30)", "seconds", LOCKOUT),
    Mutation("locks double for ever", "min(rules.longest_seconds, seconds", "min(1e12, seconds", LOCKOUT),
    Mutation(
        "a success resets all",
        "    return replace(\n        lockout,\n        suspects=lockout.suspects - {person.id},",
        "    return replace(\n        Lockout(),\n        suspects=lockout.suspects - {person.id},",
        LOCKOUT,
    ),
    Mutation("a success forgets every stranger", "if place != here)", "if False)", LOCKOUT),
    Mutation("a success leaves suspicion", "lockout.suspects - {person.id}", "lockout.suspects", LOCKOUT),
    Mutation("an attempt per frame", "visit.let_in or visit.charged:", "visit.let_in:", ATTEMPT),
    Mutation(
        "an attempt after every frame",
        "if visit.looked >= policy.attempt_seconds and",
        "if looked_enough(visit, policy) and",
        ATTEMPT,
    ),
    Mutation(
        "whoever passes by has tried",
        "return visit.looked >= policy.dwell_seconds - TINY",
        "return True",
        ATTEMPT,
    ),
    Mutation("a short look gets in", " or not looked_enough(visit, policy):", ":"),
    Mutation("looking elsewhere is looking", "abs(head.yaw) <= policy.look_yaw", "True", ATTEMPT),
    Mutation("who is let in has failed", "or visit.let_in or visit.charged", "or visit.charged", ATTEMPT),
    Mutation(
        "another face goes on with the attempt",
        "and _unlike(visit.face, seen.probe, policy)",
        "and False",
        ATTEMPT,
    ),
    Mutation(
        "standing side by side counts at each turn",
        "replace(back or Presentation(at), granted",
        "replace(Presentation(at), granted",
        ATTEMPT,
    ),
    Mutation("an attempt has no end", "if visit.over:", "if False:"),
    Mutation(
        "REX is ignored in lockdown",
        "    if isinstance(fact, Command):\n",
        "    if isinstance(fact, Command) and rules_of(door, policy):\n",
    ),
    Mutation(
        "a lockdown bars nobody",
        "elif rules is None or shut:",
        "elif False:",
    ),
    Mutation(
        "a shut door lets known people in",
        "return Bar.RAISED if rules.known_people_pass or long else Bar.SHUT",
        "return Bar.RAISED",
        LOCKOUT,
    ),
    Mutation(
        "known people are shut out",
        "return Bar.RAISED if rules.known_people_pass or long else Bar.SHUT",
        "return Bar.SHUT",
        LOCKOUT,
    ),
    Mutation(
        "shut for ever", "if rules.known_people_pass or long else", "if rules.known_people_pass else", LOCKOUT
    ),
    Mutation("shut anew after every lock", "since=lockout.since if follows else at", "since=at", LOCKOUT),
    Mutation(
        "the bar is not raised",
        "return replace(self, threshold=threshold, liveness",
        "return replace(self, liveness",
        "core/policy.py",
    ),
    Mutation(
        "no challenge in a lockdown",
        "threshold=threshold, liveness=LivenessMode.CHALLENGE,",
        "threshold=threshold,",
        "core/policy.py",
    ),
    Mutation("a picture's person is not asked", "if person.id in door.lockout.suspects:", "if False:"),
    Mutation(
        "a picture locks out its person",
        "    elif outcome is not Outcome.DENIED and person is not None:\n",
        "    elif person is not None:\n        lockout, events = _remember(lockout, face, at, rules)\n",
        LOCKOUT,
    ),
    Mutation("pictures are not counted", "or len(lockout.spoofs) >= rules.door_spoofs", "", LOCKOUT),
    Mutation(
        "a missed challenge is not counted",
        "lockout, locks = charge(door.lockout, outcome, door.at, policy.lockout, person=person)",
        "lockout, locks = door.lockout, ()",
        ATTEMPT,
    ),
    Mutation(
        "old failures count",
        "for then in lockout.failures if at - then < rules.window_seconds",
        "for then in lockout.failures",
        LOCKOUT,
    ),
    Mutation(
        "nine are enough",
        "len(lockout.failures) >= rules.door_failures or",
        "len(lockout.failures) >= rules.door_failures - 1 or",
        LOCKOUT,
    ),
    Mutation(
        "a face is locked out a try late",
        "if failures >= rules.face_failures:",
        "if failures > rules.face_failures:",
        LOCKOUT,
    ),
    Mutation(
        "a locked face is as good as any",
        "if not visit.locked and locked_out(",
        "if False and locked_out(",
        ATTEMPT,
    ),
    Mutation(
        "a clock that goes back ends locks",
        "lockout=self.lockout.moved(shift)",
        "lockout=Lockout()",
        "core/state.py",
    ),
    Mutation("an operator's lock runs out", "or (rules.until_cleared and lockout.down)", "", LOCKOUT),
    Mutation(
        "an operator's word changes nothing",
        "replace(door, lockout=lockout, presentation=None, person=None, evidence=())",
        "door",
        ORDERS,
    ),
    Mutation("the memory has no end", "if at - lockout.last >= rules.memory_seconds:", "if False:", LOCKOUT),
    Mutation(
        "locked faces are forgotten first",
        "key=lambda s: (at < s.until, s.at)",
        "key=lambda s: (at >= s.until, s.at)",
        LOCKOUT,
    ),
    Mutation("a power cut ends a lock", "max(0.0, lockout.until - at),", "0.0,", "store/lockouts.py"),
    Mutation(
        "a power cut begins a lock anew", "until=at + remaining if", "until=at + 900 if", "store/lockouts.py"
    ),
    Mutation(
        "time without power counts",
        "tuple(at - age for age, spoof in attempts if not spoof)",
        "()",
        "store/lockouts.py",
    ),
    Mutation(
        "a picture locks out its face", "visit.face if visit.nearly is None else None", "visit.face", ATTEMPT
    ),
    Mutation(
        "a known face that goes early is a stranger's",
        "and visit.recognised is not None",
        "and False",
        ATTEMPT,
    ),
    Mutation(
        "a face is what it was last",
        "and not looked_enough(visit, policy):\n        visit = replace(visit, face",
        "and True:\n        visit = replace(visit, face",
        ATTEMPT,
    ),
    Mutation(
        "who is let in is never counted again",
        "if visit is not None and visit.let_in and not visit.lately",
        "if False and not visit.lately",
        ATTEMPT,
    ),
    Mutation(
        "a picture that hangs there bars its person",
        "elif visit is not None and _perhaps_in_person(visit, seen, door.at, policy):",
        "elif False:",
        ATTEMPT,
    ),
    Mutation(
        "each refusal in a lock is told",
        "if reason is not Reason.LOCKED_OUT or not lockout.refused:",
        "if True:",
        ATTEMPT,
    ),
    Mutation("people pass out of hours", "reason = Reason.SCHEDULE if late else reason", "pass"),
    Mutation("a wrong hour is an attempt", "if visit.main.reason is Reason.SCHEDULE:", "if False:", ATTEMPT),
)
"""Rules of attempts, locks and hours."""


PASSAGE = "core/passage.py"
WIRES = (
    Mutation(
        "a flapping line is believed",
        "return _distrust(passage, line, at) if _flapping(passage, line, at) else (passage, ())",
        "return passage, ()",
        PASSAGE,
    ),
    Mutation(
        "a line that flaps slowly is believed",
        "sum(at - then < MANY_SECONDS for then in times) >= MANY",
        "False",
        PASSAGE,
    ),
    Mutation(
        "a button that is let go releases",
        "if fact.line is Line.REX and not fact.first and passage.believes(Line.REX):",
        "if fact.line is Line.REX and not fact.first:",
    ),
    Mutation(
        "a button that was pressed at the start releases",
        "Line.REX and not fact.first and passage.believes",
        "Line.REX and passage.believes",
    ),
    Mutation(
        "a stuck button excuses a forced door",
        "passage.believes(Line.REX) and not passage.stuck",
        "passage.believes(Line.REX)",
        PASSAGE,
    ),
    Mutation("no door is forced", "forced=not (let or fact.first)", "forced=False", PASSAGE),
    Mutation("a door found open is forced", "forced=not (let or fact.first)", "forced=not let", PASSAGE),
    Mutation("no pre-alarm", "leaf.limit - rules.pre_alarm_seconds:", "1e9:", PASSAGE),
    Mutation("open for ever", "not leaf.too_long and open_for >= leaf.limit", "False", PASSAGE),
    Mutation(
        "nobody has not come", "if passage.awaited and at >= passage.may_open_until:", "if False:", PASSAGE
    ),
    Mutation(
        "it locks before the second",
        "leaf is not None and leaf.sole and passage.leaf is None",
        "leaf is not None and passage.leaf is None",
    ),
    Mutation(
        "it never locks behind anybody",
        "Decision(Reason.SWITCHED, events=events, relock=True)",
        "Decision(Reason.SWITCHED, events=events)",
    ),
    Mutation("fire releases unasked", "return policy.passage.fire_releases and burns", "return burns"),
    Mutation("a fire alarm has a gap", "min(door.at + HOLD_SECONDS / 2, end)", "min(door.at, end)"),
    Mutation("an alarm is told again and again", "on == (line in passage.told):", "False:", PASSAGE),
    Mutation(
        "everybody has more time",
        "if self.is_extended(person)\n",
        "if True\n",
        "core/policy.py",
    ),
    Mutation("a glitch counts", "if at - self._since >= self._bounce:", "if True:", "gpio/inputs.py"),
    Mutation(
        "a short press is lost",
        "        told = self.settled(at)\n        if self._busy",
        "        told = []\n        if self._busy",
        "gpio/inputs.py",
    ),
)
"""Rules of the door's wires."""


COMMANDS = (
    Mutation("an unlock has no longest", "max(0.0, min(seconds, most))", "max(0.0, seconds)", ORDERS),
    Mutation("no number is a time", "max(0.0, min(seconds, most))", "min(most, max(seconds, 0.0))", ORDERS),
    Mutation(
        "an unlock works in a lockdown", "command.cause is Cause.UNLOCK and door.lockout.ordered", "False"
    ),
    Mutation(
        "nobody gets out in a lockdown", "command.cause is Cause.UNLOCK and door.lockout", "door.lockout"
    ),
    Mutation(
        "a hold works in a lockdown",
        "    if door.lockout.ordered:\n        return refused",
        "    if False:\n        return refused",
        ORDERS,
    ),
    Mutation("a lockdown lets known people in", "if lockout.ordered:", "if False:", LOCKOUT),
    Mutation(
        "a lockdown leaves the door released", "released_until=min(door.released_until, door.at),", "", ORDERS
    ),
    Mutation(
        "a lockdown leaves the strike alone",
        "events=(*ended, event), relock=True)",
        "events=(*ended, event))",
        ORDERS,
    ),
    Mutation(
        "a lockdown holds no hold", "door, ended = _end_hold(door, _by(order.by))", "ended = ()", ORDERS
    ),
    Mutation("clearing ends a lockdown", "Lockout(ordered=door.lockout.ordered)", "Lockout()", ORDERS),
    Mutation("a hold never ends", "or door.at < door.held_until:", "or True:", ORDERS),
    Mutation(
        "a hold outlives its time", "seconds = min(HOLD_SECONDS, end - door.at)", "seconds = HOLD_SECONDS"
    ),
    Mutation("it locks in a fire, or in a hold", "decision = replace(decision, relock=False)", "pass"),
    Mutation(
        "a door held open is open too long",
        "held_open(door.passage, door.at, 0.0) if door.is_held else door.passage",
        "door.passage",
    ),
    Mutation(
        "a clock that goes back ends a hold early",
        "held_until=self.held_until + shift,",
        "held_until=self.held_until,",
        "core/state.py",
    ),
    Mutation("an order that is old is told anew", "if order.on == lockout.ordered:", "if False:", ORDERS),
    Mutation("a power cut ends a lockdown", "ordered=bool(ordered),", "", "store/lockouts.py"),
    Mutation(
        "clearing at a stopped door ends a lockdown",
        "Lockout(ordered=kept(db, 0.0).ordered)",
        "Lockout()",
        "store/lockouts.py",
    ),
)
"""Rules of what operators order."""
