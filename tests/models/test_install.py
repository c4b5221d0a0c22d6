"""Installing: which source, which set, what is kept, and what stays when something fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from doorctl.errors import ModelError
from doorctl.models.install import describe, install, load
from doorctl.models.manifest import SETS, SetName
from tests.models.making import onnx_file, onnx_node
from tests.models.serving import publisher
from tests.models.test_storage import no_file_above
from tests.models.world import World

STANDARD, FALLBACK = SETS["standard"], SETS["fallback"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_set_is_installed_and_loaded(world: World) -> None:
    """Every net of the standard set in its place, checked, with its card."""
    report = install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert report.set == "standard"
    assert [name for name, _ in report.installed] == list(STANDARD)
    assert report.warning == ""
    models = load(world.models, manifest=world.manifest)
    assert models.name == "standard"
    assert models.embedder.card.name == "face_reid_0095"
    assert [net.card.parameters["crop_scale"] for net in models.antispoof] == [2.7, 4.0]
    assert models.detector.sha256 == hashlib.sha256(models.detector.path.read_bytes()).hexdigest()


def test_what_is_intact_is_kept(world: World) -> None:
    """A second installation needs no source and changes nothing; a damaged net alone is made again."""
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    before = world.installed()
    again = install(world.models, model_set="standard", manifest=world.manifest)
    assert again.installed == ()
    assert tuple(name for name, _ in again.kept) == STANDARD
    assert world.installed() == before
    (world.models / "face_mesh.tflite").write_bytes(b"")
    mended = install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert [name for name, _ in mended.installed] == ["face_mesh"]


def test_a_new_pin_replaces_the_net(world: World) -> None:
    """When the card pins another original, an intact old net is no longer what is wanted."""
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    world.publish("face_mesh", b"a better net")
    assert {row["name"]: row["state"] for row in describe(world.models, manifest=world.manifest)}[
        "face_mesh"
    ] == "outdated"
    report = install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert [name for name, _ in report.installed] == ["face_mesh"]
    assert (world.models / "face_mesh.tflite").read_bytes() == b"a better net"


def test_files_may_lie_flat_in_the_folder(world: World) -> None:
    """A folder without the sub-folder of the two-file net serves as well."""
    for number in (0, 1):
        place = world.place("face_reid_0095", number)
        place.rename(world.folder / place.name)
    report = install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert len(report.installed) == len(STANDARD)


def test_the_publisher_is_asked_where_the_folder_has_nothing(world: World) -> None:
    """The next source in order, and the record says which it was."""
    content = b"from the publisher"
    with publisher(content) as server:
        world.publish("face_mesh", content, address=server.address)
        world.place("face_mesh").unlink()
        report = install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert dict(report.installed)["face_mesh"].source == server.address
    assert (world.models / "face_mesh.tflite").read_bytes() == content


def test_without_its_weights_the_fallback_set_is_taken_and_its_cost_told(world: World) -> None:
    """No set was named and the embedder is nowhere: dlib's comes, with one line on what it costs."""
    for number in (0, 1):
        world.place("face_reid_0095", number).unlink()
    report = install(world.models, source=world.folder, manifest=world.manifest)
    assert report.set == "fallback"
    for word in ("face_reid_0095 cannot be had", "handful of people", "no net against photos"):
        assert word in report.warning
    assert "\n" not in report.warning
    models = load(world.models, manifest=world.manifest)
    assert (models.name, models.antispoof) == ("fallback", ())


def test_a_set_that_was_named_is_not_replaced_by_another(world: World) -> None:
    """Every source that was tried is named with its reason."""
    world.place("minifasnet_v2").unlink()
    with pytest.raises(ModelError) as caught:
        install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    message = str(caught.value)
    assert "minifasnet_v2 cannot be had" in message
    assert f"{world.folder} has no MiniFASNetV2.onnx" in message
    assert "127.0.0.1" in message
    assert "no connection" in message
    with pytest.raises(ModelError, match="no set of models is installed"):
        load(world.models, manifest=world.manifest)


def test_both_sets_in_one_directory(world: World) -> None:
    """The standard set is preferred; the other can be asked for."""
    names: tuple[SetName, ...] = ("fallback", "standard")
    for name in names:
        install(world.models, model_set=name, source=world.folder, manifest=world.manifest)
    assert load(world.models, manifest=world.manifest).name == "standard"
    assert load(world.models, prefer="fallback", manifest=world.manifest).embedder.card.name == "dlib_resnet"


def fail_wrong_hash(world: World) -> None:
    world.place("face_reid_0095", 1).write_bytes(b"?" * world.place("face_reid_0095", 1).stat().st_size)


def fail_truncated(world: World) -> None:
    place = world.place("face_reid_0095", 1)
    place.write_bytes(place.read_bytes()[:-10])


def fail_unknown_op(world: World) -> None:
    world.publish("minifasnet_v2", onnx_file([onnx_node("Gelu", ["in"], "out")], {}))


@pytest.mark.parametrize(
    ("fail", "what"),
    [
        (fail_wrong_hash, "is another file: its sha256 is not"),
        (fail_truncated, "has 214 bytes, not 224"),
        (fail_unknown_op, "'Gelu', an op that the converter does not know"),
    ],
)
@pytest.mark.parametrize("model_set", ["standard", None])
def test_the_old_models_stay_when_an_original_is_bad(
    fail: Callable[[World], None], what: str, model_set: SetName | None, world: World
) -> None:
    """A clear error, and the directory as it was: a folder's bad file is never passed over in silence."""
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    world.outdate("face_reid_0095", "minifasnet_v2")
    before = world.installed()
    fail(world)
    with pytest.raises(ModelError, match=what):
        install(world.models, model_set=model_set, source=world.folder, manifest=world.manifest)
    after = world.installed()
    assert {name for name in before if before[name] != after[name]} <= {
        "models.json",
        "face_reid_0095.tflite",
    }
    assert load(world.models, manifest=world.manifest).name == "standard"


def test_the_old_models_stay_when_the_disk_is_full(world: World) -> None:
    """A write that the kernel refuses: an error that says so, the old net, no leftovers."""
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    before = world.installed()
    world.publish("face_mesh", b"large" * 20_000)
    with no_file_above(50_000), pytest.raises(ModelError, match="no space is left"):
        install(world.models, model_set=None, source=world.folder, manifest=world.manifest)
    assert world.installed() == before
    assert load(world.models, manifest=world.manifest).name == "standard"


def test_a_folder_that_is_none_is_told(world: World) -> None:
    """A mistyped --from is an error, and not a reason to go and download."""
    with pytest.raises(ModelError, match="is not a directory"):
        install(world.models, source=world.folder / "typo", manifest=world.manifest)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda file: file.unlink(), "is missing"),
        (lambda file: file.write_bytes(b""), "is empty"),
        (lambda file: file.write_bytes(b"!" + file.read_bytes()[1:]), "is changed"),
    ],
)
def test_a_damaged_net_is_not_loaded(damage: Callable[[Path], object], what: str, world: World) -> None:
    """The error names the file and what is wrong with it, says what to do, and offers no other set."""
    names: tuple[SetName, ...] = ("fallback", "standard")
    for name in names:
        install(world.models, model_set=name, source=world.folder, manifest=world.manifest)
    damage(world.models / "face_reid_0095.tflite")
    with pytest.raises(ModelError, match=rf"face_reid_0095\.tflite {what}") as caught:
        load(world.models, manifest=world.manifest)
    assert "doorctl models install" in caught.value.hint


def test_a_damaged_record_is_told_and_mended(world: World) -> None:
    """Nothing is loaded on its word; an installation writes a new one."""
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    (world.models / "models.json").write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        load(world.models, manifest=world.manifest)
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert load(world.models, manifest=world.manifest).name == "standard"


def test_nothing_installed_is_told(tmp_path: Path) -> None:
    """An empty or missing directory names the command that fills it."""
    with pytest.raises(ModelError, match="no set of models is installed") as caught:
        load(tmp_path / "nowhere")
    assert caught.value.hint == "run 'doorctl models install'"
    assert {row["state"] for row in describe(tmp_path / "nowhere")} == {"not installed"}


def test_rows_and_report_are_plain_values(world: World) -> None:
    """What --json prints can be printed, and names every net once."""
    report = install(world.models, model_set="fallback", source=world.folder, manifest=world.manifest)
    rows = describe(world.models, manifest=world.manifest)
    assert json.loads(json.dumps(report.as_dict()))["set"] == "fallback"
    assert json.loads(json.dumps(rows)) == rows
    states = {row["name"]: row["state"] for row in rows}
    assert {name for name, state in states.items() if state == "installed"} == set(FALLBACK)
    assert len(report.lines()) == len(FALLBACK) + 1


def test_progress_reaches_the_end_of_every_net(world: World) -> None:
    """Each net's last word has all its bytes done."""
    last: dict[str, tuple[int, int | None]] = {}
    install(
        world.models,
        model_set="standard",
        source=world.folder,
        manifest=world.manifest,
        progress=lambda name, done, total, what: last.update({name: (done, total)}),
    )
    assert set(last) == set(STANDARD)
    assert all(done == total for done, total in last.values())


def test_the_installed_nets_are_intact(models_dir: Path) -> None:
    """The real directory that the other tests use holds what its record says."""
    states = {row["name"]: row["state"] for row in describe(models_dir)}
    assert {states[name] for name in FALLBACK} == {"installed"}


def test_what_a_killed_installation_left_is_swept_away(world: World) -> None:
    """Packages that were being opened when the power went do not fill the disk."""
    world.models.mkdir()
    left = world.models / ".packages-abc"
    left.mkdir()
    (left / "big.whl").write_bytes(b"x" * 1000)
    install(world.models, model_set="standard", source=world.folder, manifest=world.manifest)
    assert not left.exists()
