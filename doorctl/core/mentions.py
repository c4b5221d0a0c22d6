"""Names of people in a text, kept as numbers: so that whoever is erased is erased there, too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

LEAST = 3
"""Letters of a part of a name that are worth a word of warning."""

_NUMBER = re.compile(r"(#+)([0-9]{1,18})(?![0-9A-Za-z_])")
"""One sign before it: somebody. Twice as many as were written: what was written."""


def numbered(text: str, people: Iterable[tuple[int, str]]) -> str:
    """The text in NFC, with ``#3`` in place of the name of person 3, whatever its capitals and spaces.

    A name counts where it stands as whole words, as far as its script has capitals and so, mostly, spaces; of
    two that overlap, the longer.

    Args:
        text: what somebody wrote.
        people: everybody's number and name.
    """
    text = unicodedata.normalize("NFC", text)
    text = _NUMBER.sub(lambda found: 2 * found[1] + found[2], text)  # "ticket #12" is no person
    folded, places = _folded(text)
    by_length = sorted(people, key=lambda one: len(one[1]), reverse=True)
    taken: list[tuple[int, int, int]] = []
    for number, name in by_length:
        words = _folded(unicodedata.normalize("NFC", name))[0].split()
        if not words:
            continue
        before, after = (r"(?<!\w)" * _cased(words[0][0]), r"(?!\w)" * _cased(words[-1][-1]))
        pattern = before + r"\s+".join(map(re.escape, words)) + after
        for found in re.finditer(pattern, folded):
            start, end = places[found.start()], places[found.end() - 1] + 1
            if all(end <= other or start >= until for other, until, _ in taken):
                taken.append((start, end, number))
    for start, end, number in sorted(taken, reverse=True):
        text = f"{text[:start]}#{number}{text[end:]}"
    return text


def named(text: str, names: Mapping[int, str]) -> str:
    """The text with people's names again, as far as their numbers still have one."""

    def read(found: re.Match[str]) -> str:
        signs, number = found.groups()
        if len(signs) > 1:
            return signs[: len(signs) // 2] + number
        return names.get(int(number), found[0])

    return _NUMBER.sub(read, text)


def left(text: str, people: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    """Words of a text that are part of somebody's name: they would stay where that person is erased."""
    parts = {part for _, name in people for part in _words(name) if len(part) >= LEAST}
    return tuple(dict.fromkeys(word for word in _words(text) if word[:1].isupper() and word in parts))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text))


def _cased(letter: str) -> bool:
    return letter.lower() != letter.upper() or not letter.isalpha()


def _folded(text: str) -> tuple[str, list[int]]:
    """Case folded, and for each letter of that the place in the text that it comes from."""
    folded = [(letter, place) for place, original in enumerate(text) for letter in original.casefold()]
    return "".join(letter for letter, _ in folded), [place for _, place in folded]
