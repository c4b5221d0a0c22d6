"""Opening the store that belongs to the settings."""

from __future__ import annotations

from doorctl import paths
from doorctl.app.settings import Settings
from doorctl.errors import StoreError
from doorctl.store.database import Store
from doorctl.store.sealing import Vault, find_key


def open_store(settings: Settings, *, create: bool = True, busy_seconds: float = 5.0) -> Store:
    """Open the database, with the key that templates are encrypted with, if there is one.

    A key that cannot be used is told by whatever needs a template, and keeps nothing else from working.

    Args:
        settings: whose ``data`` directory it is in, and who names the key.
        create: make it, and the user's own default place for it, if need be.
        busy_seconds: how long to wait for another program that is writing.

    Raises:
        StoreError: it cannot be made, opened or used.
    """
    try:
        if create:
            paths.make_ready(settings.data)
    except OSError as error:
        raise StoreError(
            f"{error.filename}: {error.strerror}", "make the directory, or name another with --data"
        ) from error
    return Store(settings.data, create=create, busy_seconds=busy_seconds, vault=vault_for(settings))


def vault_for(settings: Settings) -> Vault:
    """The key that templates are encrypted with here, as far as there is one."""
    directory, private = paths.credentials_dir(settings.place)
    return find_key(directory, settings.config.store.key_file, private=private)
