"""Figures, times and names in words."""

from __future__ import annotations

import shlex
from datetime import datetime, tzinfo
from functools import lru_cache
from os import environ
from pathlib import Path

from doorctl.store.records import StoredEvent

NOBODY = "nobody"


def apart(one: float, other: float, digits: int = 2) -> tuple[str, str]:
    """Two figures with as many digits as it takes to see that they differ, four at most."""
    for more in range(digits, 4):
        first, second = f"{one:.{more}f}", f"{other:.{more}f}"
        if first != second or one == other:
            return first, second
    return f"{one:.4f}", f"{other:.4f}"


def difference(one: float, other: float) -> str:
    """How far two figures are apart, with as many digits as ``apart`` gives them."""
    digits = len(apart(one, other)[0].partition(".")[2])
    return f"{abs(one - other):.{digits}f}"


def lasting(seconds: float) -> str:
    """``0.8 s``, ``45 s``, ``5 min``, ``2 h 5 min``, ``3 days``."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


def between(one: StoredEvent, other: StoredEvent) -> float:
    """Seconds from one event to a later one: by the clock that nobody sets, as far as both tell it."""
    walls = (other.time - one.time).total_seconds()
    if one.at is None or other.at is None or other.at < one.at:
        return max(0.0, walls)
    steady = other.at - one.at
    # After a restart of the machine that clock begins anew, and may be ahead by then.
    return steady if abs(steady - walls) < 60 or walls < 0 else max(0.0, walls)


def local(time: datetime, zone: tzinfo | None = None) -> str:
    """On the wall beside the door, or in the given zone: ``2026-01-31 08:15:00``."""
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M:%S}"


@lru_cache(maxsize=1)
def zone_file(link: Path = Path("/etc/localtime")) -> str:
    """The name of the machine's zone, such as ``Europe/Vienna``; empty where nothing tells it."""
    if named := environ.get("TZ"):
        return named.removeprefix(":")
    parts = link.resolve().parts if link.exists() else ()
    return "/".join(parts[parts.index("zoneinfo") + 1 :]) if "zoneinfo" in parts else ""


def zone_name(time: datetime, zone: tzinfo | None = None) -> str:
    """``Europe/Vienna (CEST, UTC+02:00)``, as it is at a time; without a zone that of the machine."""
    there = time.astimezone(zone)
    offset = f"{there:%z}"
    known = str(zone) if zone is not None else zone_file()
    short = f"{there:%Z}"
    told = f"UTC{offset[:3]}:{offset[3:5]}"
    if short == "UTC" and known in ("", "UTC", "Etc/UTC"):
        return short
    inside = told if short in (known, told) or short.startswith(("+", "-")) else f"{short}, {told}"
    return f"{known} ({inside})" if known and known != short else inside


def quoted(name: str) -> str:
    """A name as it is written in a command that itself stands between single quotes."""
    return f'"{name}"' if not set(name) & set('"$`\\!') else shlex.quote(name)


def who(event: StoredEvent) -> str:
    """The event's person, or ``somebody``."""
    return event.person or "somebody"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 photo``, ``2 photos``, ``12,000 photos``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def one_in(rate: float) -> str:
    """A rate from above 0 to 1 as ``one in 160``."""
    return f"one in {max(1.0, 1 / rate):,.0f}" if rate > 0.001 else f"one in {_round(1 / rate):,}"


def _round(number: float) -> int:
    """To two digits that count."""
    return int(float(f"{number:.2g}"))
