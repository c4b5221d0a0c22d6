"""What a file's place in the folder means: whose photo it is, who is denied, or why neither."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from doorctl.core.camera_names import has_letter, is_camera_name, is_copy_name
from doorctl.core.names import clean_name
from doorctl.errors import NameRefusedError

PICTURES = frozenset(
    ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "gif", "tif", "tiff", "webp", "heic", "heif", "avif"]
)
"""Endings that a photo may have, in lower case. What is in the file decides whether it can be read."""

OWN = "_doorctl"
"""The folder in which doorctl itself writes."""

_JUNK_FILES = frozenset({"desktop.ini", "thumbs.db", "ehthumbs.db", "icon\r"})
_JUNK_FOLDERS = frozenset(
    {"system volume information", "$recycle.bin", "lost+found", "@eadir", "#recycle", "__macosx"}
)
"""What systems leave on every stick and share."""
_PARTIAL = (".tmp", ".part", ".partial", ".crdownload", ".download")

_DASHES = "-\u2010-\u2015\u2212\ufe63\uff0d"
"""Text programs turn hyphens into these. Before DENY they all count: rather one mark too many."""
_DENY = r"[\W_]{0,9}[d\uff44][e\uff45][n\uff4e](?:[y\uff59]|[i\uff49][e\uff45][d\uff44])(?![^\W\d_])"
"""The word, in wide letters too, not the beginning of Denyse; spaces or a bracket may stand before it."""
_MARK = re.compile(f"[{_DASHES}]{_DENY}", re.IGNORECASE)
_BARE = re.compile(_DENY, re.IGNORECASE)
_SHOUTED = re.compile(r"(?<![^\W\d_])(?:DENY|\uff24\uff25\uff2e\uff39)(?![^\W\d_])")
_HOW_TO_DENY = 'write the name, a hyphen and DENY: "Grace Hopper-DENY"'
_NAME_FILE = 'call it after the person: "Grace Hopper-1.jpg"'
_NAME_FOLDER = 'call the folder after the person: "Grace Hopper"'
_LOST = "\ufffd"
"""Stands for what could not be decoded."""
_ENDING = re.compile(r"\.([^\s.\-]{1,10})\s*\Z")
_COPY = re.compile(r"(?<=.)\(\d+\)\s*\Z")
_SHOWN = 60
"""Characters of a file's name in a message."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A photo of somebody."""

    name: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A file that denies somebody."""

    name: str
    """Whom, as photos are filed: ``Jean`` for ``Jean-Luc Picard-DENY``."""
    spelt: str
    """Everything before the mark: ``Jean-Luc Picard``. Who plans knows which of them is a person."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not used, in words that can be shown; ``hint`` is what to do about it."""

    why: str
    hint: str


def file_of(path: str, *, ends_at: Literal["first", "last"]) -> Filed | Mark | Refusal | None:
    """What a file means by its path alone.

    The name is what stands before a hyphen in the file's name, or all of it; in a sub-folder it
    is the folder's name, hyphens and all. A hyphen and the word DENY deny the person,
    whatever ending or copy's number follows.

    Args:
        path: from the folder on, parted by ``/``.
        ends_at: which hyphen ends the name.

    Returns:
        ``None`` for what is passed over without a word, see ``ignored``. Never raises.
    """
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return Refusal(f'"{shown(path)}" is no place in the folder', "put the photo straight into the folder")
    if ignored(path):
        return None
    return _mark(parts, ends_at) or _photo(parts, ends_at)


def ignored(path: str) -> bool:
    """Whether a path is passed over in silence: doorctl's own, hidden, a system's, or half a download.

    A folder's path ends with a slash here: true of it means true of everything in it.
    """
    parts = path.split("/")
    last = parts[-1].casefold()
    return (
        parts[0].casefold() == OWN
        or any(part.startswith((".", "~$")) or part.casefold() in _JUNK_FOLDERS for part in parts)
        or last in _JUNK_FILES
        or last.endswith(_PARTIAL)
    )


def shown(text: str, most: int = _SHOWN) -> str:
    """A text that may come from anyone, so that it can stand in a message: one line, printable, cut."""
    printable = "".join(character if character.isprintable() else "?" for character in text[: most + 1])
    return printable if len(printable) <= most else printable[: most - 1] + "…"


def _mark(parts: list[str], ends_at: Literal["first", "last"]) -> Mark | Refusal | None:
    """The person whom a path denies: the folder's, before the file's, before any that is a camera's name."""
    seen = [_visible(part) for part in parts]
    signs = [_MARK.search(part) for part in seen]
    if not any(signs) and not any(_BARE.match(part) for part in seen[1:]):
        return None
    found: list[Mark] = []
    for folder, sign in zip(seen[:-1], signs, strict=False):
        if sign and (name := _clean(folder[: sign.start()])):
            found.append(Mark(name, name))
    if len(seen) > 1 and not signs[0] and (name := _clean(seen[0])):
        found.append(Mark(name, name))
    if sign := signs[-1]:
        # The whole of a photo's or a copy's file name may stand before the mark.
        whole = _without_endings(_COPY.sub("", seen[-1][: sign.start()]))
        spelt, name = _clean(whole), _clean(_cut(whole, ends_at))
        if spelt or name:
            found.append(Mark(name or spelt, spelt or name))
    found = [mark for mark in found if not _only_deny(mark.name)]
    for mark in found:
        if has_letter(mark.name) and not is_camera_name(mark.name):
            return mark
    return found[0] if found else Refusal("it says DENY, but not whom", _HOW_TO_DENY)


def _photo(parts: list[str], ends_at: Literal["first", "last"]) -> Filed | Refusal:
    *folders, file = parts
    if any(_SHOUTED.search(part) or _only_deny(_split(part)[0]) for part in parts):
        return Refusal("it says DENY, but not whom, or without a hyphen before it", _HOW_TO_DENY)
    if len(folders) > 1:
        advice = f'put the photo straight into the folder "{shown(folders[0])}"'
        return Refusal("it is in a folder inside a folder, and those are not looked at", advice)
    if (ending := _split(file)[1]) and ending not in PICTURES:
        usable = "save it as JPEG (.jpg); .png, .webp, .bmp, .gif, .tif, .heic and .avif can be used too"
        return Refusal(f"a .{shown(ending)} file is no picture that can be used", usable)
    stem = folders[0] if folders else _without_endings(file)
    place, rename = ("the folder's name", _NAME_FOLDER) if folders else ("its name", _NAME_FILE)
    cut = stem if folders else _without_endings(_cut(stem, ends_at))
    try:
        name = clean_name(cut)
    except NameRefusedError as error:
        if not has_letter(cut):
            return Refusal(f"{place} names nobody", rename)
        return Refusal(shown(error.message.replace(ascii(cut), f'"{shown(cut)}"'), 200), error.hint)
    called = f'{place}, "{shown(name)}",'
    if _LOST in name:
        return Refusal(f"{called} holds characters that cannot be read", rename)
    if not has_letter(name):
        return Refusal(f"{called} holds no letter", rename)
    if is_camera_name(name, stem):
        return Refusal(f"{called} is a camera's or an app's, not a person's", rename)
    if is_copy_name(name):
        return Refusal(f"{called} is that of a second copy", rename)
    return Filed(name)


def _visible(text: str) -> str:
    """The text without what does not show, so that a mark cannot be hidden by it."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf" or c in "\u200c\u200d")


def _cut(stem: str, ends_at: Literal["first", "last"]) -> str:
    """What stands before the hyphen that ends the name; all of it where there is none."""
    if "-" not in stem:
        return stem
    return stem.partition("-")[0] if ends_at == "first" else stem.rpartition("-")[0]


def _split(file: str) -> tuple[str, str]:
    """A file's name without its ending, and the ending in lower case: a short word after the last dot."""
    found = _ENDING.search(file)
    # The last word of a name in another script is no ending.
    if not found or not re.search("[a-zA-Z0-9]", found[1]):
        return file, ""
    return file[: found.start()], found[1].casefold()


def _without_endings(file: str) -> str:
    """The name without a picture's ending, and without a second one, as programs that convert leave it."""
    while (split := _split(file))[1] in PICTURES:
        file = split[0]
    return file


def _clean(name: str) -> str:
    """The name as it is kept, or nothing where it cannot be one."""
    try:
        return "" if _LOST in name else clean_name(name)
    except NameRefusedError:
        return ""


def _only_deny(name: str) -> bool:
    """Whether a name holds the word DENY and no other, or shouts it."""
    return bool(_SHOUTED.search(name)) or re.findall(r"[^\W\d_]+", name.casefold()) == ["deny"]
