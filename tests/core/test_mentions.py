"""Names in a text become numbers, and names again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.mentions import left, named, numbered

PEOPLE = [(1, "Grace Hopper"), (2, "Ann Lee"), (3, "Ann"), (7, "José Ñandú"), (8, "王芳"), (9, "Straße")]
NAMES = dict(PEOPLE)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Grace Hopper was on leave", "#1 was on leave"),
        ("grace   HOPPER's twin", "#1's twin"),
        ("ask Ann Lee, not Ann.", "ask #2, not #3."),
        ("Annie and Hannah", "Annie and Hannah"),
        ("JOSE\u0301 N\u0303ANDU\u0301 again", "#7 again"),
        ("\u4eca\u5929\u738b\u82b3\u4e0d\u5728", "\u4eca\u5929#8\u4e0d\u5728"),
        ("STRASSE or stra\u00dfe", "#9 or #9"),
        ("see ticket #12", "see ticket ##12"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_whole_names_become_numbers(text: str, kept: str) -> None:
    """Whatever the capitals, spaces and composition; the longer of two names; no part of another word."""
    assert numbered(text, PEOPLE) == kept


def test_numbers_become_names_as_far_as_they_have_one() -> None:
    """Somebody who has been erased stays a number; a longer number is nobody's."""
    assert named("#1 saw #2, #12 and #5", NAMES) == "Grace Hopper saw Ann Lee, #12 and #5"
    assert named("room #1a", NAMES) == "room #1a"
    assert named(numbered("ticket #1", PEOPLE), NAMES) == "ticket #1"
    assert named("#" + "9" * 40, NAMES) == "#" + "9" * 40


@given(
    st.lists(
        st.sampled_from(["Grace Hopper", "ANN LEE", "ann", "was", "here,", "(Straße)", "#4", "x"]), max_size=9
    )
)
def test_nothing_of_a_name_is_left(words: list[str]) -> None:
    """Whatever is written, no known name remains, and reading it gives the same text but for the spelling."""
    text = " ".join(words)
    kept = numbered(text, PEOPLE)
    assert "hopper" not in kept.casefold()
    assert named(kept, NAMES).casefold() == text.casefold()


def test_parts_of_names_are_noticed() -> None:
    """A first name alone stays in the text: who writes it is to know."""
    assert left("Grace was there, and so was grace, and Lee", PEOPLE) == ("Grace", "Lee")
    assert left("nobody was there", PEOPLE) == ()
