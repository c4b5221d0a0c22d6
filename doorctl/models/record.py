"""The models directory's own record: what was installed, from where, and its sha256."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from doorctl.errors import ModelError
from doorctl.models.manifest import SETS, Entry, SetName
from doorctl.models.storage import sha256_of, write_whole

RECORD = "models.json"
RECIPE = 1
"""Raise it when a converter's output changes, and every net is made anew at the next installation."""


class Installed(BaseModel):
    """One net in the directory."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    """Of the ``.tflite`` file."""
    bytes: int
    originals: tuple[str, ...]
    """sha256 of each file that it was made from."""
    recipe: int
    source: str
    licence: str
    installed: str
    """Time, ISO 8601."""

    def made_from(self, entry: Entry) -> bool:
        """Whether it is what today's card and converter would give."""
        return self.recipe == RECIPE and self.originals == tuple(file.sha256 for file in entry.files)


class Record(BaseModel):
    """Everything in the directory."""

    models: dict[str, Installed] = {}
    sets: dict[str, bool] = {}
    """Which sets are complete, for people who read the file."""

    def complete(self, name: SetName) -> bool:
        """Whether every net of the set has been installed."""
        return all(member in self.models for member in SETS[name])

    def save(self, directory: Path) -> None:
        """Write it to the directory, whole.

        Raises:
            DirectoryError: the directory cannot be written.
        """
        self.sets = {name: self.complete(name) for name in SETS}
        write_whole(directory / RECORD, (self.model_dump_json(indent=2) + "\n").encode())


def read_record(directory: Path) -> Record:
    """The directory's record; an empty one if there is none.

    Raises:
        ModelError: the record is damaged or cannot be read.
    """
    file = directory / RECORD
    try:
        return Record.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Record()
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error.strerror})", "check its permissions") from error
    except ValidationError as error:
        raise ModelError(f"{file} is damaged", "run 'doorctl models install'") from error


def fault(directory: Path, entry: Entry, installed: Installed) -> str:
    """What is wrong with an installed file, in a word or two; empty if nothing is."""
    file = directory / entry.file
    found = sha256_of(file)
    if found == installed.sha256:
        return ""
    if found is None:
        return "cannot be read" if file.exists() else "missing"
    return "changed" if file.stat().st_size else "empty"
