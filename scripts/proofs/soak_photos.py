"""The two kinds of folder that photos come from in the drill, and how each can fail to be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from scripts.proofs.places import Place, disk, dropbox
from tests.enrol.standin import Authority, StandIn
from tests.enrol.standin_faults import ANY

Faults = dict[str, Callable[[], AbstractContextManager[None]]]
"""By name; each lasts as long as its context."""
KINDS = ("disk", "Dropbox")


@contextmanager
def photos(kind: str, root: Path) -> Iterator[tuple[Place, Faults]]:
    """An empty folder.

    Args:
        kind: ``disk``, or ``Dropbox`` for the tests' stand-in for it.
        root: where ``photos`` is made, and the certificate of the stand-in.
    """
    if kind == "disk":
        directory = root / "photos"
        place = disk(directory)
        yield place, _of_disk(directory)
        return
    with dropbox(Authority(root)) as (place, standin):
        yield place, _of_dropbox(standin)


def _of_disk(directory: Path) -> Faults:
    aside = directory.with_name(f"{directory.name}-aside")

    @contextmanager
    def gone() -> Iterator[None]:
        directory.rename(aside)
        try:
            yield
        finally:
            aside.rename(directory)

    @contextmanager
    def no_folder() -> Iterator[None]:
        with gone():
            directory.touch()
            try:
                yield
            finally:
                directory.unlink()

    return {"pulled out": gone, "a file in its place": no_folder}


def _of_dropbox(standin: StandIn) -> Faults:
    faults = standin.faults

    def answered(switch: Callable[[], object]) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def fault() -> Iterator[None]:
            switch()
            standin.disconnect()
            try:
                yield
            finally:
                faults.clear()

        return fault

    return {
        "no network": standin.network_down,
        "unavailable": answered(lambda: faults.status(ANY, 503)),
        "a login page": answered(lambda: faults.page(ANY)),
        "half an answer": answered(lambda: faults.garble(ANY)),
        "too many requests": answered(lambda: faults.rate_limit(ANY, retry_after=2)),
        "cut off": answered(faults.drop),
    }
