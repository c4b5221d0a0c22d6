"""What several tests share: where the models and the development data are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """A directory that ``doorctl models install`` has filled; ``scripts/test`` names it."""
    named = os.environ.get("DOORCTL_MODELS")
    if not named or not Path(named, "models.json").is_file():
        pytest.skip("no models: set DOORCTL_MODELS to a directory that 'doorctl models install' has filled")
    return Path(named)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data, which is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no development data at {SHARED.name}/ beside the project")
    return SHARED
