"""Public-domain pictures, as two development packages carry them: two portraits, and no person."""

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


def cat_file() -> Path:
    """Chelsea the cat, looking into the camera, as scikit-image carries her (CC0)."""
    return _in_package("skimage", "data/chelsea.png")


def coffee_file() -> Path:
    """A cup of coffee, as scikit-image carries it (CC0)."""
    return _in_package("skimage", "data/coffee.png")
