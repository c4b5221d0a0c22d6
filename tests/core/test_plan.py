"""From a look at the folder to what there is to do, for every folder and every way that it may change."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from doorctl.core.filing import Filed, Mark, file_of
from doorctl.core.listing import Changes, Entry
from doorctl.core.names import name_key
from doorctl.core.plan import Known, Plan, Rules, State, most_removals, plan

RULES = Rules()
PATHS = (
    "Ann-1.jpg",
    "Ann-2.jpg",
    "Ann-DENY",
    "Bob-1.jpg",
    "Bob/x.jpg",
    "Bob/sub/x.jpg",
    "Jean-Luc-DENY.txt",
    "IMG_1.jpg",
    "notes.txt",
    ".hidden",
    "_doorctl/door.md",
    "-1.jpg",
)
Folder = dict[str, Entry]


def entry(path: str, content: int = 0, size: int = 1000) -> Entry:
    return Entry(path, path.lower(), size, f"{content:064x}")


folders = st.dictionaries(st.sampled_from(PATHS), st.integers(0, 2)).map(
    lambda found: {path.lower(): entry(path, content) for path, content in found.items()}
)


def everything(folder: Folder) -> Changes:
    return Changes(tuple(folder.values()), (), "", complete=True)


def difference(before: Folder, after: Folder) -> Changes:
    """What a source with cursors tells."""
    entries = tuple(e for key, e in after.items() if before.get(key) != e)
    return Changes(entries, tuple(before.keys() - after.keys()), "", complete=False)


def done(known: dict[str, Known], todo: Plan, refused: frozenset[str] = frozenset()) -> dict[str, Known]:
    """What is known once a plan has been carried out; photos of some contents cannot be used."""
    after = dict(known)
    for key in todo.gone:
        was = after[key]
        if was.state in (State.TAKEN, State.MARK):
            after[key] = replace(was, gone=True)
        else:
            del after[key]
    for found in todo.back:
        after[found.key] = replace(after[found.key], entry=found, gone=False)
    for found, mark in todo.marks:
        after[found.key] = Known(found, State.MARK, name_key(mark.name))
    for found, name, _ in todo.refused:
        after[found.key] = Known(found, State.REFUSED, name_key(name) if name else "")
    for wanted in todo.wanted:
        state = State.REFUSED if wanted.entry.hash in refused else State.TAKEN
        after[wanted.entry.key] = Known(wanted.entry, state, name_key(wanted.name))
    return after


@given(st.lists(folders, min_size=1, max_size=5))
def test_a_plan_that_is_done_leaves_nothing_to_do(course: list[Folder]) -> None:
    """However the folder changes, the same look twice asks for nothing the second time."""
    known: dict[str, Known] = {}
    for folder in course:
        known = done(known, plan(known, everything(folder), RULES))
        assert plan(known, everything(folder), RULES).empty


@given(st.lists(folders, min_size=1, max_size=5), st.sets(st.integers(0, 2)))
def test_what_changed_and_what_there_is_come_to_the_same(course: list[Folder], bad: set[int]) -> None:
    """A cursor that is lost, and everything listed again, changes nothing of what is known."""
    refused = frozenset(f"{content:064x}" for content in bad)
    by_steps: dict[str, Known] = {}
    at_once: dict[str, Known] = {}
    before: Folder = {}
    for folder in course:
        by_steps = done(by_steps, plan(by_steps, difference(before, folder), RULES), refused)
        at_once = done(at_once, plan(at_once, everything(folder), RULES), refused)
        before = folder
    assert by_steps == at_once


@given(st.lists(folders, min_size=1, max_size=5))
def test_every_mark_in_the_folder_denies(course: list[Folder]) -> None:
    """After any course of changes there is a mark for each DENY, and every other is known to have gone."""
    known: dict[str, Known] = {}
    for folder in course:
        known = done(known, plan(known, everything(folder), RULES))
    there = {
        key for key, found in course[-1].items() if isinstance(file_of(found.path, ends_at="first"), Mark)
    }
    assert {key for key, one in known.items() if one.state is State.MARK and not one.gone} == there


@given(st.lists(folders, min_size=1, max_size=5))
def test_nothing_is_fetched_twice_and_nothing_that_is_there_goes(course: list[Folder]) -> None:
    """A photo is wanted once for each content that it has; what stays in the folder is never given up."""
    known: dict[str, Known] = {}
    for folder in course:
        todo = plan(known, everything(folder), RULES)
        for wanted in todo.wanted:
            was = known.get(wanted.entry.key)
            assert was is None or was.entry.hash != wanted.entry.hash
            meaning = file_of(wanted.entry.path, ends_at="first")
            assert isinstance(meaning, Filed)
        assert not set(todo.gone) & {key for key, f in folder.items() if file_of(f.path, ends_at="first")}
        known = done(known, todo)


def test_a_deleted_folder_takes_all_below_it_and_nothing_beside_it() -> None:
    """Dropbox tells of the folder alone; a name that only begins alike stays."""
    folder = {e.key: e for e in map(entry, ("Bob/1.jpg", "Bob/2.jpg", "Bob.jpg", "Bobby/1.jpg"))}
    known = done({}, plan({}, everything(folder), RULES))
    todo = plan(known, Changes((), ("bob",), "", complete=False), RULES)
    assert todo.gone == ("bob/1.jpg", "bob/2.jpg")


def test_a_file_where_a_folder_was_ousts_what_was_in_it() -> None:
    """Dropbox may tell of the file alone: nobody may keep access by a photo that is nowhere any more."""
    one = entry("x.jpg/a.jpg")
    known = done({}, plan({}, everything({one.key: one}), RULES))
    todo = plan(known, Changes((entry("x.jpg"),), (), "", complete=False), RULES)
    assert todo.gone == ("x.jpg/a.jpg",)


def test_what_failed_is_tried_again_when_it_is_time_though_nothing_changed() -> None:
    """A photo that was parked does not wait for somebody to touch it."""
    one = entry("Ann-1.jpg")
    parked = {one.key: Known(one, State.PARKED, "ann")}
    nothing = Changes((), (), "", complete=False)
    assert plan(parked, nothing, RULES).empty
    due = {one.key: replace(parked[one.key], again=True)}
    assert [wanted.entry for wanted in plan(due, nothing, RULES).wanted] == [one]
    gone = Changes((), (one.key,), "", complete=False)
    assert plan(due, gone, RULES).wanted == ()


def test_new_nets_want_every_photo_again() -> None:
    """A template of other nets compares with nothing: the photo is looked at anew, under the same name."""
    one = entry("Ann-1.jpg")
    known = {one.key: Known(one, State.TAKEN, "ann", learnt=False)}
    assert [wanted.name for wanted in plan(known, everything({one.key: one}), RULES).wanted] == ["Ann"]


def test_another_rule_for_names_files_a_photo_anew() -> None:
    """With the name ending at the last hyphen Jean-Luc gets his photo, and Jean loses it."""
    one = entry("Jean-Luc-1.jpg")
    known = done({}, plan({}, everything({one.key: one}), RULES))
    assert known[one.key].person == "jean"
    todo = plan(known, everything({one.key: one}), Rules(ends_at="last"))
    assert [wanted.name for wanted in todo.wanted] == ["Jean-Luc"]


def test_a_file_too_large_is_refused_before_it_is_fetched() -> None:
    """Its size stands in the listing; the words say what is allowed."""
    todo = plan({}, Changes((entry("Ann-1.jpg", size=6_000_000),), (), "", complete=True), RULES)
    assert todo.wanted == ()
    ((_, name, refusal),) = todo.refused
    assert (name, refusal.why) == ("Ann", "the file has 6.0 MB, 5 are allowed")


def test_how_many_removals_are_too_many() -> None:
    """One at least, a fifth of the people, five at most."""
    assert [most_removals(people) for people in (0, 1, 9, 10, 24, 25, 1000)] == [1, 1, 1, 2, 4, 5, 5]
