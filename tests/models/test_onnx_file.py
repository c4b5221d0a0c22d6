"""The MiniFASNets: parity with ONNX Runtime, and what a damaged file comes to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorctl.core.records import Image
from doorctl.errors import ModelError
from doorctl.models.onnx_file import convert
from tests.models.making import Array, difference, field, onnx_file, onnx_node, parity, run, small_onnx


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max())
    result: Array = powers / powers.sum()
    return result


def reference(content: bytes, x: Array) -> Array:
    """ONNX Runtime's scores for an NHWC input, as probabilities."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return softmax(session.run(None, {name: x.transpose(0, 3, 1, 2).astype(np.float32)})[0][0])


@pytest.mark.parametrize("name", ["MiniFASNetV2", "MiniFASNetV1SE"])
def test_the_probabilities_are_onnx_runtimes(name: str, shared: Path, faces: list[Image]) -> None:
    """On real faces no probability differs by more than 1e-4 of the output's norm."""
    content = (shared / "models" / f"{name}.onnx").read_bytes()
    net = convert(content, name)
    pictures = [cv2.resize(face, (80, 80))[np.newaxis].astype(np.float32) for face in faces]
    parity(name, [difference(run(net, x), reference(content, x)) for x in pictures])


def test_a_small_net_matches_onnx_runtime() -> None:
    """The small net is real ONNX: the publisher's runtime reads it and gives the same."""
    content, _ = small_onnx()
    x = np.random.default_rng(1).normal(size=(1, 8, 8, 3))
    assert difference(run(convert(content, "small"), x), reference(content, x)) < 1e-5


def test_conversion_is_deterministic() -> None:
    """The same file gives the same bytes."""
    assert convert(small_onnx()[0], "small") == convert(small_onnx()[0], "small")


def test_an_unknown_op_is_named_with_its_layer() -> None:
    """The error names the file, the layer and the op."""
    content = onnx_file([onnx_node("Gelu", ["in"], "out")], {})
    with pytest.raises(ModelError, match=r"net\.onnx: layer 'the_Gelu' is 'Gelu', an op"):
        convert(content, "net.onnx")


@pytest.mark.parametrize(
    ("node", "what"),
    [
        (onnx_node("Conv", ["in", "w"], "out", group=2), "2 groups of 3 channels"),
        (onnx_node("Conv", ["in", "w"], "out", dilations=[2, 2]), "dilations"),
        (onnx_node("Conv", ["in", "w"], "out", pads=[1, 1]), "attribute 'pads'"),
        (onnx_node("Conv", ["in", "w"], "out", strides=[0, 1]), "slides a kernel"),
        (onnx_node("Conv", ["in", "w"], "out", pads=[1 << 40] * 4), "padding"),
        (onnx_node("Conv", ["in", "nothing"], "out"), "not among the weights"),
        (onnx_node("Conv", ["in"], "out"), "not among the weights"),
        (onnx_node("Relu", ["later"], "out"), "no earlier layer makes"),
        (onnx_node("Flatten", ["in"], "out"), "flattens"),
        (onnx_node("Conv", ["in", "flat"], "out"), "weights of 1 dimensions"),
        (onnx_node("Conv", ["in", "wide"], "out"), "do not fit"),
        (onnx_node("Relu", ["in"], "out"), "not 1 x classes"),
        (onnx_node("Relu", ["in"], "aside"), "no layer makes the output"),
    ],
)
def test_what_does_not_fit_is_told(node: bytes, what: str) -> None:
    """Wrong shapes, groups, attributes and names are each a clear error."""
    weights = {"w": np.ones((3, 3, 3, 3)), "flat": np.ones(9), "wide": np.ones((3, 5, 3, 3))}
    with pytest.raises(ModelError, match=what):
        convert(onnx_file([node], weights), "net.onnx")


def test_weights_of_nothing_are_refused() -> None:
    """A shape with no elements is a clear error, whatever its other sides."""
    content, _ = small_onnx()
    shape = b"".join(field(1, side) for side in (4, 3)) + field(2, 1) + field(8, "matrix")
    assert shape in content
    huge = b"".join(field(1, side) for side in (0, 1)) + field(2, 1) + field(8, "matrix")
    with pytest.raises(ModelError, match=r"'matrix' of shape \[0, 1\]"):
        convert(content.replace(shape, huge), "small")


def test_weights_that_are_not_numbers_are_refused() -> None:
    """A NaN in a net would make every comparison false, or true."""
    node = onnx_node("Conv", ["in", "w"], "out")
    with pytest.raises(ModelError, match="not a number"):
        convert(onnx_file([node], {"w": np.full((3, 3, 1, 1), np.nan)}), "net.onnx")


def test_a_truncated_original_is_told() -> None:
    """A cut anywhere, from nothing to one byte less, is a clear error."""
    content = small_onnx()[0]
    for end in range(len(content) - 4):
        with pytest.raises(ModelError, match="small"):
            convert(content[:end], "small")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_ends_in_a_traceback(data: st.DataObject) -> None:
    """Any bytes changed: a net or a ModelError, and nothing else."""
    content = bytearray(small_onnx()[0])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ModelError):
        convert(bytes(content), "small")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_no_onnx(content: bytes) -> None:
    """What is not ONNX is told to be none."""
    with pytest.raises(ModelError):
        convert(content, "noise")
