"""What applies here: the configuration, the places that go with it, and the rules they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from doorctl import paths
from doorctl.config import load_config
from doorctl.errors import ConfigError
from doorctl.sections import Config

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
