"""The TFLite writer: files that LiteRT runs, aligned, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from doorctl.errors import ModelError
from doorctl.models.graph import Graph, Window
from doorctl.models.tflite import Writer
from tests.models.making import run


def small() -> bytes:
    random = np.random.default_rng(0)
    graph = Graph("small")
    x = graph.input(7, 6, 3)
    weights = random.normal(size=(5, 3, 3, 3)).astype(np.float32)
    y = graph.convolution("conv", x, weights, None, Window((3, 3), (2, 2), (1, 1, 1, 1)))
    return graph.finish(graph.flatten("flat", graph.mean("mean", graph.relu("relu", y))))


def test_the_file_says_that_it_is_tflite() -> None:
    """The identifier stands where readers look for it, and the schema's version is 3."""
    content = small()
    assert content[4:8] == b"TFL3"
    assert schema.Model.GetRootAs(content).Version() == 3


def test_the_same_calls_give_the_same_bytes() -> None:
    """Nothing of the time, the machine or the order of a set gets in."""
    assert small() == small()


def test_constants_are_aligned() -> None:
    """Every constant's data start at a multiple of 16 bytes, which kernels rely on."""
    content = small()
    model = schema.Model.GetRootAs(content)
    aligned = []
    for number in range(1, model.BuffersLength()):
        data = model.Buffers(number).DataAsNumpy()
        start = data.__array_interface__["data"][0] - np.frombuffer(content, np.uint8).ctypes.data
        aligned.append(start % 16 == 0)
    assert len(aligned) >= 3
    assert all(aligned)


def test_every_constant_is_read_back() -> None:
    """What goes in as a constant is what the net multiplies with."""
    writer = Writer("constants")
    x = writer.input("x", (1, 4))
    factor = writer.constant("factor", np.array([[1, -2, 3, 0.5]], np.float32))
    net = writer.finish(writer.operator("product", "MUL", [x, factor], (1, 4), table="MulOptions"))
    assert run(net, np.array([[1, 1, 2, 2]])).tolist() == [1, -2, 6, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_constants_are_finite(bad: float) -> None:
    """No net is written with a weight that is not a number."""
    with pytest.raises(ModelError, match="not a number"):
        Writer("bad").constant("w", np.array([1, bad], np.float32))


@pytest.mark.parametrize("shape", [(0,), (-1, 3), (1 << 20, 1 << 20)])
def test_shapes_are_bounded(shape: tuple[int, ...]) -> None:
    """A shape that no net here has is refused before anything is made of it."""
    with pytest.raises(ModelError, match="shape"):
        Writer("bad").input("x", shape)
