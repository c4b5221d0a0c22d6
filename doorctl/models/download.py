"""Fetching a file from its publisher: bounded, resumable, checked."""

from __future__ import annotations

import hashlib
import http.client
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from doorctl.errors import ModelError
from doorctl.models.manifest import Original
from doorctl.models.storage import told

_log = logging.getLogger(__name__)

SECONDS = 5.0
"""How long to wait for a connection, and for each piece of an answer."""
_PIECE = 1 << 16
_ROUNDS = 3
"""How often a broken transfer is taken up again, where each round brings something."""
_PARTIAL, _RANGE_REFUSED = 206, 416

Progress = Callable[[str, int, int | None, str], None]
"""Called with a net's name, bytes done, bytes in all (if known), and what is being done."""


class UnreachableError(ModelError):
    """A publisher's machine does not answer at all."""


def download(
    original: Original, directory: Path, told_so_far: Callable[[int], None], seconds: float
) -> bytes:
    """Fetch ``original`` from its publisher.

    What has arrived is kept in ``directory`` in a ``.part`` file, from which the next
    call goes on; it is removed once its content has proved right or wrong.

    Args:
        original: with an address.
        directory: where the part is kept.
        told_so_far: called with the number of bytes that are there.
        seconds: how long to wait for the connection and for each piece.

    Raises:
        UnreachableError: no connection within ``seconds``.
        ModelError: the transfer broke off, the content is wrong, or the disk is full.
    """
    part = directory / f".{original.sha256[:16]}.part"
    for _ in range(_ROUNDS):
        before = _size(part)
        try:
            _continue(original, part, told_so_far, seconds)
        except _BrokenOffError as error:
            if _size(part) > before:
                _log.info("%s: %s; going on from there", original.name, error.message)
                continue
            raise
        break
    with told(directory):
        content = part.read_bytes() if part.exists() else b""
        if len(content) < original.bytes:
            raise _BrokenOffError(original, len(content))
        part.unlink()
    found = hashlib.sha256(content).hexdigest()
    if found != original.sha256:
        raise ModelError(f"{original.name} has the sha256 {found[:16]}..., not {original.sha256[:16]}...")
    return content


class _BrokenOffError(ModelError):
    def __init__(self, original: Original, there: int, why: object = "") -> None:
        reason = f" ({why})" if why else ""
        super().__init__(
            f"{original.name} broke off after {there} of {original.bytes} bytes{reason}; the next try goes on"
        )


def _continue(original: Original, part: Path, told_so_far: Callable[[int], None], seconds: float) -> None:
    """One request, for what is still missing."""
    there = _size(part)
    if there >= original.bytes:
        return
    headers = {"User-Agent": "doorctl", "Accept-Encoding": "identity"}
    if there:
        headers["Range"] = f"bytes={there}-"
    request = urllib.request.Request(original.address or "", headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _RANGE_REFUSED:
            with told(part.parent):
                part.unlink(missing_ok=True)
        raise ModelError(f"the server answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(f"no connection ({reason})") from error
    with answer:
        goes_on = answer.status == _PARTIAL and _starts_at(answer.headers.get("Content-Range", ""), there)
        with told(part.parent):
            output = part.open("ab" if goes_on else "wb")
        with output:
            _copy(answer, output, original, there if goes_on else 0, told_so_far)


def _copy(
    answer: http.client.HTTPResponse,
    output: IO[bytes],
    original: Original,
    done: int,
    told_so_far: Callable[[int], None],
) -> None:
    part = Path(output.name)
    # One byte more than it should have is enough to know that it is another file.
    while done <= original.bytes:
        told_so_far(min(done, original.bytes))
        try:
            # Not read(), which throws away what it has when the rest does not come in time.
            piece = answer.read1(min(_PIECE, original.bytes + 1 - done))
        except (OSError, http.client.HTTPException) as error:
            with told(part.parent):
                output.flush()
            raise _BrokenOffError(original, done, error) from error
        if not piece:
            break
        with told(part.parent):
            output.write(piece)
        done += len(piece)
    with told(part.parent):
        output.flush()
    if done < original.bytes:
        raise _BrokenOffError(original, done)


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except OSError:
        return 0


def _starts_at(content_range: str, there: int) -> bool:
    match = re.match(r"bytes (\d{1,18})-", content_range)
    return match is not None and int(match[1]) == there
