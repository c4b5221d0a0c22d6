"""Dropbox on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.enrol.standin import Authority, StandIn


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The stand-in's certificate, made once as that takes a while."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy before the stand-in, and no bundle in place of the certificate that the SDK is given.

    ``requests`` lets ``REQUESTS_CA_BUNDLE`` win over what a session is told.
    """
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "localhost")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def standin(authority: Authority, direct: None) -> Iterator[StandIn]:
    """An empty Dropbox whose longpolls take a hundredth of their time."""
    with StandIn(authority, longpoll_scale=0.01) as standin:
        yield standin
