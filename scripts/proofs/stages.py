"""What happens to a folder of photos, stage by stage: the same for every run of ``rounds``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from doorctl.vision.photo import read_photo
from tests.enrol.standin_state import State
from tests.pictures import astronaut_file, cat_file, hopper_file

ROOT = Path(__file__).resolve().parents[2]
LFW = ROOT.parent / "shared" / "data" / "lfw-dev"
PHOTOS = "/Photos"


def jpeg(photo: Path, *, flip: bool = False, dim: float = 1.0, crop: int = 0) -> bytes:
    """A photo, changed so that it is another file and the same person."""
    image = read_photo(photo)
    image = image[crop:, crop // 2 :] if crop else image
    image = np.ascontiguousarray(image[:, ::-1]) if flip else image
    return cv2.imencode(".jpg", (image * dim).astype(np.uint8))[1].tobytes()


class Folder:
    """The folder as its users see it.

    Args:
        state: the stand-in's.
        people: real people besides the two portraits, with three photos each; may be empty.
    """

    def __init__(self, state: State, people: dict[str, list[Path]]) -> None:
        self._state = state
        self.people = people

    def put(self, path: str, content: bytes = b"") -> None:
        self._state.put(f"{PHOTOS}/{path}", content)

    def delete(self, path: str) -> None:
        self._state.delete(f"{PHOTOS}/{path}")

    def move(self, old: str, new: str) -> None:
        self._state.move(f"{PHOTOS}/{old}", f"{PHOTOS}/{new}")

    def paths(self) -> list[str]:
        """Every photo, mark and other file, but for what doorctl wrote."""
        found = (path.removeprefix(f"{PHOTOS}/") for path in self._state.paths())
        return [path for path in found if not path.startswith("_doorctl/")]


def first(folder: Folder) -> None:
    """People with several photos, one in a sub-folder, a mark, and whatever cannot be used."""
    folder.put("Grace Hopper-1.jpg", jpeg(hopper_file()))
    folder.put("Grace Hopper-2.jpg", jpeg(hopper_file(), flip=True))
    folder.put("Grace Hopper/office.jpg", jpeg(hopper_file(), dim=0.9))
    folder.put("Grace Hopper-DENY")
    folder.put("IMG_1234.jpg", jpeg(astronaut_file(), flip=True))
    folder.put("Chelsea-1.png", cat_file().read_bytes())
    folder.put("Broken-1.jpg", jpeg(hopper_file())[:1000])
    folder.put("Zoe Double-1.jpg", jpeg(hopper_file(), dim=0.8))
    for name, photos in folder.people.items():
        for number, photo in enumerate(photos[:2]):
            folder.put(f"{name}-{number}.jpg", photo.read_bytes())


def changes(folder: Folder) -> None:
    """A mark lifted, a photo gone, one written over, new ones, another face under a known name, a double."""
    folder.delete("Grace Hopper-DENY")
    folder.delete("Grace Hopper-2.jpg")
    folder.put("Grace Hopper-1.jpg", jpeg(hopper_file(), crop=20))
    folder.put("Grace Hopper-3.jpg", jpeg(hopper_file(), flip=True, dim=0.9))
    folder.put("Grace Hopper-4.jpg", jpeg(hopper_file(), crop=40))
    folder.put("Grace Hopper-5.jpg", jpeg(astronaut_file()))
    folder.put("Zoe Double-2.jpg", jpeg(hopper_file(), dim=0.7))
    for name, photos in folder.people.items():
        folder.put(f"{name}-2.jpg", photos[2].read_bytes())


def renames(folder: Folder) -> None:
    """Somebody goes by another name, all photos of somebody go, a sub-folder becomes a person."""
    for path in folder.paths():
        if path.startswith("Grace Hopper-"):
            folder.move(path, path.replace("Grace Hopper", "Rear Admiral"))
    folder.move("Grace Hopper", "Rear Admiral")
    folder.put("Eileen Collins/IMG_1.jpg", jpeg(astronaut_file(), flip=True))
    folder.put("Eileen Collins/IMG_2.jpg", jpeg(astronaut_file(), dim=0.9))
    folder.put("Eileen Collins-DENY.txt")
    folder.put("Broken-1.jpg", jpeg(hopper_file())[:900])
    for name in list(folder.people)[:1]:
        for number in range(3):
            folder.delete(f"{name}-{number}.jpg")


def emptied(folder: Folder) -> None:
    """Everything goes at once, which waits for a word; marks stay with it."""
    for path in folder.paths():
        folder.delete(path)


def two_people(folder: Folder) -> None:
    """And a double of one of them."""
    folder.put("Ann-1.jpg", jpeg(hopper_file()))
    folder.put("Bea-1.jpg", jpeg(hopper_file(), flip=True))
    folder.put("Eileen Collins-1.jpg", jpeg(astronaut_file()))


def a_face_is_free(folder: Folder) -> None:
    """The double's face is nobody's any more, and somebody new has it too."""
    folder.delete("Ann-1.jpg")
    folder.put("Cleo-1.jpg", jpeg(hopper_file(), dim=0.9))


def one_person(folder: Folder) -> None:
    folder.put("Bea-1.jpg", jpeg(hopper_file()))


def the_same_bytes_twice(folder: Folder) -> None:
    """A photo that must wait under one name, its copy under another, and the same face under a third."""
    folder.put("Bea-2.jpg", jpeg(astronaut_file()))
    folder.put("Mia-1.jpg", jpeg(astronaut_file(), flip=True))
    folder.put("Zoe-1.jpg", jpeg(astronaut_file()))


Act = Callable[[Folder], None]
STAGES: tuple[Act, ...] = (first, changes, renames, emptied)


def real_people(most: int = 2) -> dict[str, list[Path]]:
    """A few people of the development data, three photos each; nobody where it is not there."""
    found = {
        folder.name.replace("_", " "): sorted(folder.glob("*.jpg"))[:3] for folder in sorted(LFW.glob("*"))
    }
    return dict([(name, photos) for name, photos in found.items() if len(photos) == 3][:most])
