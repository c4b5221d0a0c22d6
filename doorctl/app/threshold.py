"""The threshold that the configuration and the people known make, and the sentence that owns up to it."""

from __future__ import annotations

from doorctl.core.card import Recognition
from doorctl.core.gallery import Gallery
from doorctl.core.promise import Promise, promise_of
from doorctl.sections import MatchConfig


def promise_for(match: MatchConfig, recognition: Recognition, gallery: Gallery) -> Promise:
    """What the door promises with these people: see ``core.promise``."""
    return promise_of(
        recognition,
        gallery.templates_each,
        acceptance=match.stranger_acceptance,
        max_refusal=match.max_refusal,
        threshold=None if match.threshold == "auto" else match.threshold,
    )


def sentence(promise: Promise) -> str:
    """What a promise comes to, in one sentence."""
    if not promise.people:
        return "nobody is enrolled: nobody can be let in"
    people = counted(promise.people, "person", "people")
    templates = counted(promise.templates, "template", "templates")
    strangers = once_in(promise.strangers, "presentations")
    return (
        f"{people}, {templates}: on LFW's people a stranger would be let in {strangers} "
        f"and a known person turned away {once_in(promise.refused)}; "
        f"with the allowance for your camera, a stranger {once_in(promise.strangers_here)}"
    )


def shortfall(promise: Promise, match: MatchConfig) -> str:
    """What is wrong with a promise that is not kept, and what would help; nothing for one that is."""
    if promise.kept or not promise.people:
        return ""
    told = f"more strangers than match.stranger_acceptance allows ({once_in(match.stranger_acceptance)}): "
    if match.threshold != "auto" and promise.threshold < 1:
        return told + f"set match.threshold to auto, or higher than {promise.threshold:g}"
    if promise.threshold < 1:
        told += (
            f"a threshold above {promise.threshold:.2f} would turn away more than {match.max_refusal:.0%} of "
            "known people's visits (match.max_refusal). "
        )
    else:
        told += "no threshold is higher. "
    return told + (
        "Enrol more photos of each person, keep fewer people, install the standard set of nets if this is "
        "the fallback, or ask for a second factor beside the face"
    )


def once_in(rate: float, what: str = "") -> str:
    """A share in words: 'once in 1,200', or 'once in 1,200 presentations'."""
    if rate <= 0:
        return "never in the data"
    one_in = 1 / rate
    if one_in < 1.5:
        return "nearly every time"
    digits = 10 ** max(0, len(str(int(one_in))) - 2)
    return f"once in {round(one_in / digits) * digits:,} {what}".rstrip()


def counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
