"""Opening the store that belongs to the settings."""

from __future__ import annotations

from doorctl import paths
from doorctl.app.settings import Settings
from doorctl.errors import StoreError
from doorctl.store.database import Store


def open_store(settings: Settings) -> Store:
    """Open the database, and make it and the user's own default place for it if need be.

    Raises:
        StoreError: it cannot be made, opened or used.
    """
    try:
        paths.make_ready(settings.data)
    except OSError as error:
        raise StoreError(
            f"{error.filename}: {error.strerror}", "make the directory, or name another with --data"
        ) from error
    return Store(settings.data)
