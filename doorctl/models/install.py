"""``doorctl models install``: every net of a set into a directory, and out of it again.

Nothing in the directory is replaced before its successor has been fetched, checked,
converted and written beside it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from doorctl.core.card import InstalledModel
from doorctl.errors import ModelError
from doorctl.models import dlib_dat, onnx_file, openvino_ir
from doorctl.models.download import SECONDS, Progress
from doorctl.models.manifest import FALLBACK_COST, SETS, Entry, Manifest, SetName, load_manifest
from doorctl.models.record import RECIPE, Installed, Record, fault, read_record
from doorctl.models.sources import Sources, UnavailableError
from doorctl.models.storage import alone_in, write_whole

_log = logging.getLogger(__name__)

_HINT = "run 'doorctl models install'"


@dataclass(frozen=True, slots=True)
class ModelSet:
    """The nets of one set, each checked against the sha256 that its installation recorded."""

    name: SetName
    detector: InstalledModel
    detector_full: InstalledModel
    mesh: InstalledModel
    embedder: InstalledModel
    antispoof: tuple[InstalledModel, ...]
    """Empty in the fallback set."""


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What an installation did."""

    set: SetName
    directory: Path
    installed: tuple[tuple[str, Installed], ...]
    """The nets that were put in place, with where they came from."""
    kept: tuple[tuple[str, Installed], ...]
    """The nets that already were, intact."""
    warning: str = ""
    """What the user must know of the set, in one line."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "set": self.set,
            "directory": str(self.directory),
            "installed": [
                {
                    "name": name,
                    "sha256": net.sha256,
                    "bytes": net.bytes,
                    "source": net.source,
                    "licence": net.licence,
                }
                for name, net in self.installed
            ],
            "kept": [name for name, _ in self.kept],
            "warning": self.warning,
        }

    def lines(self) -> list[str]:
        """The report for people, a net a line."""
        return [
            *(f"installed {name}, {net.licence}, from {net.source}" for name, net in self.installed),
            *(f"kept {name}, {net.licence}, from {net.source}" for name, net in self.kept),
            f"the {self.set} set is complete in {self.directory}",
        ]


def install(
    directory: Path,
    *,
    model_set: SetName | None = None,
    source: Path | None = None,
    progress: Progress = lambda name, done, total, what: None,
    manifest: Manifest | None = None,
    seconds: float = SECONDS,
) -> InstallReport:
    """Install a set of nets; those that are in place and intact are kept.

    Args:
        directory: the models directory; made if need be.
        model_set: which; ``None`` for the standard set or, where its weights can be had
            from nowhere, the fallback set with a warning.
        source: a folder with the publishers' files, tried first.
        progress: told each net's name, bytes done, bytes in all or ``None``, and what is done.
        manifest: the nets' cards, where not doorctl's own.
        seconds: how long to wait for a publisher's machine.

    Raises:
        ModelError: a net can be had from nowhere (told source by source), a file in
            ``source`` is wrong, a file cannot be converted, or the directory cannot be written.
    """
    if source is not None and not source.is_dir():
        raise ModelError(
            f"{source} is not a directory", "give the directory that holds the publishers' files"
        )
    cards = manifest or load_manifest()
    with alone_in(directory), Sources(directory, source, progress, seconds) as sources:
        if model_set is not None:
            return _install_set(directory, model_set, cards, sources, progress)
        try:
            return _install_set(directory, "standard", cards, sources, progress)
        except UnavailableError as error:
            _log.info("no standard set: %s", error.message)
            return _install_set(
                directory, "fallback", cards, sources, progress, f"no standard set, for {error.message}"
            )


def load(directory: Path, *, prefer: SetName | None = None, manifest: Manifest | None = None) -> ModelSet:
    """The installed nets: the set that is preferred, or else the best that is complete.

    Raises:
        ModelError: no set is complete, the preferred one is not, or a file of it is missing,
            empty or not what was installed.
    """
    record = read_record(directory)
    names: Iterable[SetName] = SETS if prefer is None else (prefer,)
    name = next((name for name in names if record.complete(name)), None)
    if name is None:
        wanted = "no set of models is" if prefer is None else f"the {prefer} set of models is not"
        raise ModelError(f"{wanted} installed in {directory}", _HINT)
    cards = manifest or load_manifest()
    nets = [_checked(directory, cards[member], record.models[member]) for member in SETS[name]]
    detector, detector_full, mesh, embedder, *antispoof = nets
    return ModelSet(name, detector, detector_full, mesh, embedder, tuple(antispoof))


def describe(directory: Path, *, manifest: Manifest | None = None) -> list[dict[str, Any]]:
    """A row for each net that doorctl knows.

    Each has ``name``, ``role``, ``set`` (one, or both by comma), ``state`` (installed, not
    installed, outdated, missing, empty, changed), ``bytes``, ``sha256``, ``source`` and
    ``licence``; bytes and sha256 are ``None`` for a net that is not installed.

    Raises:
        ModelError: the directory's record is damaged.
    """
    record = read_record(directory)
    return [
        _row(directory, entry, record.models.get(entry.name))
        for entry in (manifest or load_manifest()).values()
    ]


def _install_set(
    directory: Path, name: SetName, cards: Manifest, sources: Sources, progress: Progress, why: str = ""
) -> InstallReport:
    record = _record_or_new(directory)
    installed, kept = [], []
    for member in SETS[name]:
        entry, present = cards[member], record.models.get(member)
        if present is not None and present.made_from(entry) and not fault(directory, entry, present):
            kept.append((member, present))
            progress(member, present.bytes, present.bytes, "installed already")
            continue
        contents, place = sources.get(entry)
        progress(member, sum(map(len, contents)), sum(map(len, contents)), "converting")
        net = convert(entry, contents)
        write_whole(directory / entry.file, net)
        record.models[member] = Installed(
            sha256=hashlib.sha256(net).hexdigest(),
            bytes=len(net),
            originals=tuple(file.sha256 for file in entry.files),
            recipe=RECIPE,
            source=place,
            licence=entry.licence,
            installed=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        # Net by net, so that what was installed before a fault is known and kept.
        record.save(directory)
        _log.info("installed %s from %s", member, place)
        progress(member, len(net), len(net), "installed")
        installed.append((member, record.models[member]))
    cost = FALLBACK_COST if name == "fallback" else ""
    return InstallReport(name, directory, tuple(installed), tuple(kept), "; ".join(filter(None, (why, cost))))


def convert(entry: Entry, contents: list[bytes]) -> bytes:
    """A net's original files as a TFLite file.

    Raises:
        ModelError: a file is damaged or holds what its converter does not know.
    """
    match entry.converter:
        case "openvino_ir":
            return openvino_ir.convert(contents[0], contents[1], entry.files[0].name)
        case "onnx":
            return onnx_file.convert(contents[0], entry.files[0].name)
        case "dlib_dat":
            return dlib_dat.convert(contents[0])
        case _:
            return contents[0]


def _record_or_new(directory: Path) -> Record:
    """A damaged record is no reason not to install: everything is fetched again."""
    try:
        return read_record(directory)
    except ModelError as error:
        _log.warning("%s: starting a new record", error.message)
        return Record()


def _checked(directory: Path, entry: Entry, installed: Installed) -> InstalledModel:
    if wrong := fault(directory, entry, installed):
        raise ModelError(
            f"the model {directory / entry.file} is {wrong}".replace("is cannot", "cannot"), _HINT
        )
    return InstalledModel(entry.card(), directory / entry.file, installed.sha256)


def _row(directory: Path, entry: Entry, installed: Installed | None) -> dict[str, Any]:
    state = "not installed"
    if installed is not None:
        outdated = "" if installed.made_from(entry) else "outdated"
        state = fault(directory, entry, installed) or outdated or "installed"
    return {
        "name": entry.name,
        "role": entry.role,
        "set": ", ".join(name for name, members in SETS.items() if entry.name in members),
        "state": state,
        "bytes": installed.bytes if installed else None,
        "sha256": installed.sha256 if installed else None,
        "source": installed.source if installed else entry.source,
        "licence": entry.licence,
    }
