"""The cards: all there, complete, and strict."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from doorctl.errors import ModelError
from doorctl.models.manifest import SETS, load_manifest, read_entry
from doorctl.models.packages import PACKAGES


def text(name: str) -> str:
    return (resources.files("doorctl.models") / "cards" / f"{name}.json").read_text()


def test_every_net_of_both_sets_has_a_card() -> None:
    """Detectors, mesh, embedder, then nets against spoofs: the order that a set is read in."""
    manifest = load_manifest()
    for members in SETS.values():
        roles = [manifest[name].role for name in members]
        assert roles[:4] == ["detector", "detector", "mesh", "embedder"]
        assert set(roles[4:]) <= {"antispoof"}
    assert set(manifest) == {name for members in SETS.values() for name in members}


def test_only_embedders_tell_of_recognition() -> None:
    """Each embedder has reference points, mesh points, a threshold and a calibration."""
    for entry in load_manifest().values():
        assert (entry.recognition is not None) == (entry.role == "embedder")


def test_every_file_has_a_source() -> None:
    """A publisher's address over TLS, a pinned package, or both; addresses name no package registry."""
    for entry in load_manifest().values():
        assert entry.licence
        for file in entry.files:
            assert file.address or file.package
            assert file.address is None or file.address.startswith("https://")
            assert file.package is None or (file.package in PACKAGES and file.member)


def test_the_fallback_set_needs_packages_alone() -> None:
    """Every file of the fallback set can be had without any publisher."""
    manifest = load_manifest()
    assert all(file.package for name in SETS["fallback"] for file in manifest[name].files)


def test_cards_become_model_cards() -> None:
    """The card that vision code is handed says what the JSON says."""
    card = load_manifest()["minifasnet_v2"].card()
    assert (card.width, card.height, card.colour, card.scale) == (80, 80, "BGR", 1.0)
    assert card.parameters == {"crop_scale": 2.7}
    recognition = load_manifest()["dlib_resnet"].card().recognition
    assert recognition is not None
    assert recognition.mesh_points == ((263,), (362,), (33,), (133,), (2,))


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        (("width",), 0, "width"),
        (("colour",), "CMYK", "colour"),
        (("scale",), float("nan"), "scale"),
        (("colours",), "BGR", "colours"),
        (("converter",), "pickle", "converter"),
        (("files", 0, "sha256"), "abc", "sha256"),
        (("files", 0, "name"), "../../etc/passwd", "name"),
        (("recognition", "calibration", "knots"), [[0.5, 0.7], [0.4, 0.8]], "do not rise"),
        (("recognition", "mesh_points"), [[33], [263]], "mesh points"),
    ],
)
def test_a_wrong_card_is_told(path: tuple[str | int, ...], value: object, what: str) -> None:
    """A card edited by hand into something impossible names its own mistake."""
    card = json.loads(text("face_reid_0095"))
    place = card
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ModelError, match=what):
        read_entry("face_reid_0095", json.dumps(card))


def test_a_card_that_is_not_json_is_told() -> None:
    """A damaged installation of doorctl itself is no traceback."""
    with pytest.raises(ModelError, match="card of mesh"):
        read_entry("mesh", "{")
