"""What applies here: the configuration, the places that go with it, and the rules they make."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorctl import paths
from doorctl.config import Config, GpioConfig, load_config
from doorctl.errors import AlreadyRunningError, ConfigError, StoreError

GPIO_NOTE = "gpio.json"

LIVENESS_IS_OFF = "liveness is off: whoever holds up a photo of an enrolled person opens this door"


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked configuration and the places that go with it."""

    config: Config
    config_file: Path | None
    data: Path
    """Where the database is."""
    models: Path
    place: Path
    """Where ``doorctl lock`` finds what it needs, even if the YAML cannot say where ``data`` is."""

    @classmethod
    def find(cls, config_file: Path | None = None, data: Path | None = None) -> Settings:
        """Read the configuration that applies here.

        Raises:
            ConfigError: with every mistake in the file at once.
        """
        file = paths.config_file(config_file, data)
        config = load_config(file)
        return cls(
            config=config,
            config_file=file,
            data=paths.data_dir(data, config.store.directory),
            models=paths.models_dir(config.models.directory, data),
            place=paths.data_dir(data),
        )

    @classmethod
    def without_config(cls, data: Path | None = None) -> Settings:
        """The places alone, with every key at its default: for what must work when the file is broken."""
        place = paths.data_dir(data)
        return cls(Config(), None, place, paths.models_dir(None, data), place)

    @property
    def pin_file(self) -> Path:
        """Where simulated pins live on when their process has gone."""
        return self.place / "pins.jsonl"


def guard(settings: Settings) -> None:
    """Refuse to drive a real door that photos open, unless its owner has said so."""
    liveness = settings.config.liveness
    if liveness.mode != "off":
        return
    if settings.config.gpio.pins == "lgpio" and not liveness.i_understand_photos_open_this_door:
        raise ConfigError(
            LIVENESS_IS_OFF,
            "set liveness.i_understand_photos_open_this_door: true to run this version at a real door",
        )


def remember_gpio(settings: Settings) -> None:
    """Note which pin is driven, so that ``doorctl lock`` finds it should the YAML be changed or broken later.

    Raises:
        StoreError: the note cannot be written.
    """
    file = settings.place / GPIO_NOTE
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(settings.config.gpio.model_dump_json())
        new.replace(file)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the directory must be writable") from error


def last_gpio(place: Path) -> GpioConfig | None:
    """The pin that the daemon drove last, or ``None`` where nothing usable says so."""
    try:
        return GpioConfig.model_validate_json((place / GPIO_NOTE).read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the door's place, so that two daemons cannot drive one relay by turns.

    The lock is the kernel's: it ends with the process, however that ends.

    Raises:
        AlreadyRunningError: another daemon holds it.
        StoreError: the lock file cannot be made.
    """
    file = settings.place / "daemon.lock"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = file.open("a")
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the directory must be writable") from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunningError(
                f"another doorctl runs on {settings.place}", "stop it first, or name another --data"
            ) from error
        yield
