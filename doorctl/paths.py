"""Where things are, beside an installed door or in a user's home.

What is named on the command line wins, then what the environment names, then the
machine's own place, then the user's. Nothing here makes or opens a file, but for
``make_ready``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NAME = "doorctl.yaml"

GPIO_NOTE = "gpio.json"
"""In a door's place: the pin that the daemon drove last."""

PINS = "pins.jsonl"
"""In a door's place: where simulated pins keep their levels."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the answers depend on, besides the files that exist."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    superuser: bool = field(default_factory=lambda: os.geteuid() == 0)
    top: Path = Path("/")
    """Below which ``var/lib``, ``run`` and ``etc`` are; a test's own directory in a test."""

    @property
    def system(self) -> Path:
        """The place of an installed door."""
        return self.top / "var/lib/doorctl"

    def home(self, variable: str, fallback: str) -> Path:
        """An XDG base directory. The specification asks to ignore one that is relative."""
        named = Path(self.env.get(variable, ""))
        return named if named.is_absolute() else self._own() / fallback

    def _own(self) -> Path:
        """The user's home; the root directory for one who has none, where nothing can be written."""
        try:
            return Path(self.env.get("HOME") or Path.home())
        except RuntimeError:
            return self.top


def data_dir(explicit: Path | None, configured: Path | None = None, here: Surroundings | None = None) -> Path:
    """Where the database is: ``--data``, the config's, systemd's, the machine's or the user's."""
    here = here or Surroundings()
    # systemd names all state directories of a unit, parted by colons; the first is ours.
    given = here.env.get("STATE_DIRECTORY", "").split(":")[0]
    if named := explicit or configured or (Path(given) if given else None):
        return named
    if here.superuser or (_is_dir(here.system) and os.access(here.system, os.W_OK | os.X_OK)):
        return here.system
    return here.home("XDG_STATE_HOME", ".local/state") / "doorctl"


def runtime_dir(explicit_data: Path | None = None, here: Surroundings | None = None) -> Path:
    """Where a daemon listens for commands: ``--data``'s, systemd's, the machine's, the user's, the data's.

    A command that knows nothing but that a door is installed here looks where its daemon listens.
    """
    here = here or Surroundings()
    if explicit_data:
        return explicit_data
    if given := here.env.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(given)
    system = here.top / "run/doorctl"
    if here.superuser or _is_dir(system):
        return system
    given = here.env.get("XDG_RUNTIME_DIR", "")
    return Path(given) / "doorctl" if Path(given).is_absolute() else data_dir(None, here=here)


def credentials_dir(place: Path, here: Surroundings | None = None) -> tuple[Path | None, bool]:
    """Where systemd's credentials are: those of the service this runs in, or else of an installed door's.

    The second for root alone, whose command then has the key that the service gets; ``True`` says that it is
    that, where an owner has put it.

    Args:
        place: the door's own directory.
        here: where to look.
    """
    here = here or Surroundings()
    if named := here.env.get("CREDENTIALS_DIRECTORY"):
        return Path(named), False
    return (here.top / "etc/credstore", True) if here.superuser and place == here.system else (None, False)


def models_dir(
    configured: Path | None, explicit_data: Path | None = None, here: Surroundings | None = None
) -> Path:
    """Where the nets are: the config's, ``--data``'s, the environment's, the machine's, the user's."""
    here = here or Surroundings()
    if configured:
        return configured
    if explicit_data and _is_dir(explicit_data / "models"):
        return explicit_data / "models"
    if named := here.env.get("DOORCTL_MODELS"):
        return Path(named)
    system = here.system / "models"
    # Where a door is installed they belong beside it, even before there are any.
    installed = "STATE_DIRECTORY" in here.env or (here.superuser and _is_dir(here.system))
    if installed or _is_dir(system):
        return system
    return here.home("XDG_CACHE_HOME", ".cache") / "doorctl/models"


def config_file(
    explicit: Path | None, explicit_data: Path | None = None, here: Surroundings | None = None
) -> Path | None:
    """The configuration file to read, or ``None`` for the defaults.

    A file that is named must exist, which is for whoever reads it to find out. With
    ``--data`` the machine's own file is left alone: such a run stands by itself.
    """
    here = here or Surroundings()
    if explicit:
        return explicit
    if named := here.env.get("DOORCTL_CONFIG"):
        return Path(named)
    if explicit_data:
        places = [explicit_data / NAME]
    else:
        home = here.home("XDG_CONFIG_HOME", ".config")
        places = [here.top / "etc/doorctl" / NAME, home / "doorctl" / NAME]
    return next((place for place in places if _may_exist(place)), None)


def new_config_file(explicit_data: Path | None = None, here: Surroundings | None = None) -> Path:
    """Where a configuration is to be written so that ``config_file`` finds it."""
    here = here or Surroundings()
    if explicit_data:
        return explicit_data / NAME
    if here.superuser:
        return here.top / "etc/doorctl" / NAME
    return here.home("XDG_CONFIG_HOME", ".config") / "doorctl" / NAME


def cache_dir(here: Surroundings | None = None) -> Path:
    """Where results are kept that can be had again: the user's own place."""
    return (here or Surroundings()).home("XDG_CACHE_HOME", ".cache") / "doorctl"


def make_ready(directory: Path, here: Surroundings | None = None) -> None:
    """Make the parents of the user's own default place, as the XDG specification asks (mode 0700).

    A directory that somebody named gets no such help: a slip of the pen, or a disk that
    is not mounted, should be told and not papered over.

    Raises:
        OSError: they cannot be made.
    """
    here = here or Surroundings()
    if directory == here.home("XDG_STATE_HOME", ".local/state") / "doorctl":
        for parent in (*reversed(directory.parent.parents), directory.parent):
            if not _is_dir(parent):
                parent.mkdir(mode=0o700, exist_ok=True)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a parent may not be searched, or it is no path at all
        return False


def _may_exist(path: Path) -> bool:
    """Whether it is there, or cannot be told: then reading it must fail, rather than be left out."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
