"""A models directory, a folder of originals and a manifest of small nets, for installation tests."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

from doorctl.models.manifest import Entry, Original, load_manifest
from tests.models.making import small_dlib, small_ir, small_onnx


def closed_address() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class World:
    """Small nets in place of the real ones, the publishers' files in a folder, and a models directory."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "originals"
        self.folder.mkdir()
        self.models = root / "models"
        self.manifest: dict[str, Entry] = {}
        publisher_away = closed_address()
        for name, entry in load_manifest().items():
            contents = self._contents(name, entry)
            files = []
            for real, content in zip(entry.files, contents, strict=True):
                place = self.folder / real.folder / real.name
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(content)
                files.append(
                    Original(
                        name=real.name,
                        folder=real.folder,
                        bytes=len(content),
                        sha256=hashlib.sha256(content).hexdigest(),
                        address=f"{publisher_away}/{real.name}",
                    )
                )
            self.manifest[name] = entry.model_copy(update={"files": tuple(files)})

    @staticmethod
    def _contents(name: str, entry: Entry) -> tuple[bytes, ...]:
        made: dict[str, Callable[[], tuple[bytes, ...]]] = {
            "none": lambda: (f"the net {name}".encode(),),
            "onnx": lambda: (small_onnx(len(name))[0],),
            "openvino_ir": small_ir,
            "dlib_dat": lambda: (small_dlib()[0],),
        }
        return made[entry.converter]()

    def place(self, name: str, number: int = 0) -> Path:
        """Where the folder holds an original of the net."""
        original = self.manifest[name].files[number]
        return self.folder / original.folder / original.name

    def publish(self, name: str, content: bytes, **changes: object) -> None:
        """Pin other content for a net, and put it into the folder."""
        self.place(name).write_bytes(content)
        pinned = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        changed = self.manifest[name].files[0].model_copy(update={**pinned, **changes})
        self.manifest[name] = self.manifest[name].model_copy(update={"files": (changed,)})

    def outdate(self, *names: str) -> None:
        """Have nets made anew at the next installation, as a new release of doorctl would."""
        record = json.loads((self.models / "models.json").read_text())
        for name in names:
            record["models"][name]["recipe"] = 0
        (self.models / "models.json").write_text(json.dumps(record))

    def installed(self) -> dict[str, bytes]:
        """Every file in the models directory."""
        return {file.name: file.read_bytes() for file in sorted(self.models.iterdir()) if file.is_file()}
