"""People's names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.names import LONGEST, clean_name, name_key
from doorctl.errors import NameRefusedError


def test_a_name_is_trimmed_and_composed() -> None:
    """What is kept is NFC with single spaces, and otherwise as it was written."""
    assert clean_name("  Zoe\u0308   Lee ") == "Zo\u00eb Lee"
    assert clean_name("x" * LONGEST) == "x" * LONGEST


@pytest.mark.parametrize("other", ["ann lee", "ANN  LEE", " Ann Lee "])
def test_spellings_of_one_name_are_one_person(other: str) -> None:
    """Case and spaces do not make another person."""
    assert name_key(other) == name_key("Ann Lee")


def test_case_folding_knows_other_alphabets() -> None:
    """Names are not only ASCII: sharp s, Greek sigma at a word's end, and composed letters fold."""
    assert name_key("STRASSE") == name_key("stra\u00dfe")
    assert name_key("\u039f\u0394\u039f\u03a3") == name_key("\u03bf\u03b4\u03bf\u03c2")
    assert name_key("Zoe\u0308") == name_key("ZO\u00cb")
    assert clean_name("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")  # a joiner that is part of the word


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "\u200d",
        "#12",
        "x" * 101,
        "a\nb",
        "a\tb",
        "a\0b",
        "a\u202eb",
        "a\u200bb",
        "\udcff",
        "a\u2028b",
    ],
)
def test_names_that_mislead_or_break_a_line_are_refused(name: str) -> None:
    """Empty, long, invisible, reversed or undecodable names; the message itself can be printed."""
    with pytest.raises(NameRefusedError) as caught:
        clean_name(name)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 65


@given(st.text(max_size=30))
def test_keys_are_stable(name: str) -> None:
    """A cleaned name is clean, and has the key of the name that it came from."""
    try:
        cleaned = clean_name(name)
    except NameRefusedError:
        return
    assert clean_name(cleaned) == cleaned
    assert name_key(cleaned) == name_key(name)
    assert unicodedata.is_normalized("NFC", name_key(name))
