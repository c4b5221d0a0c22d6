"""Run ``doorctl`` by a time of day that can be set while it runs, for this process alone.

    python -m scripts.proofs.soak_clock FILE run ...

FILE holds by how many seconds the clock is ahead of the machine's, as eight bytes, which are looked at each
time that anybody asks what time it is. The clock that nobody sets, ``time.monotonic``, stays as it is, and so
does the product's code: what it asks is wrapped.
"""

from __future__ import annotations

import datetime
import mmap
import os
import struct
import sys
import time
from pathlib import Path
from typing import Self

_PLAIN, _PLAIN_NS = time.time, time.time_ns
_AHEAD = struct.Struct("=d")


def write_ahead(file: Path, seconds: float) -> None:
    """Set the clock of whoever runs by this file."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, _AHEAD.pack(seconds), 0)
    finally:
        os.close(handle)


def shift(file: Path) -> None:
    """Let this process go by the clock in a file, from now on."""
    handle = os.open(file, os.O_RDONLY)
    held = mmap.mmap(handle, _AHEAD.size, prot=mmap.PROT_READ)
    os.close(handle)

    def ahead() -> float:
        return float(_AHEAD.unpack_from(held)[0])

    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(time.time(), tz)

    time.time = lambda: _PLAIN() + ahead()
    time.time_ns = lambda: _PLAIN_NS() + round(ahead() * 1e9)
    datetime.datetime = Shifted  # type: ignore[misc]  # whoever imports it from now on has this one


def main() -> None:
    shift(Path(sys.argv[1]))
    sys.argv = ["doorctl", *sys.argv[2:]]
    from doorctl.cli import main as doorctl  # imported late: by then the clock is shifted

    doorctl()


if __name__ == "__main__":
    main()
