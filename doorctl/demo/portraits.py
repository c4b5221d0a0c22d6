"""Two public-domain portraits, taken out of the well-known Python packages that carry them."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from doorctl.errors import OutputError
from doorctl.models.manifest import Original
from doorctl.models.packages import Package, fetch_package, read_member

_ANYWHERE = ("manylinux_2_17_x86_64", "3.11")
"""A wheel that is opened and not installed serves every machine."""

_MATPLOTLIB = Package(
    "matplotlib", "3.10.0", "5439f4c5a3e2e8eab18e2f8c3ef929772fd5641876db71f08127eed95ab64683", _ANYWHERE
)
_SCIKIT_IMAGE = Package(
    "scikit-image", "0.25.0", "d4287052dcd8fe63934daa6cbe28b2abe817d75e9b952290fdb4de42254740fc", _ANYWHERE
)

PORTRAITS: dict[str, tuple[Package, Original]] = {
    "Grace Hopper": (  # US Navy, public domain
        _MATPLOTLIB,
        Original(
            name="grace_hopper.jpg",
            bytes=61306,
            sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
            member="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        ),
    ),
    "Eileen Collins": (  # NASA, public domain
        _SCIKIT_IMAGE,
        Original(
            name="astronaut.png",
            bytes=791555,
            sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            member="skimage/data/astronaut.png",
        ),
    ),
}


def fetch_portraits(directory: Path) -> dict[str, Path]:
    """Name -> photo in ``directory``; what is there and intact already is not fetched again.

    Raises:
        ModelError: pip cannot get a package.
        OutputError: the directory cannot be written.
    """
    photos = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, (package, original) in PORTRAITS.items():
            photo = photos[name] = directory / original.name
            if photo.is_file() and hashlib.sha256(photo.read_bytes()).hexdigest() == original.sha256:
                continue
            with tempfile.TemporaryDirectory(dir=directory) as work:
                photo.write_bytes(read_member(fetch_package(package, Path(work)), original))
    except OSError as error:
        raise OutputError(f"{directory}: {error.strerror}", "choose another folder") from error
    return photos
