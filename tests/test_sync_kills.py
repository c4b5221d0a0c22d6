"""A round with the folder that is cut short: by SIGKILL at a step of each kind, and by a full disk."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doorctl.errors import StoreError
from scripts.proofs.outcome import half_done
from scripts.proofs.rounds import Kill, Proof, Reference
from scripts.proofs.stages import Act, a_face_is_free, one_person, the_same_bytes_twice, two_people
from tests.enrol.standin import Authority, StandIn

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def proof(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """The stages of ``scripts.proofs.stages`` with the two portraits, done once undisturbed."""
    place = tmp_path_factory.mktemp("rounds")
    with StandIn(Authority(place)) as standin:
        yield Proof(standin, place, {}, thorough=False)


def stage(proof: Proof, name: str) -> Reference:
    return next(reference for reference in proof.references if reference.name == name)


@pytest.mark.parametrize(
    ("name", "words", "number"),
    [
        ("first", "sqlite: before COMMIT of schema", 2),
        ("first", "http: answered files/list_folder/continue", 1),
        ("first", "http: read from files/download", 3),
        ("first", "sqlite: before COMMIT of people, photos, templates, events, files", 1),
        ("first", "http: answered files/upload", 1),
        ("changes", "sqlite: after COMMIT", 2),
        ("renames", "sqlite: after DELETE FROM people", 1),
        ("renames", "sqlite: before PRAGMA wal_checkpoint", 1),
        ("renames", "sqlite: before COMMIT of folder", 1),
        ("emptied", "sqlite: after ROLLBACK TO removals", 1),
    ],
)
def test_after_a_kill_all_is_as_if_there_had_been_none(
    proof: Proof, name: str, words: str, number: int
) -> None:
    """People, templates, files, events, cursor and receipt; and what was committed is not fetched again."""
    reference = stage(proof, name)
    kill = reference.step(words, number)
    for _ in range(4):  # on a busy machine a run may take other steps, by the clock, and be killed at another
        result = proof.disturbed(reference, [kill])
        assert result.problems == []
        assert len(result.kills) == 1
        if result.doing[0].startswith(words):
            return
    pytest.fail(f"never killed there, but {result.doing[0]}")


def test_three_kills_in_a_row(proof: Proof) -> None:
    """Each life gets a little further, or none does; what is done stays done."""
    reference = stage(proof, "first")
    asked = [reference.step("http: ask files/download", number).step for number in (2, 3)]
    result = proof.disturbed(reference, [Kill(asked[0]), Kill(asked[0]), Kill(asked[1])])
    assert result.problems == []
    assert len(result.kills) >= 2


@pytest.mark.parametrize("stages", [(two_people, a_face_is_free), (one_person, the_same_bytes_twice)])
def test_a_kill_does_not_change_who_gets_a_face(
    models_dir: Path, tmp_path: Path, stages: tuple[Act, Act]
) -> None:
    """Where several names are given to one face, the same one has it whether or not a round was cut short."""
    with StandIn(Authority(tmp_path)) as standin:
        proof = Proof(standin, tmp_path, {}, stages, thorough=False)
        reference = proof.references[1]
        commit = next(what for what in reference.run.steps if "after COMMIT" in what and "files" in what)
        assert proof.disturbed(reference, [reference.step(commit)]).problems == []


@pytest.fixture
def small_disk(proof: Proof) -> Iterator[Path]:
    """The data directory on a disk of its own, of a megabyte."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", str(proof.data)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield proof.data
    subprocess.run(["umount", str(proof.data)], check=True)


@pytest.mark.parametrize("room", [16, 100])
def test_a_full_disk_ends_the_round_and_loses_nothing(proof: Proof, small_disk: Path, room: int) -> None:
    """With so many kB left it fails in clear words; nothing is half done; with room again all is done."""
    reference = stage(proof, "first")
    proof.restore(reference)
    ballast = small_disk / "ballast"
    left = os.statvfs(small_disk)
    ballast.write_bytes(bytes(left.f_bavail * left.f_bsize - room * 1024))
    run = proof.run(counted=False)
    assert (run.code, "Traceback" in run.err) == (StoreError.exit_code, False), run.err
    assert "disk is full" in run.err or "disk may be full" in run.err
    assert half_done(proof.data) == []
    ballast.unlink()
    proof.until_quiet()
    assert proof.differences(reference) == []


@pytest.mark.parametrize("room", [75])
def test_a_quota_does_the_same(proof: Proof, room: int) -> None:
    """No file may become larger than so many kB: the error comes from another call, and ends no worse."""
    reference = stage(proof, "first")
    proof.restore(reference)
    most = room * 1024
    run = proof.run(counted=False, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    assert (run.code, "Traceback" in run.err) == (StoreError.exit_code, False), run.err
    assert "disk is full" in run.err or "disk may be full" in run.err
    assert half_done(proof.data) == []
    proof.until_quiet()
    assert proof.differences(reference) == []
