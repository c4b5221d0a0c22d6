"""People's names: which may be used, and when two are the same."""

from __future__ import annotations

import unicodedata

from doorctl.errors import NameRefusedError

LONGEST = 100
"""Characters of a name."""

_JOINERS = "\u200c\u200d"
"""Invisible, and yet part of the spelling of Persian and of many Indian names."""


def clean_name(name: str) -> str:
    """The name as it is kept: NFC, trimmed, single spaces.

    Raises:
        NameRefusedError: it is empty, longer than ``LONGEST``, begins with ``#`` (which
            stands for people who have been removed), or holds characters that do not
            show, such as line ends, or that turn the text round.
    """
    for character in name:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and character not in _JOINERS):
            raise NameRefusedError(
                f"the name {name!a} holds the character U+{ord(character):04X}, which does not show",
                "use letters, digits, spaces and punctuation",
            )
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not cleaned.strip(_JOINERS):
        raise NameRefusedError("the name is empty", "give the person a name")
    if len(cleaned) > LONGEST:
        raise NameRefusedError(f"the name has {len(cleaned)} characters", f"use at most {LONGEST}")
    if cleaned.startswith("#"):
        raise NameRefusedError(f'the name "{cleaned}" begins with #', "# and a number stand for the removed")
    return cleaned


def name_key(name: str) -> str:
    """What two spellings of one name have in common: ``ANN LEE`` and ``Ann  Lee`` are one person."""
    return unicodedata.normalize("NFC", clean_name(name).casefold())
