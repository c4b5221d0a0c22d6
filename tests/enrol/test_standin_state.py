"""The stand-in's listings, whatever happens between two pages of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.enrol.standin_state import State
from tests.enrol.standin_tree import Json, LookupFailedError, WriteFailedError, dbid, key_of

PATHS = ["/P/a.jpg", "/p/A.JPG", "/P/Ann/1.jpg", "/P/ann/2.jpg", "/P/Ann", "/P/Bob", "/P/Bob/Ann/1.jpg", "/x"]
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(PATHS), st.just("")),
    st.tuples(st.just("delete"), st.sampled_from([*PATHS, "/P"]), st.just("")),
    st.tuples(st.just("mkdir"), st.sampled_from(PATHS), st.just("")),
    st.tuples(st.just("move"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.tuples(st.just("page"), st.just(""), st.just("")),
)


class Replica:
    """A client that follows the rules of list_folder's documentation, entry by entry."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def learn(self, entry: Json) -> None:
        key = entry["path_lower"]
        if entry[".tag"] != "folder":
            self.files = {k: v for k, v in self.files.items() if not f"{k}/".startswith(f"{key}/")}
        else:
            self.files.pop(key, None)
        if entry[".tag"] == "file":
            self.files[key] = entry["rev"]


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(STEPS, max_size=25), page=st.integers(1, 4), folder=st.sampled_from(["", "/P"]))
def test_a_client_that_follows_the_rules_knows_everything(
    steps: list[tuple[str, str, str]], page: int, folder: str
) -> None:
    """Through any changes between any pages, the replica ends as the state is."""
    state, replica = State(dbid("the user")), Replica()
    state.page = page
    state.put("/P/Ann/0.jpg", b"")
    state.put("/P/Bob/0.jpg", b"")
    answer = state.list_folder(folder, recursive=True)
    for number, (what, path, other) in enumerate([*steps, ("mkdir", "/P", ""), ("all", "", "")]):
        try:
            if what == "put":
                state.put(path, b"%d" % number)
            elif what == "mkdir":
                state.mkdir(path)
            elif what == "delete":
                state.delete(path)
            elif what == "move":
                state.move(path, other)
            elif what == "page":
                for entry in answer["entries"]:
                    replica.learn(entry)
                answer["entries"] = []
                answer = state.list_more(answer["cursor"])
        except (LookupFailedError, WriteFailedError, ValueError):
            continue
    while True:
        assert len(answer["entries"]) <= page
        for entry in answer["entries"]:
            replica.learn(entry)
        if not answer["has_more"] and not state.wait(answer["cursor"], 0.0, lambda: True):
            break
        answer = state.list_more(answer["cursor"])
    there = {key_of(p): state.find(p).rev for p in state.paths()}
    assert replica.files == {k: rev for k, rev in there.items() if k.startswith(f"{folder.lower()}/")}
