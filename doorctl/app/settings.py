"""What applies here: the configuration, the places that go with it, and the rules they make."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from doorctl import paths
from doorctl.config import Config, GpioConfig, load_config
from doorctl.errors import ConfigError, StoreError

log = logging.getLogger(__name__)

LIVENESS_IS_OFF = "liveness is off: whoever holds up a photo of an enrolled person opens this door"


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked configuration and the places that go with it."""

    config: Config
    config_file: Path | None
    data: Path
    models: Path

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
        )

    @classmethod
    def without_config(cls, data: Path | None = None) -> Settings:
        """The places alone, with every key at its default: for what must work when the file is broken."""
        return cls(Config(), None, paths.data_dir(data), paths.models_dir(None, data))

    @property
    def pin_file(self) -> Path:
        """Where simulated pins live on when their process has gone."""
        return self.data / "pins.jsonl"


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
    log.warning(LIVENESS_IS_OFF)


def _gpio_file(data: Path) -> Path:
    return data / "gpio.json"


def remember_gpio(settings: Settings) -> None:
    """Note which pin the daemon drives, so that ``doorctl lock`` finds it should the YAML break later.

    Raises:
        StoreError: the note cannot be written.
    """
    file = _gpio_file(settings.data)
    try:
        new = file.with_suffix(".new")
        new.write_text(settings.config.gpio.model_dump_json())
        new.replace(file)
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}", "the data directory must be writable") from error


def last_gpio(data: Path) -> GpioConfig | None:
    """The pin that the daemon drove last, or ``None`` where nothing usable says so."""
    try:
        return GpioConfig.model_validate_json(_gpio_file(data).read_text())
    except (OSError, ValueError):
        return None
