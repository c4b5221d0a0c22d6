"""The Dropbox token: where it is looked for, who may read it, and that it shows nowhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.enrol.source import SourceError
from doorctl.enrol.token import NAME, VARIABLE, Token, find_token, forget_token, save_token
from doorctl.errors import StoreError

SECRET = "rT0ken-of_64.characters"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A process whose files would be for all to read and write."""
    old = os.umask(0)
    yield
    os.umask(old)


def kept(directory: Path, text: str, mode: int = 0o600) -> Path:
    file = directory / NAME
    file.write_text(text)
    file.chmod(mode)
    return file


def test_systemd_goes_before_the_environment_before_the_file(tmp_path: Path) -> None:
    """The first place that has a token wins; each is told by name, and only the file is ours to erase."""
    credentials, data = tmp_path / "credentials", tmp_path / "data"
    credentials.mkdir()
    data.mkdir()
    env = {"CREDENTIALS_DIRECTORY": str(credentials), VARIABLE: "from-variable"}
    kept(credentials, "from-systemd\n", 0o440)
    file = kept(data, "from-the-file\n")
    found = find_token(env, data)
    assert (found.refresh, found.file) == ("from-systemd", None)
    (credentials / NAME).unlink()
    found = find_token(env, data)
    assert (found.refresh, found.file) == ("from-variable", None)
    assert VARIABLE in found.origin
    found = find_token({VARIABLE: ""}, data)
    assert (found.refresh, found.file) == ("from-the-file", file)


def test_a_bad_token_does_not_let_a_later_one_through(tmp_path: Path) -> None:
    """An empty credential of systemd's is an error, not a reason to take another's token."""
    kept(tmp_path, "")
    with pytest.raises(SourceError, match="systemd's credentials is empty"):
        find_token({"CREDENTIALS_DIRECTORY": str(tmp_path), VARIABLE: SECRET}, tmp_path / "data")


def test_where_there_is_none_the_hint_is_to_login(tmp_path: Path) -> None:
    """Neither a directory without a token nor no directory at all is anything but: login."""
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SourceError, match="'doorctl dropbox login'"):
            find_token({}, directory)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    """The error names the mode and how to put it right."""
    kept(tmp_path, SECRET, mode)
    with pytest.raises(SourceError, match=f"mode 0{mode:o}.*chmod 600") as caught:
        find_token({}, tmp_path)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", ["directory", "link", "pipe"])
def test_only_a_plain_file_will_do(tmp_path: Path, kind: str) -> None:
    """A directory, a link, or a pipe that would block is refused at once."""
    file = tmp_path / NAME
    if kind == "directory":
        file.mkdir(mode=0o700)
    elif kind == "link":
        (tmp_path / "elsewhere").write_text(SECRET)
        (tmp_path / "elsewhere").chmod(0o600)
        file.symlink_to("elsewhere")
    else:
        os.mkfifo(file, 0o600)
    with pytest.raises(SourceError, match="plain file"):
        find_token({}, tmp_path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"short", "is no token"),
        (b"two words here", "is no token"),
        (b"one-line\nand-another", "is no token"),
        (b"\xff\xfe\x00garbage", "is no token"),
        (b"x" * 5000, "is no token"),
        (b"sl.B0123456789-access-token", "is an access token"),
    ],
)
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, content: bytes, word: str) -> None:
    """Empty, garbage, or the access token that the app's page makes: told, without what it was."""
    kept(tmp_path, "").write_bytes(content)
    with pytest.raises(SourceError, match=word) as caught:
        find_token({}, tmp_path)
    assert "garbage" not in str(caught.value)
    assert "B0123456789" not in str(caught.value)


def test_a_token_shows_neither_as_text_nor_as_repr() -> None:
    """Whoever logs a token logs where it came from."""
    token = Token(SECRET)
    for text in (str(token), repr(token), f"{token}", f"{[token]}"):
        assert SECRET not in text
        assert "login" in text


@pytest.mark.usefixtures("open_umask")
def test_a_saved_token_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, no other file left, and it is found again."""
    data = tmp_path / "data"
    file = save_token(data, Token(SECRET))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    save_token(data, Token("another-token"))
    assert [path.name for path in data.iterdir()] == [NAME]
    assert find_token({}, data).refresh == "another-token"


def test_saving_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    """A link that somebody planted leads the token nowhere."""
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / NAME).symlink_to("elsewhere")
    save_token(tmp_path, Token(SECRET))
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert not (tmp_path / NAME).is_symlink()


def test_a_token_that_cannot_be_saved_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where the file's place is taken, the error says so and no half-written token stays."""
    (tmp_path / NAME).mkdir()
    with pytest.raises(StoreError, match=NAME):
        save_token(tmp_path, Token(SECRET))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="writable"):
        save_token(tmp_path / "file", Token(SECRET))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_token_saved_by_root_is_the_doors(tmp_path: Path) -> None:
    """'sudo doorctl dropbox login' leaves a file that the directory's owner can read."""
    os.chown(tmp_path, 1234, 4321)
    state = save_token(tmp_path, Token(SECRET)).stat()
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (1234, 4321, 0o600)


def test_a_forgotten_token_is_gone(tmp_path: Path) -> None:
    """The file is erased, and it is told whether there was one."""
    save_token(tmp_path, Token(SECRET))
    assert forget_token(tmp_path)
    assert not forget_token(tmp_path)
    assert not forget_token(tmp_path / "missing")
    with pytest.raises(SourceError):
        find_token({}, tmp_path)
