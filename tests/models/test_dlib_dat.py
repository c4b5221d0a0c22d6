"""dlib's ResNet: parity with dlib, and what a damaged file comes to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.records import Image
from doorctl.errors import ModelError
from doorctl.models.dlib_dat import convert
from doorctl.models.manifest import load_manifest
from tests.models.making import (
    difference,
    dlib_file,
    dlib_integers,
    dlib_tensor,
    dlib_text,
    parity,
    run,
    small_dlib,
    small_dlib_output,
)


@pytest.mark.timeout(300)
def test_the_embeddings_are_dlibs_own(dlib_dat: Path, faces: list[Image]) -> None:
    """On real faces no output differs from dlib's by more than 1e-4 of the embedding's norm."""
    card = load_manifest()["dlib_resnet"].card()
    net = convert(dlib_dat.read_bytes())
    original = dlib.face_recognition_model_v1(str(dlib_dat))
    differences = []
    for face in faces:
        chip = np.ascontiguousarray(cv2.resize(face, (card.width, card.height))[:, :, ::-1])
        theirs = np.array(original.compute_face_descriptor(chip))
        x = (chip.astype(np.float32) - np.array(card.mean, np.float32)) * np.float32(card.scale)
        differences.append(difference(run(net, x[np.newaxis]), theirs))
    parity("dlib_resnet", differences)


def test_a_truncated_original_is_told(dlib_dat: Path) -> None:
    """The real file, cut off, is a clear error wherever the cut falls."""
    content = dlib_dat.read_bytes()
    for end in (0, 1, 200, 20_000, len(content) // 2, len(content) - 1):
        with pytest.raises(ModelError, match=r"truncated"):
            convert(content[:end])


def test_a_sum_of_unequal_sizes_is_padded_in_space_and_channels() -> None:
    """A small net, with folded affine, equals the same net in numpy."""
    content, parts = small_dlib()
    x = np.random.default_rng(1).normal(size=(9, 9, 3))
    assert difference(run(convert(content), x[np.newaxis]), small_dlib_output(parts, x)) < 1e-5


def test_conversion_is_deterministic() -> None:
    """The same file gives the same bytes."""
    assert convert(small_dlib()[0]) == convert(small_dlib()[0])


def test_an_unknown_layer_is_named() -> None:
    """The error names the layer's place and kind."""
    with pytest.raises(ModelError, match=r"layer 3 is 'prelu_', an op that the converter does not know"):
        convert(small_dlib(odd="prelu_")[0])


def test_bytes_after_the_last_layer_are_refused() -> None:
    """A file that goes on after its net is not the net that was meant."""
    with pytest.raises(ModelError, match=r"3 bytes follow"):
        convert(small_dlib()[0] + b"abc")


def test_a_sum_with_nothing_is_refused() -> None:
    """A residual sum needs an earlier tag."""
    with pytest.raises(ModelError, match="not there"):
        convert(dlib_file([(0, dlib_text("add_prev_"))], 9))


def test_a_tensor_of_nothing_by_very_much_is_harmless() -> None:
    """Sizes whose product is nothing, but whose parts no array can have, are no traceback."""
    nothing = dlib_tensor(np.zeros(0))
    huge = dlib_integers(2, 0, 1 << 60, 1 << 60, 1)
    assert convert(small_dlib()[0].replace(nothing, huge)) == convert(small_dlib()[0])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_ends_in_a_traceback(data: st.DataObject) -> None:
    """Any bytes changed or cut off: a net or a ModelError, and nothing else."""
    content = bytearray(small_dlib()[0])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    for damaged in (bytes(content), cut):
        with suppress(ModelError):
            convert(damaged)
