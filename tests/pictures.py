"""The two public-domain portraits, as two development packages carry them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def _in_package(package: str, member: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / member


def hopper_file() -> Path:
    """Grace Hopper, US Navy (public domain), as matplotlib carries her."""
    return _in_package("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")


def astronaut_file() -> Path:
    """Eileen Collins, NASA (public domain), as scikit-image carries her."""
    return _in_package("skimage", "data/astronaut.png")
