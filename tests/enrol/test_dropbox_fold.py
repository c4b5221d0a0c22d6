"""Folding a run of Dropbox's entries: by hand, and against the stand-in's own account of what is there."""

from __future__ import annotations

import contextlib
from typing import Any

from dropbox.files import DeletedMetadata, FileMetadata, FolderMetadata, ListFolderResult_validator
from hypothesis import given, settings
from hypothesis import strategies as st
from stone.backends.python_rsrc import stone_serializers

from doorctl.enrol.dropbox_fold import Fold
from tests.enrol.standin_state import State
from tests.enrol.standin_tree import LookupFailedError, WriteFailedError, dbid


def file(path: str) -> FileMetadata:
    return FileMetadata(
        name=path, path_display=path, path_lower=path.lower(), size=1, rev="0" * 9, content_hash="0" * 64
    )


def gone(path: str) -> DeletedMetadata:
    return DeletedMetadata(name=path, path_display=path, path_lower=path.lower())


def folder(path: str) -> FolderMetadata:
    return FolderMetadata(name=path, path_display=path, path_lower=path.lower())


def folded(*metadata: object) -> Fold:
    fold = Fold("/P")
    for one in metadata:
        fold.add(one)
    return fold


def test_later_entries_win() -> None:
    """Added, then deleted, is deleted; a deleted folder takes what was told below it, and no neighbour."""
    files = [file(path) for path in ("/P/a.jpg", "/P/G/a.jpg", "/P/Ga.jpg")]
    fold = folded(*files, gone("/P/a.jpg"), gone("/P/G"), folder("/P/N"))
    assert (set(fold.files), set(fold.deleted), fold.unclear) == ({"ga.jpg"}, {"a.jpg", "g"}, False)


def test_what_comes_back_is_there_and_unclear() -> None:
    """Deleted, then added, is an entry; so is what comes below a deleted folder. Only a listing is safe."""
    for again in ("/P/G.jpg", "/P/G.jpg/a.jpg", "/P/G.jpg/b/c.jpg"):
        fold = folded(gone("/P/G.jpg"), file(again))
        assert set(fold.files) == {again.removeprefix("/P/").lower()}
        assert fold.unclear


def test_files_and_folders_oust_each_other() -> None:
    """A path that turns from file to folder is a deleted file; from folder to file, nothing is below it."""
    fold = folded(file("/P/a"), folder("/P/A"))
    assert (set(fold.files), set(fold.deleted)) == (set(), {"a"})
    assert set(folded(file("/P/a/b/c"), file("/P/a")).files) == {"a"}
    assert folded(folder("/P/Grace.jpg")).unclear
    assert folded(file("/P/Grace")).unclear
    assert not folded(folder("/P/Grace M. Hopper")).unclear


def test_the_folder_itself() -> None:
    """Its own entry is no file; its deletion takes everything, and may not be the last word."""
    fold = folded(folder("/P"), file("/P/a"), gone("/P"))
    assert (fold.files, fold.unclear) == ({}, True)


def test_what_is_not_mounted_is_left_out() -> None:
    """An entry without a path in this account is none."""
    fold = folded(FileMetadata(name="a", size=1, rev="0" * 9))
    assert fold.files == {}


NAMES = st.sampled_from(
    ["/P/a", "/P/a.jpg", "/P/a.jpg/x.jpg", "/P/b", "/P/a/x", "/P/a/y.jpg", "/P/b/a/x.jpg", "/P/A", "/Q", "/P"]
)
STEPS = st.tuples(st.sampled_from(["put", "mkdir", "delete", "look"]), NAMES)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=30), st.integers(1, 5))
def test_whatever_happens_the_result_is_what_is_there(steps: list[tuple[str, str]], page: int) -> None:
    """Whoever applies each result, deletions and entries in either order, has the very files there are."""
    state = State(dbid("owner"))
    state.mkdir("/P")
    state.page = page
    known: dict[str, str] = {}
    cursor = ""
    for act, path in [*steps, ("look", "")]:
        with contextlib.suppress(LookupFailedError, WriteFailedError):
            if act == "put":
                state.put(path, path.encode())
            elif act != "look":
                getattr(state, act)(path)
        if act != "look":
            continue
        try:
            cursor, known = applied(state, cursor, known)
        except LookupFailedError:
            continue  # the folder has gone, which is an error and changes nothing
        there = [name for name in state.paths() if name.lower().startswith("/p/")]
        assert sorted(known) == sorted(name.lower().removeprefix("/p/") for name in there)


def applied(state: State, cursor: str, known: dict[str, str]) -> tuple[str, dict[str, str]]:
    """What a reader knows after a look, and its new cursor."""
    fold, new = run(state, cursor)
    if cursor and not fold.unclear:
        for gone_key in fold.deleted:
            assert not any(f"{key}/".startswith(f"{gone_key}/") for key in fold.files)
            known = {key: value for key, value in known.items() if not f"{key}/".startswith(f"{gone_key}/")}
        for file_key in fold.files:  # a file ousts a folder, and what is in it
            known = {key: value for key, value in known.items() if not key.startswith(f"{file_key}/")}
        return new, known | {key: entry.hash for key, entry in fold.files.items()}
    if cursor:
        fold, new = run(state, "")
    return new, {key: entry.hash for key, entry in fold.files.items()}


def run(state: State, cursor: str) -> tuple[Fold, str]:
    """All pages, as the SDK would give them."""
    fold = Fold("/P")
    page = state.list_more(cursor) if cursor else state.list_folder("/P", recursive=True)
    while True:
        decode: Any = stone_serializers.json_compat_obj_decode
        result = decode(ListFolderResult_validator, page, strict=False)
        for metadata in result.entries:
            fold.add(metadata)
        if not result.has_more:
            return fold, result.cursor
        page = state.list_more(result.cursor)
