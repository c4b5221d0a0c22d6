"""Why the door decided so: an event's figures beside the rules of that moment, in words."""

from __future__ import annotations

from collections.abc import Iterator

from doorctl.core.calibration import rate_of_score
from doorctl.core.decision import EventKind
from doorctl.core.liveness import LivenessMode
from doorctl.core.policy import Policy
from doorctl.core.records import Reason
from doorctl.core.schedule import Refusal
from doorctl.report.details import Life, Tried, challenge_of, life_of
from doorctl.report.meaning import HOURS
from doorctl.report.rules import threshold_of
from doorctl.report.words import apart, difference, one_in, who
from doorctl.store.records import StoredEvent

UNKNOWN_RULES = (
    "The rules of that moment were not kept with it (it is from before this version, or was not decided by "
    "the daemon), so its figures stand beside none."
)

_NEARLY = (Reason.UNKNOWN_PERSON, Reason.AMBIGUOUS)


def why(event: StoredEvent, policy: Policy | None) -> Iterator[str]:
    """Sentences on the figures of a grant or a refusal, against the rules of that moment.

    Args:
        event: of kind ``AccessGranted`` or ``AccessDenied``.
        policy: the rules, ``None`` where they are not known.
    """
    if policy is None:
        yield UNKNOWN_RULES
    reason = event.reason
    life, tried = life_of(event.detail), challenge_of(event.detail)
    if event.kind == EventKind.ACCESS_GRANTED:
        yield from _score(event, policy, "The weakest frame that counted")
        yield from _lead(event, policy)
        yield from _asked(event, policy)
        yield from _living(life, policy)
        yield from _challenge(tried, event, policy)
        if life is None and tried is None and policy and policy.liveness is LivenessMode.OFF:
            yield "Liveness was off: a photo would have opened the door, too."
        if policy is not None:
            yield "The access rules let them pass at that time."
    elif reason in _NEARLY:
        yield from _score(event, policy, "The best of the refused frames")
        if reason == Reason.AMBIGUOUS:
            yield from _lead(event, policy)
        elif policy is not None:
            yield from _nearly(event, policy)
        yield from _looked(policy)
    elif reason in (Reason.DENIED, Reason.SCHEDULE):
        if reason == Reason.SCHEDULE and event.detail in list(Refusal):
            yield HOURS[Refusal(event.detail)]
        yield from _score(event, policy, "The best of the refused frames")
    elif reason in (Reason.SPOOF, Reason.CHALLENGE_FAILED):
        yield from _barred(event, life, tried, policy)
    elif reason == Reason.LIVENESS_UNSURE:
        yield from _unsure(event, life, policy)
    elif reason == Reason.LOCKED_OUT:
        yield from _locked(event, policy)
    elif event.score is not None:
        yield from _score(event, policy, "The face")


def _score(event: StoredEvent, policy: Policy | None, what: str) -> Iterator[str]:
    """The score beside the threshold of that moment."""
    score, likest = event.score, event.person or event.nearest
    if score is None or (event.person is None and event.nearest is None and policy is None):
        if score is not None:
            yield f"{what} scored {score:.2f}; whom it was most like was not kept then."
        return
    if likest is None:
        yield "Nobody was enrolled whom the face could have been compared with."
        return
    if policy is None:
        yield f"{what} scored {score:.2f} as {likest}."
        return
    asked = threshold_of(policy, raised=event.raised)
    told, limit = apart(score, asked)
    side = "above" if score >= asked else "below"
    by = f"{difference(score, asked)} {side}" if score != asked else "exactly"
    usual = (
        f", raised from {policy.threshold:.2f} by a lock" if event.raised and asked > policy.threshold else ""
    )
    yield f"{what} scored {told} as {likest}: {by} the threshold of that moment, {limit}{usual}."


def _lead(event: StoredEvent, policy: Policy | None) -> Iterator[str]:
    """The lead over the second-best person."""
    if event.margin is None:
        if event.score is not None and event.kind == EventKind.ACCESS_GRANTED:
            yield "No second person was enrolled, or none was compared, so no lead was asked."
        return
    if policy is None:
        yield f"It led the second-best person by {event.margin:.3f} in similarity."
        return
    lead = policy.lead_asked(event.lookalike)
    told, limit = apart(event.margin, lead)
    more = (
        f", more than the usual {policy.margin:.2f}, since the gallery held somebody who looks alike"
        if event.lookalike and lead > policy.margin
        else ""
    )
    yield f"It led the second-best person by {told} in similarity; {limit} was asked{more}."


def _asked(event: StoredEvent, policy: Policy | None) -> Iterator[str]:
    """For how long, and on how many frames, a grant had to hold."""
    if policy is None:
        return
    frames = policy.frames_asked(event.lookalike)
    more = " (more than usual, for the lookalike)" if frames > policy.confirm_frames else ""
    yield (
        f"It held for {frames} frames{more} within {policy.confirm_seconds:g} s, one after another, and "
        f"{policy.dwell_seconds:g} s of looking at the camera: no less was asked."
    )


def _looked(policy: Policy | None) -> Iterator[str]:
    if policy is not None:
        yield (
            f"The face had looked at the camera for {policy.dwell_seconds:g} s at least; "
            f"{policy.confirm_frames} frames one after another would have had to pass."
        )


def _nearly(event: StoredEvent, policy: Policy) -> Iterator[str]:
    """What a score below the threshold says."""
    if event.score is None or event.nearest is None:
        return
    asked = threshold_of(policy, raised=event.raised)
    if event.score >= asked - policy.near:
        yield (
            f"That is within {policy.near:g} of it: more likely {event.nearest} than a stranger, and not "
            "held against an unknown face."
        )
    else:
        rate = rate_of_score(event.score)
        often = (
            "most comparisons of strangers come"
            if rate > 0.5
            else f"{one_in(rate)} comparisons of strangers comes"
        )
        yield f"That says little: by the scale of scores {often} out as high."


def _living(life: Life | None, policy: Policy | None) -> Iterator[str]:
    """What looking alone told of life."""
    if life is None:
        return
    if life.nets is not None:
        clear = (
            f"; from {policy.passive.threshold:g} on a face is clearly live, below {policy.passive.spoof:g} "
            "clearly a picture"
            if policy
            else ""
        )
        yield f"The anti-spoof nets gave {life.nets:.2f} over {life.frames} frames (1 is live){clear}."
    for value, says, least in (
        (life.moved, "It moved {} times as much as noise alone does", policy and policy.passive.stillness),
        (life.flexed, "It changed {} times as much as a flat picture can", policy and policy.passive.flexed),
    ):
        if value is not None:
            yield says.format(f"{value:g}") + (f"; {least:g} was asked." if least else ".")
    if life.species:
        yield f"It looked like a {life.species}."


def _challenge(tried: Tried | None, event: StoredEvent, policy: Policy | None) -> Iterator[str]:
    """What was asked of the person, and what they did."""
    if tried is None:
        return
    cause = ""
    if event.raised:
        cause = ", since there was a lock"
    elif policy is not None and policy.liveness is LivenessMode.CHALLENGE:
        cause = ", as everybody was"
    elif policy is not None:
        cause = ", since the nets were in doubt or a picture of them had been shown before"
    asked = ", then to ".join(tried.actions)
    if not tried.failure:
        yield f"They were asked to {asked}{cause}, and did."
    else:
        yield (
            f"They were asked to {asked}{cause}; {tried.done} of {len(tried.actions)} done, then: "
            f"{tried.failure}."
        )
    if tried.nets is not None:
        yield f"Over the challenge's frontal frames the anti-spoof nets gave {tried.nets:.2f}."


def _barred(
    event: StoredEvent, life: Life | None, tried: Tried | None, policy: Policy | None
) -> Iterator[str]:
    yield f"The face had been recognised as {who(event)} before it was asked whether it is alive."
    # Before any frame of a challenge counts its score stands at 1.
    if event.score is not None and not (tried and event.score == 1.0):
        yield from _score(event, policy, "The weakest frame that counted")
    yield from _living(life, policy)
    yield from _challenge(tried, event, policy)
    if life is None and tried is None:
        yield "That was found a moment before, in the same visit: one visit, one verdict."


def _unsure(event: StoredEvent, life: Life | None, policy: Policy | None) -> Iterator[str]:
    if event.person is None and event.nearest is None:
        yield "The face matched somebody and went before the door had decided; no frame of it was refused."
        return
    yield from _score(event, policy, "The best of the doubtful frames")
    yield from _living(life, policy)


def _locked(event: StoredEvent, policy: Policy | None) -> Iterator[str]:
    """Refused at once: what would have been asked, and what was there."""
    yield from _score(event, policy, "The best of the refused frames")
    if policy is None or event.score is None or event.nearest is None:
        return
    asked = policy.raised().threshold
    if policy.lockout.known_people_pass:
        yield (
            f"While a lock holds that failed attempts have led to, known people pass from {asked:.2f} on, "
            "with a challenge; an operator's lockdown lets nobody in."
        )
    else:
        yield "While a lock holds nobody is let in, known or not (lockout.known_people_pass)."
