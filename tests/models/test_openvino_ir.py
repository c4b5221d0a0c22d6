"""face-reidentification-retail-0095: parity with OpenVINO, and what damaged files come to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.records import Image
from doorctl.errors import ModelError
from doorctl.models.openvino_ir import convert
from tests.models.making import Array, difference, parity, run, small_ir

NAME = "face-reidentification-retail-0095"


def reference(xml: bytes, weights: bytes, pictures: list[Array]) -> list[Array]:
    """OpenVINO's outputs for NHWC inputs, computed in float32."""
    core = openvino.Core()
    tensor = openvino.Tensor(np.frombuffer(weights, np.uint8))
    net = core.compile_model(core.read_model(xml, tensor), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [net(x.transpose(0, 3, 1, 2).astype(np.float32))[0].ravel() for x in pictures]


def test_the_embeddings_are_openvinos(shared: Path, faces: list[Image]) -> None:
    """On real faces no output differs by more than 1e-4 of the embedding's norm."""
    folder = shared / "models" / NAME
    xml, weights = (folder / f"{NAME}.xml").read_bytes(), (folder / f"{NAME}.bin").read_bytes()
    net = convert(xml, weights, NAME)
    pictures = [cv2.resize(face, (128, 128))[np.newaxis].astype(np.float32) for face in faces]
    theirs = reference(xml, weights, list(pictures))
    parity(NAME, [difference(run(net, x), y) for x, y in zip(pictures, theirs, strict=True)])


def test_a_small_net_equals_numpy() -> None:
    """The bias that follows a convolution is taken into it, and the sum comes out right."""
    xml, weights = small_ir()
    x = np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    w = np.frombuffer(weights[:216], "<f2").astype(np.float64).reshape(4, 3, 3, 3)
    b = np.frombuffer(weights[216:], "<f2").astype(np.float64)
    padded = np.pad(x[0], ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    expected = (1 / (1 + np.exp(-(np.einsum("yxcij,ocij->yxo", windows, w) + b)))).mean(axis=(0, 1))
    assert difference(run(convert(xml, weights, "small"), x), expected) < 1e-5


def test_conversion_is_deterministic() -> None:
    """The same files give the same bytes."""
    assert convert(*small_ir(), "small") == convert(*small_ir(), "small")


def test_an_unknown_op_is_named_with_its_layer() -> None:
    """The error names the file, the layer and the op."""
    with pytest.raises(ModelError, match=r"small: layer 'odd' is 'Gelu', an op"):
        convert(*small_ir(op="Gelu"), "small")


def test_a_truncated_xml_is_told() -> None:
    """A cut anywhere is a clear error."""
    xml, weights = small_ir()
    for end in range(0, len(xml), 7):
        with pytest.raises(ModelError, match="truncated"):
            convert(xml[:end], weights, "small")


def test_truncated_weights_are_told() -> None:
    """Constants beyond the end of the weights are a clear error that names the layer."""
    xml, weights = small_ir()
    with pytest.raises(ModelError, match=r"'b16'.*truncated"):
        convert(xml, weights[:-1], "small")


def test_an_xml_that_could_grow_without_bound_is_refused() -> None:
    """Entities are refused before the XML is read, in any encoding."""
    bomb = '<!DOCTYPE n [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><net>&b;</net>'
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(ModelError):
            convert(bomb.encode(encoding), b"", "bomb")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('shape="4,3,3,3"', 'shape="4,3,3,4"', "bytes for the shape"),
        ('shape="4,3,3,3"', f'shape="{",".join(["1"] * 70)}"', "bytes for the shape"),
        ('shape="4,3,3,3"', 'shape="0,99999999999,99999999999,9"', "bytes for the shape"),
        ('offset="216" size="8"', 'offset="0" size="216"', "bytes for the shape"),
        ('shape="1,4,1,1" offset="216" size="8"', 'shape="108" offset="0" size="216"', "hold already"),
        ('offset="0"', 'offset="-1"', "offset="),
        ('offset="0"', 'offset="²"', "offset="),
        ('element_type="f16"', 'element_type="i8"', "weights of type"),
        ('dilations="1,1"', 'dilations="2,2"', "dilations"),
        ('pads_begin="1,1"', 'pads_begin="99999999999,1"', "padding"),
        ('strides="1,1"', 'strides="0,1"', "slides"),
        ('auto_pad="explicit"', 'auto_pad="valid"', "padding"),
        ('kernel="8,8"', 'kernel="4,4"', "not the whole picture"),
        ('to-layer="9"', 'to-layer="77"', "edge"),
        ('type="Result"', 'type="Sigmoid"', "no Result"),
        ('shape="1,3,8,8"', 'shape="1,3,99999,99999"', "shape"),
        ('shape="1,3,8,8"', 'shape="1,4,8,8"', "do not fit"),
    ],
)
def test_what_does_not_fit_is_told(old: str, new: str, what: str) -> None:
    """Wrong shapes, types, attributes and edges are each a clear error."""
    xml, weights = small_ir()
    changed = xml.decode().replace(old, new)
    assert changed != xml.decode()
    with pytest.raises(ModelError, match=what):
        convert(changed.encode(), weights, "small")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_ends_in_a_traceback(data: st.DataObject) -> None:
    """Any bytes of either file changed: a net or a ModelError, and nothing else."""
    parts = [bytearray(part) for part in small_ir()]
    for _ in range(data.draw(st.integers(1, 4))):
        part = parts[data.draw(st.integers(0, 1))]
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ModelError):
        convert(bytes(parts[0]), bytes(parts[1]), "small")
