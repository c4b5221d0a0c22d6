"""Folders of photos for a daemon to read, and the daemon that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorctl.core.decision import EventKind
from doorctl.demo.show import ENROLLED
from doorctl.enrol.token import VARIABLE
from scripts.proofs.watched import Command
from tests.enrol.standin import Authority, StandIn

DISK_LOOKS, DISK_RESTS = 1.0, 2.0
"""Seconds between looks at a folder on a disk, and how long a file there must rest before it is read."""
PHOTO, MARK = f"{ENROLLED}-1.jpg", f"{ENROLLED}-DENY.txt"
GRANTED = f": {EventKind.ACCESS_GRANTED} {ENROLLED}"
ROUND = "doorctl.app.syncing: folder: "
"""Told after each round that did something."""

CONFIG = """\
camera: {{source: "{clip}", loop: true}}
gpio: {{pins: simulated}}
liveness: {{mode: off, i_understand_photos_open_this_door: true}}
door: {{open_seconds: 0.2, regrant_seconds: 0}}
photos: {{{photos}, name_ends_at: last}}
log: {{level: debug}}
"""


@dataclass(frozen=True)
class Place:
    """A folder for the daemon to read."""

    name: str
    photos: str
    """What the configuration says of it."""
    put: Callable[[str, bytes], object]
    delete: Callable[[str], object]
    env: dict[str, str]
    looks: float = 0.0
    rests: float = 0.0
    """Seconds that its kind may take longer: until it is looked at again, and until a new file is read."""


@contextmanager
def dropbox(authority: Authority) -> Iterator[tuple[Place, StandIn]]:
    with StandIn(authority) as standin:
        state = standin.state
        state.mkdir("/Photos")
        place = Place(
            "Dropbox",
            f"source: dropbox, app_key: {standin.app_key}, folder: /Photos",
            lambda name, data: state.put(f"/Photos/{name}", data),
            lambda name: state.delete(f"/Photos/{name}"),
            {**standin.environment(), VARIABLE: standin.refresh_token},
        )
        yield place, standin


def disk(directory: Path) -> Place:
    def put(name: str, data: bytes) -> None:
        new = directory / f".{name}.part"
        new.write_bytes(data)
        new.rename(directory / name)

    directory.mkdir()
    source = f'source: "folder:{directory}"'
    return Place("disk", source, put, lambda name: (directory / name).unlink(), {}, DISK_LOOKS, DISK_RESTS)


@contextmanager
def running(data: Path, place: Place, clip: Path) -> Iterator[Command]:
    """The daemon on a new data directory, when it has looked at the folder, in which somebody is."""
    data.mkdir()
    (data / "doorctl.yaml").write_text(CONFIG.format(clip=clip, photos=place.photos))
    daemon = Command("run", "--data", data, env=place.env)
    try:
        daemon.wait(ROUND)
        yield daemon
    finally:
        daemon.stop()
