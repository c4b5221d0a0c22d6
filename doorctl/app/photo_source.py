"""The folder that people are learnt from, as the configuration names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from doorctl.enrol.source import PhotoSource
from doorctl.errors import ConfigError

if TYPE_CHECKING:
    from doorctl.app.settings import Settings


def open_photos(settings: Settings) -> PhotoSource:
    """What ``photos.source`` names; nothing is asked over the network yet.

    Raises:
        ConfigError: it names nothing.
        SourceError: the folder cannot be used: there is no token for Dropbox, or no such directory.
    """
    photos = settings.config.photos
    kind, _, path = photos.source.partition(":")
    if kind == "folder":
        from doorctl.enrol.folder import FolderSource

        return FolderSource(Path(path).expanduser())
    if kind == "none":
        raise ConfigError("no folder of photos", "set photos.source to dropbox or to folder:/full/path")
    from doorctl.enrol.dropbox import DropboxFolder
    from doorctl.enrol.token import find_token

    return DropboxFolder(
        photos.app_key,
        photos.folder,
        find_token(os.environ, settings.data),
        longpoll=photos.longpoll,
        poll_seconds=photos.poll_seconds,
    )
