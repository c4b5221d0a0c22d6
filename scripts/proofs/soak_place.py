"""Where the drill's daemon lives: directories as the unit makes them, a small disk, a clock to be set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from doorctl import paths
from doorctl.store.opened import FILE
from scripts.proofs.pulses import PIN
from scripts.proofs.soak_clock import write_ahead

DISK_MEGABYTES = 24

# So many strangers come in an hour that a door with its usual limits would be locked down for most of it.
CONFIG = """\
camera: {{source: "{camera}", fps: 15}}
vision: {{threads: 1}}
gpio: {{pins: simulated, relay_pin: {pin}}}
liveness: {{{liveness}}}
door: {{open_seconds: {open_seconds}, regrant_seconds: 1.0}}
lockout: {{face_failures: 10, door_failures: 100, window_minutes: 1, memory_minutes: 5}}
photos: {{{photos}, poll_seconds: 1}}
models: {{directory: "{models}"}}
store: {{directory: "{store}"}}
audit: {{anchor_minutes: 1}}
"""
LIVENESS, NO_NETS = "mode: passive", "mode: off, i_understand_photos_open_this_door: true"


class Place:
    """Everything that a door has, below one directory.

    Args:
        root: empty.
        models: where the nets are; they are copied.
        disk: whether ``root/disk``, where the database is, is a disk of its own.
    """

    def __init__(self, root: Path, models: Path, *, disk: bool) -> None:
        self.root, self.is_disk = root, disk
        self.state, self.run, self.temporary = (root / name for name in ("state", "run", "tmp"))
        self.disk, self.models = root / "disk", root / "models"
        self.store, self.photos = self.disk / "store", root / "photos"
        self.config, self.shift = root / paths.NAME, root / "clock"
        for directory in (self.state, self.run, self.temporary, self.store):
            directory.mkdir(mode=0o700)
        self.models.mkdir()
        for file in models.iterdir():
            if file.is_file():
                shutil.copy(file, self.models)
        self.pins = self.state / paths.PINS
        self.pins.touch()
        self.database = self.store / FILE
        self.env = {
            "STATE_DIRECTORY": str(self.state),
            "RUNTIME_DIRECTORY": str(self.run),
            "DOORCTL_CONFIG": str(self.config),
            "TMPDIR": str(self.temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.set_clock(0.0)
        self._values: dict[str, object] = {}

    def configure(self, **values: object) -> None:
        """Write the configuration, with some values anew."""
        self._values |= values
        fixed = {"pin": PIN, "models": self.models, "store": self.store}
        self.config.write_text(CONFIG.format(**fixed, **self._values))

    def set_clock(self, ahead: float) -> None:
        """Let the daemon's time of day be so many seconds ahead of this machine's."""
        write_ahead(self.shift, ahead)

    def command(self, *words: str, shifted: bool = False) -> list[str]:
        """A ``doorctl`` command in this place, as a service would run it; perhaps by a clock that is set."""
        given = [f"{name}={value}" for name, value in self.env.items()]
        module = ["scripts.proofs.soak_clock", str(self.shift)] if shifted else ["doorctl"]
        return ["env", "-u", "JOURNAL_STREAM", *given, sys.executable, "-m", *module, *words]

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave not a byte free on the disk."""
        ballast = self.disk / "ballast"
        try:
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                for size in (1 << 16, 1 << 12, 1):
                    with suppress(OSError):
                        while file.write(b"x" * size):
                            pass
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def files(self) -> set[str]:
        """What is there, but for nets and photos that were put there."""
        found = (path for path in self.root.rglob("*") if path.is_file() or path.is_socket())
        return {str(path.relative_to(self.root)) for path in found if self.models not in path.parents}


@contextmanager
def disk(directory: Path) -> Iterator[bool]:
    """A small disk of its own in an empty directory; whether there is one: only root may mount it."""
    directory.mkdir()
    how = ["-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=755", "none", str(directory)]
    mounts = os.geteuid() == 0 and bool(shutil.which("mount"))
    mounted = mounts and subprocess.run(["mount", *how], capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(directory)], check=True)
