"""A Dropbox folder that is opened on the stand-in, with little patience."""

from __future__ import annotations

from typing import Any

from doorctl.enrol.dropbox import DropboxFolder
from doorctl.enrol.dropbox_client import Hosts, Timeouts
from doorctl.enrol.source import Entry, PhotoSource
from doorctl.enrol.token import Token
from tests.enrol.standin import StandIn

QUICK = Timeouts(connect=5, read=2.0, longpoll_grace=0.4, longpoll_again=0.0, retries=0)


def opened(standin: StandIn, folder: str = "/Photos", token: str = "", **options: Any) -> DropboxFolder:
    """The folder, asked once and with little patience."""
    hosts = Hosts(standin.host, standin.host, standin.host, standin.host, str(standin.ca_file))
    settings = {"timeouts": QUICK, "hosts": hosts, **options}
    return DropboxFolder(standin.app_key, folder, Token(token or standin.refresh_token), **settings)


def listed(source: PhotoSource) -> dict[str, Entry]:
    """Everything, by key."""
    return {entry.key: entry for entry in source.changes(None).entries}
