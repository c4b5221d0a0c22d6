"""A folder of photos and the people that it makes, round by round: real files, real nets, the real store."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorctl.app.settings import Settings
from doorctl.app.state import open_store
from doorctl.app.sync import Round, Sync
from doorctl.app.sync_status import statuses, write_receipt
from doorctl.core.decision import EventKind
from doorctl.core.listing import Entry
from doorctl.core.receipt import file_words, person_words
from doorctl.core.records import Image
from doorctl.enrol.content_hash import content_hash
from doorctl.enrol.folder import FolderSource
from doorctl.models.install import load
from doorctl.store import files
from doorctl.store.database import Store
from doorctl.store.records import NewPhoto
from doorctl.vision.photo import read_photo
from tests.pictures import astronaut_file, cat_file, hopper_file

HOPPER, COLLINS = "Grace Hopper", "Eileen Collins"


def jpeg(photo: Path, *, flip: bool = False, dim: float = 1.0, crop: int = 0) -> bytes:
    """A portrait, changed so that it is another file and the same person."""
    image = read_photo(photo)
    image = image[crop:, crop // 2 :] if crop else image
    image = np.ascontiguousarray(image[:, ::-1]) if flip else image
    return cv2.imencode(".jpg", (image * dim).astype(np.uint8))[1].tobytes()


class Counted(FolderSource):
    """A folder that remembers what was fetched from it."""

    def __init__(self, path: Path, *, settle_seconds: float) -> None:
        super().__init__(path, settle_seconds=settle_seconds)
        self.fetched: list[str] = []

    def fetch(self, entry: Entry, limit: int) -> bytes:
        self.fetched.append(entry.path)
        return super().fetch(entry, limit)


class World:
    """A folder, a store, and what has been fetched."""

    def __init__(self, place: Path, store: Store, settings: Settings) -> None:
        self.folder, self.store, self.settings = place / "photos", store, settings
        self.folder.mkdir(exist_ok=True)
        self.source = Counted(self.folder, settle_seconds=0.0)
        self.fetched = self.source.fetched
        self._seen = 0

    def drop(self, path: str, content: bytes = b"") -> None:
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)

    def make(self, *names: str) -> None:
        """People with made-up templates, and files that stand behind them."""
        rng = np.random.default_rng(len(names))
        model = load(self.settings.models, prefer=None).embedder.card.name
        for name in names:
            content = name.encode()
            self.drop(f"{name}-1.jpg", content)
            vector = rng.standard_normal(256).astype(np.float32)
            sha256 = hashlib.sha256(content).hexdigest()
            unit = vector / np.linalg.norm(vector)
            photo = NewPhoto(sha256, f"{name}-1.jpg", model, unit, foldered=True)
            entry = Entry(f"{name}-1.jpg", f"{name}-1.jpg", len(content), content_hash(content))
            with self.store.undisturbed() as db:
                self.store.enrol(name, [photo])
                files.put_taken(db, entry, name, sha256, waits=False)

    def take(self, *paths: str) -> None:
        for path in paths:
            (self.folder / path).unlink()

    def round(self, **options: bool) -> Round:
        self.fetched.clear()
        return Sync(self.settings, self.source, self.store).round(**options)

    def people(self) -> dict[str, str]:
        return {person.name: person_words(person) for person in statuses(self.store)[1]}

    def results(self) -> dict[str, str]:
        found, people = statuses(self.store)
        names = {person.id: person.name for person in people}
        return {status.path: " ".join(filter(None, file_words(status, names))) for status in found}

    def events(self) -> list[tuple[str, str | None]]:
        """Kind and person of what has been recorded since the last call."""
        found = self.store.events(after_id=self._seen)
        self._seen = found[-1].id if found else self._seen
        return [(event.kind, event.person) for event in found]


def world_of(place: Path, photos: str = "{}") -> Iterator[World]:
    data = place / "data"
    data.mkdir()
    (data / "doorctl.yaml").write_text(f"photos: {photos}\n")
    settings = Settings.find(None, data)
    with open_store(settings) as store:
        yield World(place, store, settings)


@pytest.fixture
def world(tmp_path: Path, models_dir: Path) -> Iterator[World]:
    yield from world_of(tmp_path)


def test_photos_become_people_and_each_refusal_says_why(world: World) -> None:
    """First photos enrol, later ones add, and whatever cannot be used is told in words with a way out."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{HOPPER}-2.jpg", jpeg(hopper_file(), flip=True))
    world.drop(f"{COLLINS}/IMG_1234.jpg", jpeg(astronaut_file()))
    world.drop("IMG_1234.jpg", jpeg(astronaut_file(), flip=True))
    world.drop("Chelsea-1.png", cat_file().read_bytes())
    world.drop("Broken-1.jpg", jpeg(hopper_file())[:1000])
    world.drop("Empty-1.jpg")
    world.drop("Drawn-1.svg", b"<svg/>")
    world.drop("Impostor-1.jpg", jpeg(hopper_file(), dim=0.9))
    done = world.round()
    assert world.people() == {HOPPER: "let in", COLLINS: "let in"}
    assert done.done == {"enrolled": 3, "refused": 6}
    results = world.results()
    assert results[f"{HOPPER}-2.jpg"] == "accepted"
    for path, words in {
        "IMG_1234.jpg": "camera",
        "Chelsea-1.png": "no face",
        "Broken-1.jpg": "damaged",
        "Empty-1.jpg": "is empty",
        "Drawn-1.svg": ".svg",
        "Impostor-1.jpg": f"known already, as {HOPPER}",
    }.items():
        assert results[path].startswith("refused"), path
        assert words in results[path]
    assert [kind for kind, _ in world.events()].count(EventKind.PHOTO_REFUSED) == 6
    assert world.round().quiet
    assert world.fetched == []


def test_a_mark_shuts_out_and_outlives_the_photos(world: World) -> None:
    """While DENY stands she is denied and her face known, though every photo goes; then nothing is left."""
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.round()
    world.events()
    world.drop("grace hopper - deny (1).txt")
    world.round()
    assert world.people()[HOPPER] == "denied"
    assert world.events() == [(EventKind.PERSON_DENIED, HOPPER)]
    world.take(f"{HOPPER}-1.jpg")
    world.drop("Somebody Else-1.jpg", jpeg(hopper_file(), flip=True))
    world.round()
    assert world.people() == {COLLINS: "let in", HOPPER: "denied"}
    assert f"as {HOPPER}, who is denied" in world.results()["Somebody Else-1.jpg"]
    assert world.results()[f"{HOPPER}-1.jpg"].startswith("deleted the removal waits")
    world.take("grace hopper - deny (1).txt")
    world.round()
    assert HOPPER not in world.people()


def test_taking_the_mark_away_restores(world: World) -> None:
    """With her photos still there she is let in again, and nothing is fetched for it."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{HOPPER}-DENY")
    world.round()
    assert world.people() == {HOPPER: "denied"}
    assert world.events() == [(EventKind.PERSON_ENROLLED, HOPPER), (EventKind.PERSON_DENIED, HOPPER)]
    world.take(f"{HOPPER}-DENY")
    world.round()
    assert world.people() == {HOPPER: "let in"}
    assert world.events() == [(EventKind.PERSON_ALLOWED, HOPPER)]
    assert world.fetched == []


def test_an_operators_denial_is_not_lifted_by_the_folder_nor_the_other_way_round(world: World) -> None:
    """Each word against a person stands until whoever spoke it takes it back."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{HOPPER}-DENY")
    world.round()
    world.store.set_denied(HOPPER, True)
    world.take(f"{HOPPER}-DENY")
    world.round()
    assert world.people() == {HOPPER: "denied"}
    world.drop(f"{HOPPER}-DENY")
    world.round()
    world.store.set_denied(HOPPER, False)
    assert world.people() == {HOPPER: "denied"}
    assert world.store.person(HOPPER).marks == (f"{HOPPER}-DENY",)


def test_a_deleted_photo_takes_its_template_and_the_last_one_the_person(world: World) -> None:
    """One by one: fewer templates, then nobody, and the name is erased with them."""
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    for number, flip in ((1, False), (2, True)):
        world.drop(f"{HOPPER}-{number}.jpg", jpeg(hopper_file(), flip=flip))
    world.round()
    world.take(f"{HOPPER}-1.jpg")
    world.round()
    assert world.store.person(HOPPER).photos == 1
    world.take(f"{HOPPER}-2.jpg")
    world.round()
    assert world.people() == {COLLINS: "let in"}
    assert world.events()[-1][0] == EventKind.PERSON_REVOKED
    assert all(
        HOPPER.encode() not in file.read_bytes() for file in world.store.path.parent.glob("doorctl.db*")
    )


def test_an_emptied_folder_waits_for_a_word(world: World) -> None:
    """Nobody is locked out by it, no mark is lifted by it; with the word given, all goes."""
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{HOPPER}-DENY")
    world.round()
    world.take(f"{COLLINS}-1.jpg", f"{HOPPER}-1.jpg", f"{HOPPER}-DENY")
    assert world.round().held_back == (COLLINS, HOPPER)
    assert world.people() == {COLLINS: "let in", HOPPER: "denied"}
    assert (EventKind.REMOVALS_HELD, None) in world.events()
    world.drop("Late-1.txt")  # the rest goes on meanwhile
    world.round()
    assert world.results()["Late-1.txt"].startswith("refused")
    assert world.people() == {COLLINS: "let in", HOPPER: "denied"}
    world.round(accept=True)
    assert world.people() == {}


def test_more_than_a_fifth_at_once_wait_and_so_do_many_one_by_one(world: World) -> None:
    """Of seven people one may go in ten minutes; two wait, whether together or one after the other."""
    world.make("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus")
    assert world.round().quiet
    world.take("Ann-1.jpg", "Bob-1.jpg")
    assert world.round().held_back == ("Ann", "Bob")
    world.drop("Ann-1.jpg", b"Ann")
    assert world.round().held_back == ()
    assert set(world.people()) == {"Ann", "Cid", "Dan", "Eve", "Fay", "Gus"}
    world.take("Cid-1.jpg")
    assert world.round().held_back == ("Cid",)
    assert world.people()["Cid"] == "let in"


def test_any_number_may_be_renamed_at_once(world: World) -> None:
    """Whoever tidies the folder's names locks nobody out and waits for nobody."""
    world.make("Ann", "Bob", "Cid", "Dan", "Eve")
    world.round()
    for name in ("Ann", "Bob", "Cid"):
        (world.folder / f"{name}-1.jpg").rename(world.folder / f"{name} Smith-1.jpg")
    assert world.round().held_back == ()
    assert set(world.people()) == {"Ann Smith", "Bob Smith", "Cid Smith", "Dan", "Eve"}
    assert world.fetched == []


def test_what_comes_back_before_the_word_is_as_it_was(world: World) -> None:
    """A stick that is put in again, a slip that is undone: nobody is fetched anew, nobody waits any more."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.round()
    content = (world.folder / f"{HOPPER}-1.jpg").read_bytes()
    world.take(f"{HOPPER}-1.jpg")
    assert world.round().held_back == (HOPPER,)
    world.drop(f"{HOPPER}-1.jpg", content)
    assert world.round().held_back == ()
    assert world.fetched == []
    assert world.people() == {HOPPER: "let in"}


def test_a_rename_moves_the_person_without_a_fetch(world: World) -> None:
    """The old name goes and the new one is let in at once; it counts as no removal, even of the last one."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.round()
    (known,) = world.store.photos(HOPPER)
    (world.folder / f"{HOPPER}-1.jpg").rename(world.folder / "Rear Admiral Hopper-1.jpg")
    done = world.round()
    assert (world.people(), world.fetched) == ({"Rear Admiral Hopper": "let in"}, [])
    assert done.held_back == ()
    assert [photo.quality for photo in world.store.photos("Rear Admiral Hopper")] == [known.quality]
    assert known.quality


def test_a_copy_needs_no_fetch_and_gives_nobody_else_the_face(world: World) -> None:
    """The same bytes again, for the same person and for another: only whose they are is let in."""
    for path in (f"{HOPPER}-1.jpg", f"{HOPPER}-2.jpg", "Impostor-1.jpg"):
        world.drop(path, jpeg(hopper_file()))
    world.round()
    assert (world.people(), world.fetched) == ({HOPPER: "let in"}, [f"{HOPPER}-1.jpg"])
    assert "known already" in world.results()["Impostor-1.jpg"]
    assert world.store.person(HOPPER).photos == 1


def test_a_face_that_becomes_free_goes_to_whoever_waited_first(world: World) -> None:
    """Not to who came in the same round as the deletion, only because that photo was at hand."""
    world.drop("Ann-1.jpg", jpeg(hopper_file()))
    world.drop("Bea-1.jpg", jpeg(hopper_file(), flip=True))
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    world.round()
    world.take("Ann-1.jpg")
    world.drop("Cleo-1.jpg", jpeg(hopper_file(), dim=0.9))
    world.round()
    assert world.people() == {"Bea": "let in", COLLINS: "let in"}
    assert "known already, as Bea" in world.results()["Cleo-1.jpg"]


def test_another_face_under_a_known_name_waits_for_an_operator(world: World) -> None:
    """Whoever drops CEO-2.jpg with an own face is not let in, but for an operator's word."""
    world.drop("CEO-1.jpg", jpeg(hopper_file()))
    world.round()
    world.drop("CEO-2.jpg", jpeg(astronaut_file()))
    assert world.round().done == {"held": 1}
    assert world.store.person("CEO").photos == 1
    assert world.results()["CEO-2.jpg"].startswith("waits")
    world.store.reject("CEO", [1])
    assert world.results()["CEO-2.jpg"].startswith("refused an operator")
    (world.folder / "CEO-2.jpg").rename(world.folder / "CEO-3.jpg")
    world.round()
    assert world.results()["CEO-3.jpg"].startswith("refused an operator")
    assert world.store.person("CEO").photos == 1


def test_a_changed_file_replaces_its_template_once_it_may(world: World) -> None:
    """A photo that is written over by another face does not take the person's access, and gives none."""
    world.drop("CEO-1.jpg", jpeg(hopper_file()))
    world.round()
    world.drop("CEO-1.jpg", jpeg(astronaut_file()))
    world.round()
    assert (world.store.person("CEO").photos, world.store.person("CEO").held) == (1, 1)
    world.drop("CEO-1.jpg", b"no picture at all")
    world.round()
    assert (world.store.person("CEO").photos, world.store.person("CEO").held) == (1, 0)
    world.drop("CEO-1.jpg", jpeg(hopper_file(), flip=True))
    world.round()
    assert [photo.held for photo in world.store.photos("CEO")] == [None]
    assert world.results()["CEO-1.jpg"] == "accepted"


def test_whom_an_operator_removed_the_folder_does_not_bring_back(world: World) -> None:
    """A full look at the folder finds the photos and leaves them; a new photo counts."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.round()
    world.store.forget(HOPPER)
    world.round()
    assert world.people() == {}
    assert "operator" in world.results()[f"{HOPPER}-1.jpg"]
    assert world.fetched == []
    world.drop(f"{HOPPER}-2.jpg", jpeg(hopper_file(), flip=True))
    world.round()
    assert world.people() == {HOPPER: "let in"}


def test_a_refused_double_is_looked_at_again_when_its_person_has_gone(world: World) -> None:
    """The face is free once the other name is gone: no need to drop the photo again."""
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    world.drop("A-1.jpg", jpeg(hopper_file()))
    world.drop("B-1.jpg", jpeg(hopper_file(), flip=True))
    world.round()
    assert "known already, as A" in world.results()["B-1.jpg"]
    world.take("A-1.jpg")
    world.round()
    world.round()
    assert world.people() == {COLLINS: "let in", "B": "let in"}


def test_of_many_photos_the_most_different_count(tmp_path: Path, models_dir: Path) -> None:
    """No more than photos.max_templates are compared; a spare one steps in when one of them goes."""
    for world in world_of(tmp_path, "{max_templates: 2}"):
        for number, dim in enumerate((1.0, 0.95, 0.9)):
            world.drop(f"{HOPPER}-{number}.jpg", jpeg(hopper_file(), dim=dim, flip=number == 2))
        world.round()
        assert world.store.person(HOPPER).photos == 2
        kept = [path for path, words in world.results().items() if words == "accepted"]
        assert f"{HOPPER}-2.jpg" in kept  # the mirrored one differs most
        world.take(kept[0])
        world.round()
        assert world.store.person(HOPPER).photos == 2


def test_approve_new_holds_the_first_photo_too(tmp_path: Path, models_dir: Path) -> None:
    """Nobody at all comes in by dropping a photo where the owner wants to see each first one."""
    for world in world_of(tmp_path, "{approve_new: true}"):
        world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
        world.round()
        assert world.people() == {HOPPER: "waits for an operator"}
        world.store.approve(HOPPER, [1])
        world.round()
        assert world.people() == {HOPPER: "let in"}


def test_with_keep_deletions_mean_nothing(tmp_path: Path, models_dir: Path) -> None:
    """For folders in which many may delete: photos and marks stay, until an operator says so."""
    for world in world_of(tmp_path, "{on_delete: keep}"):
        world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
        world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
        world.drop(f"{COLLINS}-DENY")
        world.round()
        world.take(f"{HOPPER}-1.jpg", f"{COLLINS}-DENY")
        world.round()
        assert world.people() == {HOPPER: "let in", COLLINS: "denied"}
        world.round(accept=True)
        assert world.people() == {COLLINS: "let in"}


def test_photos_enrolled_by_hand_are_not_the_folders(world: World) -> None:
    """What an operator enrolled stays though the same file was in the folder and has gone."""
    from doorctl.app.enrolment import photo_to_template
    from doorctl.app.wiring import open_eye

    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    world.round()
    by_hand = photo_to_template(open_eye(world.settings), world.folder / f"{HOPPER}-1.jpg")
    world.store.enrol(HOPPER, [by_hand])
    world.take(f"{HOPPER}-1.jpg")
    world.round()
    assert world.people() == {COLLINS: "let in", HOPPER: "let in"}


def test_the_receipt_is_in_the_folder_and_written_only_when_changed(world: World) -> None:
    """One page tells every photo and every person; hostile names are only text in it."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop("Evil|[x](http:__y)-1.jpg", b"x")
    world.round()
    assert write_receipt(world.store, world.source, "front door")
    page = (world.folder / "_doorctl" / "front door.md").read_text()
    assert f"| {HOPPER}-1.jpg | accepted |" in page
    assert "Evil\\|\\[x\\](http:\\_\\_y)-1.jpg | refused" in page
    assert f"| {HOPPER} | let in | 1 |" in page
    assert not write_receipt(world.store, world.source, "front door")
    assert world.round().quiet  # doorctl's own page is nobody's photo


def test_a_photo_written_over_by_a_file_too_large_counts_on(world: World) -> None:
    """Nobody loses access by a slip, or by somebody who writes over everything: that is no deletion."""
    world.make("Ann", "Bob", "Cid")
    world.round()
    for name in ("Ann", "Bob", "Cid"):
        world.drop(f"{name}-1.jpg", bytes(5_000_001))
    world.round()
    assert world.people() == dict.fromkeys(("Ann", "Bob", "Cid"), "let in")
    assert "counts on" in world.results()["Ann-1.jpg"]


def test_denying_everybody_first_is_no_way_round_the_guard(world: World) -> None:
    """People who are denied count among those who would be removed."""
    names = ("Ann", "Bob", "Cid", "Dan", "Eve", "Fay")
    world.make(*names)
    for name in names:
        world.drop(f"{name}-DENY")
    world.round()
    world.take(*(f"{name}{end}" for name in names[:5] for end in ("-1.jpg", "-DENY")))
    assert world.round().held_back == names[:5]
    assert world.people() == dict.fromkeys(names, "denied")


def test_renaming_people_away_one_by_one_is_no_way_round_the_guard(world: World) -> None:
    """A photo that is not accepted under its new name has not moved: it is a removal, and counted as one."""
    world.make("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus")
    world.round()
    held_back: list[str] = []
    for number, name in enumerate(("Ann", "Bob", "Cid")):
        (world.folder / f"{name}-1.jpg").rename(world.folder / f"Gus-{number}x.jpg")
        held_back += world.round().held_back
    assert held_back == ["Bob", "Bob", "Cid"]
    assert set(world.people()) == {"Bob", "Cid", "Dan", "Eve", "Fay", "Gus"}


def test_a_name_that_is_taken_over_is_no_way_round_the_guard(world: World) -> None:
    """Somebody else's photo under the name of a person who has gone does not make the removal undone."""
    world.make("Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus")
    world.round()
    world.take("Bob-1.jpg", "Cid-1.jpg")
    (world.folder / "Ann-1.jpg").rename(world.folder / "Bob-2.jpg")
    assert world.round().held_back == ("Ann", "Bob", "Cid")
    assert set(world.people()) == {"Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus"}
    assert {world.store.person(name).photos for name in ("Ann", "Bob", "Cid")} == {1}


def test_many_renames_are_done_a_few_at_a_time_and_keep_a_person_together(world: World) -> None:
    """However many there are, none is lost, doubled or taken for somebody else's on the way."""
    names = [f"Person {chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(37)]
    world.make(*names)
    world.round()
    for name in names:
        (world.folder / f"{name}-1.jpg").rename(world.folder / f"{name} Smith-1.jpg")
    done = world.round()
    assert (done.held_back, world.fetched) == ((), [])
    assert world.people() == {f"{name} Smith": "let in" for name in names}


def test_a_photo_that_is_only_called_otherwise_stays_what_it_is(world: World) -> None:
    """Under the same name nothing is judged anew: the person keeps the number, a held photo its hold."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{COLLINS}-1.jpg", jpeg(astronaut_file()))
    world.round()
    number = world.store.person(HOPPER).id
    (world.folder / f"{HOPPER}-1.jpg").rename(world.folder / f"{HOPPER}-portrait.jpg")
    world.events()
    assert world.round().done == {"gone": 1, "moved": 1}
    assert (world.store.person(HOPPER).id, world.events(), world.fetched) == (number, [], [])
    assert world.store.photos(HOPPER)[0].quality["size"] > 100


def test_one_file_that_breaks_the_program_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a decoder may throw at one photo: it is parked and told, and the rest goes on."""

    def decode(content: bytes, name: str, **limits: int) -> Image:
        if name.startswith("Aaa"):
            raise ZeroDivisionError
        return read_photo(content, name=name, **limits)

    monkeypatch.setattr("doorctl.app.enrolment.read_photo", decode)
    world.drop("Aaa-1.jpg", jpeg(astronaut_file()))
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    assert world.round().done == {"parked": 1, "enrolled": 1}
    assert "ZeroDivisionError" in world.results()["Aaa-1.jpg"]
    assert world.round().quiet


def test_a_mark_stays_with_whom_it_denies(world: World) -> None:
    """Nobody lifts it by making up a person who is called as the mark is spelt."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop(f"{HOPPER}-1-DENY.jpg")
    world.round()
    world.drop(f"{HOPPER}-1/x.jpg", jpeg(astronaut_file()))
    world.round()
    assert world.people()[HOPPER] == "denied"


def test_a_hyphenated_name_denies_nobody_else(world: World) -> None:
    """Jean is let in though Jean-Luc is not, where both are known."""
    world.drop("Jean-Luc/1.jpg", jpeg(hopper_file()))
    world.drop("Jean/1.jpg", jpeg(astronaut_file()))
    world.round()
    world.drop("Jean-Luc-DENY")
    world.round()
    assert world.people() == {"Jean": "let in", "Jean-Luc": "denied"}


def test_a_mark_that_denies_nobody_says_so(world: World) -> None:
    """A slip of the pen in a name must be seen, for whoever made it thinks the door shut."""
    world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
    world.drop("Grcae Hopper-DENY")
    world.round()
    assert world.results()["Grcae Hopper-DENY"].startswith("denies nobody")
    assert f"did you mean {HOPPER}?" in world.results()["Grcae Hopper-DENY"]


def test_marks_do_not_vanish_with_an_emptied_folder(world: World) -> None:
    """People enrolled by hand whom the folder denies stay denied when all of it is gone."""
    world.make("Ann", "Bob")
    with world.store.undisturbed() as db:
        db.execute("UPDATE photos SET foldered = 0")
    world.drop("Ann-DENY")
    world.round()
    world.take("Ann-1.jpg", "Bob-1.jpg", "Ann-DENY")
    assert world.round().held_back == ("Ann",)
    assert world.people() == {"Ann": "denied", "Bob": "let in"}


def test_another_rule_for_names_renames_people(tmp_path: Path, models_dir: Path) -> None:
    """With the name ending at the last hyphen nobody is locked out, and nothing is fetched."""
    for world in world_of(tmp_path):
        world.make("Ann", "Bob", "Cid")
        for name in ("Ann", "Bob", "Cid"):
            (world.folder / f"{name}-1.jpg").rename(world.folder / f"{name}-Lee-1.jpg")
        world.round()
        (tmp_path / "data" / "doorctl.yaml").write_text("photos: {name_ends_at: last}\n")
        world.settings = Settings.find(None, tmp_path / "data")
        assert world.round().held_back == ()
        assert world.people() == dict.fromkeys(("Ann-Lee", "Bob-Lee", "Cid-Lee"), "let in")
        assert world.fetched == []


def test_new_nets_let_no_denied_face_in_under_another_name(tmp_path: Path, models_dir: Path) -> None:
    """While she who is denied has no template of them, nobody new comes in without an operator's word."""
    for world in world_of(tmp_path, "{source: none}\nmodels: {set: fallback}"):
        world.drop(f"{HOPPER}-1.jpg", jpeg(hopper_file()))
        world.drop(f"{HOPPER}-DENY")
        world.round()
        world.take(f"{HOPPER}-1.jpg")
        world.round()
        (tmp_path / "data" / "doorctl.yaml").write_text("models: {set: standard}\n")
        world.settings = Settings.find(None, tmp_path / "data")
        world.drop("Aaa-1.jpg", jpeg(hopper_file(), flip=True))
        assert world.round().done["held"] == 1
        assert world.people()["Aaa"] == "waits for an operator"


def test_the_advice_can_be_pasted_whatever_a_file_is_called(tmp_path: Path, models_dir: Path) -> None:
    """A name that is a shell's command stays a name in it."""
    for world in world_of(tmp_path, "{approve_new: true}"):
        world.drop("x'; touch pwned; '-1.jpg", jpeg(hopper_file()))
        world.round()
        (words,) = world.results().values()
        command = words.partition("decides: ")[2]
        assert shlex.split(command) == ["doorctl", "people", "approve", "x'; touch pwned; '", "--photo", "1"]
