"""The layers: each equals numpy, and shapes that do not fit are told."""

from __future__ import annotations

import numpy as np
import pytest

from doorctl.errors import ModelError
from doorctl.models.graph import Graph, Window
from tests.models.making import difference, parity, run


@pytest.mark.parametrize("pads", [(1, 1, 1, 1), (0, 0, 0, 0), (2, 0, 1, 1)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (2, 1)])
def test_depthwise_windows_equal_numpy(pads: tuple[int, int, int, int], strides: tuple[int, int]) -> None:
    """Own padding where TFLite's would differ: each window of each channel, as numpy sees it."""
    random = np.random.default_rng(3)
    x, weights = random.normal(size=(8, 9, 4)), random.normal(size=(4, 3, 3)).astype(np.float32)
    bias = random.normal(size=4).astype(np.float32)
    graph = Graph("depthwise")
    net = graph.finish(
        graph.depthwise("d", graph.input(8, 9, 4), weights, bias, Window((3, 3), strides, pads))
    )
    top, left, bottom, right = pads
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    expected = np.einsum("yxcij,cij->yxc", windows[:: strides[0], :: strides[1]], weights) + bias
    ours = run(net, x[np.newaxis])
    assert ours.shape == expected.shape
    assert difference(ours, expected) < 1e-5


def test_pools_equal_numpy() -> None:
    """Largest and mean of each window."""
    x = np.random.default_rng(4).normal(size=(7, 7, 2))
    window = Window((3, 3), (2, 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))[::2, ::2]
    for name, expected in (("max_pool", windows.max((-2, -1))), ("average_pool", windows.mean((-2, -1)))):
        graph = Graph(name)
        net = graph.finish(getattr(graph, name)("pool", graph.input(7, 7, 2), window))
        assert difference(run(net, x[np.newaxis]), expected) < 1e-5


def test_a_picture_is_not_flattened() -> None:
    """NHWC and NCHW flatten in different orders, so only 1 x 1 pictures may be."""
    graph = Graph("net")
    with pytest.raises(ModelError, match="'flat' flattens"):
        graph.flatten("flat", graph.input(2, 2, 3))


@pytest.mark.parametrize(
    "window",
    [Window((9, 9)), Window((3, 3), (0, 1)), Window((3, 3), (1, 99)), Window((3, 3), pads=(-1, 0, 0, 0))],
)
def test_impossible_windows_are_told(window: Window) -> None:
    """Kernels beyond the picture, strides of nothing and negative padding name the layer."""
    graph = Graph("net")
    weights = np.ones((2, 3, *window.kernel), np.float32)
    with pytest.raises(ModelError, match="layer 'c'"):
        graph.convolution("c", graph.input(8, 8, 3), weights, None, window)


def test_weights_that_do_not_fit_are_told() -> None:
    """Each kind of layer compares its weights with its input."""
    graph = Graph("net")
    x = graph.input(8, 8, 3)
    flat = graph.flatten("flat", graph.mean("mean", x))
    wrong = np.ones((2, 4), np.float32)
    with pytest.raises(ModelError, match="do not fit"):
        graph.dense("d", flat, wrong, None)
    with pytest.raises(ModelError, match="do not fit"):
        graph.dense("d", flat, np.ones((2, 3), np.float32), np.ones(3, np.float32))
    with pytest.raises(ModelError, match="do not fit"):
        graph.prelu("p", x, np.ones(2, np.float32))
    with pytest.raises(ModelError, match="do not fit"):
        graph.per_channel("g", x, np.ones(2, np.float32))
    with pytest.raises(ModelError, match="do not fit"):
        graph.add("a", x, graph.max_pool("m", x, Window((2, 2), (2, 2))))
    with pytest.raises(ModelError, match="needs a picture"):
        graph.mean("m", flat)


def test_the_yardstick_of_parity_sees_what_is_wrong() -> None:
    """A net that gives no number on one face, differs a little too much, or saw too few faces, fails."""
    right = np.ones(4)
    with pytest.raises(AssertionError):
        difference(np.array([1.0, np.nan, 1.0, 1.0]), right)
    with pytest.raises(AssertionError):
        difference(np.ones(3), right)
    assert difference(right, right) == 0.0
    parity("same", [0.0] * 20)
    for differences in ([0.0] * 19 + [2e-4], [0.0] * 19):
        with pytest.raises(AssertionError):
            parity("other", differences)
