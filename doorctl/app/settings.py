"""What applies here: the configuration, the places that go with it, and the rules they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from doorctl import paths
from doorctl.config import load_config
from doorctl.sections import Config


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
    runtime: Path
    """Where the daemon listens for commands."""

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
            runtime=paths.runtime_dir(data),
        )

    @classmethod
    def without_config(cls, data: Path | None = None) -> Settings:
        """The places alone, with every key at its default: for what must work when the file is broken."""
        place = paths.data_dir(data)
        return cls(Config(), None, place, paths.models_dir(None, data), place, paths.runtime_dir(data))

    @property
    def pin_file(self) -> Path:
        """Where simulated pins live on when their process has gone."""
        return self.place / paths.PINS
