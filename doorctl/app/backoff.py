"""Pauses before the start of a daemon that dies young again and again.

systemd starts it anew a second after each death. For a fault that passes that is right; with one that stays,
a missing model or an unplugged camera, it would wear out card and processor. systemd's own back-off is not
in Bookworm's, and never forgets. The count of deaths is kept beside the control socket, in memory.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doorctl.daemon import notify, signals

log = logging.getLogger(__name__)

FILE = "starts.json"

YOUNG_SECONDS = 60.0
"""Who lives for longer has not died of what kept it from starting."""

LONGEST_SECONDS = 60.0
"""The longest pause: how long after the cause has gone a door may still stay shut."""

FIRST = 2
"""Deaths in a row from which on there is a pause: 2 s, and twice as long with each further one."""

LOOK_SECONDS = 0.2
"""How often it is looked for a signal meanwhile."""


def pause_seconds(deaths: int) -> float:
    """How long to wait after so many young deaths in a row."""
    return 0.0 if deaths < FIRST else min(LONGEST_SECONDS, 2.0 ** min(deaths - FIRST + 1, 30))


def stopped_within(seconds: float) -> bool:
    """Wait; whether SIGTERM or SIGINT ended that. SIGHUP ends it too, for whoever has mended it."""
    end = time.monotonic() + seconds
    with signals() as asked:
        while not (asked.stop or asked.reload) and (left := end - time.monotonic()) > 0.0:
            time.sleep(min(LOOK_SECONDS, left))
    return asked.stop


@contextmanager
def rested(
    directory: Path | None,
    now: Callable[[], float] = time.monotonic,
    stopped: Callable[[float], bool] = stopped_within,
) -> Iterator[bool]:
    """Wait first, if the lives before this one were short; within it, live.

    An end without an exception is no death. Yields whether to live: not if a stop was asked for meanwhile.

    Args:
        directory: where the count is kept until the machine is switched off; ``None`` for no pauses.
        now: the machine's monotonic clock, seconds.
        stopped: waits for so many seconds; whether a stop was asked for meanwhile.
    """
    if directory is None:
        yield True
        return
    file = directory / FILE
    deaths = _deaths(file, now())
    goes_on = True
    if pause := pause_seconds(deaths):
        log.warning("ended %d times within a minute of its start: the next is in %.0f s", deaths, pause)
        notify(f"STATUS=Waits {pause:.0f} s: ended {deaths} times within a minute of its start")
        goes_on = not stopped(pause)
        notify("STATUS=")
    with suppress(OSError):
        new = file.with_suffix(".new")
        new.write_text(json.dumps({"deaths": deaths, "at": now()}))
        new.replace(file)
    yield goes_on
    with suppress(OSError):
        file.unlink()


def _deaths(file: Path, at: float) -> int:
    """How many lives in a row have ended young, the last one among them."""
    try:
        last = json.loads(file.read_text())
        deaths, began = int(last["deaths"]), float(last["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return deaths + 1 if 0.0 <= at - began < YOUNG_SECONDS else 0


def runtime_of_service() -> Path | None:
    """The directory that systemd keeps from one start of a service to the next; ``None`` elsewhere."""
    named = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(named) if named else None
