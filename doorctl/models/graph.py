"""The layers that the converters need, each as TFLite operators with its shape worked out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from doorctl.errors import ModelError
from doorctl.models.tflite import Floats, Tensor, Writer


@dataclass(frozen=True, slots=True)
class Window:
    """How a kernel moves over a picture: ``strides`` (y, x), ``pads`` (top, left, bottom, right)."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)


class Graph:
    """A net under construction. Every method adds a layer and returns its output.

    Each raises ``ModelError``, with the layer's name, for shapes that do not fit together.
    """

    def __init__(self, description: str) -> None:
        self._description = description
        self._writer = Writer(description)

    def input(self, height: int, width: int, channels: int) -> Tensor:
        """The graph's input, 1 x height x width x channels."""
        return self._writer.input("input", (1, height, width, channels))

    def finish(self, output: Tensor) -> bytes:
        """The TFLite file of everything up to ``output``."""
        return self._writer.finish(output)

    def convolution(
        self, name: str, x: Tensor, weights: Floats, bias: Floats | None, window: Window
    ) -> Tensor:
        """A convolution. ``weights``: out x in x height x width, ``bias``: out."""
        _, rows, columns = self._picture(name, x)
        if weights.ndim != 4 or weights.shape[1] != x.channels or weights.shape[2:] != window.kernel:
            raise self._misfit(name, x.shape, weights.shape)
        padding, padded = self._pad_for(name, x, window)
        return self._writer.operator(
            name,
            "CONV_2D",
            [
                padded,
                self._writer.constant(name + "/weights", weights.transpose(0, 2, 3, 1)),
                self._bias(name, bias, weights.shape[0]),
            ],
            (1, *self._slide(name, (rows, columns), window), weights.shape[0]),
            table="Conv2DOptions",
            padding=padding,
            strideH=window.strides[0],
            strideW=window.strides[1],
        )

    def depthwise(self, name: str, x: Tensor, weights: Floats, bias: Floats | None, window: Window) -> Tensor:
        """A convolution of each channel by itself. ``weights``: channels x height x width."""
        channels, rows, columns = self._picture(name, x)
        if weights.shape != (channels, *window.kernel):
            raise self._misfit(name, x.shape, weights.shape)
        padding, padded = self._pad_for(name, x, window)
        return self._writer.operator(
            name,
            "DEPTHWISE_CONV_2D",
            [
                padded,
                self._writer.constant(name + "/weights", weights.transpose(1, 2, 0)[np.newaxis]),
                self._bias(name, bias, channels),
            ],
            (1, *self._slide(name, (rows, columns), window), channels),
            table="DepthwiseConv2DOptions",
            padding=padding,
            strideH=window.strides[0],
            strideW=window.strides[1],
            depthMultiplier=1,
        )

    def max_pool(self, name: str, x: Tensor, window: Window) -> Tensor:
        """The largest of each window; no padding."""
        return self._pool(name, "MAX_POOL_2D", x, window)

    def average_pool(self, name: str, x: Tensor, window: Window) -> Tensor:
        """The mean of each window; no padding."""
        return self._pool(name, "AVERAGE_POOL_2D", x, window)

    def mean(self, name: str, x: Tensor) -> Tensor:
        """The mean of each channel, 1 x 1 x 1 x channels."""
        self._picture(name, x)
        axes = self._writer.constant(name + "/axes", np.array([1, 2], np.int32))
        shape = (1, 1, 1, x.channels)
        return self._writer.operator(name, "MEAN", [x, axes], shape, table="ReducerOptions", keepDims=True)

    def pad(self, name: str, x: Tensor, amounts: tuple[tuple[int, int], ...]) -> Tensor:
        """Zeros before and after, for each dimension."""
        if not any(map(any, amounts)):
            return x
        table = self._writer.constant(name + "/amounts", np.array(amounts, np.int32))
        shape = tuple(side + sum(amount) for side, amount in zip(x.shape, amounts, strict=True))
        return self._writer.operator(name, "PAD", [x, table], shape, table="PadOptions")

    def add(self, name: str, x: Tensor, y: Tensor) -> Tensor:
        """A sum; shapes as numpy broadcasts them."""
        return self._writer.operator(name, "ADD", [x, y], self._broadcast(name, x, y), table="AddOptions")

    def multiply(self, name: str, x: Tensor, y: Tensor) -> Tensor:
        """A product; shapes as numpy broadcasts them."""
        return self._writer.operator(name, "MUL", [x, y], self._broadcast(name, x, y), table="MulOptions")

    def per_channel(self, name: str, x: Tensor, values: Floats) -> Tensor:
        """A constant of one value a channel of ``x``, to add or to multiply with."""
        if values.size not in (1, x.channels):
            raise self._misfit(name, x.shape, values.shape)
        shape = (1,) * (len(x.shape) - 1) + (x.channels,)
        return self._writer.constant(name, np.broadcast_to(values.reshape(-1), (x.channels,)).reshape(shape))

    def prelu(self, name: str, x: Tensor, slope: Floats) -> Tensor:
        """x where positive, ``slope`` times x elsewhere; one slope, or one a channel."""
        self._picture(name, x)
        if slope.size not in (1, x.channels):
            raise self._misfit(name, x.shape, slope.shape)
        # One slope a channel, even where all are the same: the form that every kernel takes.
        alpha = np.broadcast_to(slope.reshape(-1), (x.channels,)).reshape(1, 1, -1)
        return self._writer.operator(
            name, "PRELU", [x, self._writer.constant(name + "/slope", alpha)], x.shape
        )

    def relu(self, name: str, x: Tensor) -> Tensor:
        """The positive part."""
        return self._writer.operator(name, "RELU", [x], x.shape)

    def sigmoid(self, name: str, x: Tensor) -> Tensor:
        """1 / (1 + exp(-x))."""
        return self._writer.operator(name, "LOGISTIC", [x], x.shape)

    def softmax(self, name: str, x: Tensor) -> Tensor:
        """Probabilities over the last dimension."""
        return self._writer.operator(name, "SOFTMAX", [x], x.shape, table="SoftmaxOptions", beta=1.0)

    def flatten(self, name: str, x: Tensor) -> Tensor:
        """1 x n. Only of 1 x 1 pictures: elsewhere the order would differ from an NCHW net's."""
        if x.shape[:-1] != (1,) * (len(x.shape) - 1):
            raise ModelError(f"{self._description}: layer {name!r} flattens the shape {list(x.shape)}")
        if len(x.shape) == 2:
            return x
        shape = np.array([1, x.channels], np.int32)
        table = self._writer.constant(name + "/shape", shape)
        return self._writer.operator(
            name, "RESHAPE", [x, table], (1, x.channels), table="ReshapeOptions", newShape=shape
        )

    def dense(self, name: str, x: Tensor, weights: Floats, bias: Floats | None) -> Tensor:
        """A matrix product. ``x``: 1 x in, ``weights``: out x in, ``bias``: out."""
        if len(x.shape) != 2 or weights.ndim != 2 or weights.shape[1] != x.channels:
            raise self._misfit(name, x.shape, weights.shape)
        return self._writer.operator(
            name,
            "FULLY_CONNECTED",
            [
                x,
                self._writer.constant(name + "/weights", weights),
                self._bias(name, bias, weights.shape[0]),
            ],
            (1, weights.shape[0]),
            table="FullyConnectedOptions",
        )

    def _pool(self, name: str, code: str, x: Tensor, window: Window) -> Tensor:
        channels, rows, columns = self._picture(name, x)
        if any(window.pads):
            raise ModelError(f"{self._description}: layer {name!r} pools with padding, which is not known")
        return self._writer.operator(
            name,
            code,
            [x],
            (1, *self._slide(name, (rows, columns), window), channels),
            table="Pool2DOptions",
            padding=schema.Padding.VALID,
            strideH=window.strides[0],
            strideW=window.strides[1],
            filterHeight=window.kernel[0],
            filterWidth=window.kernel[1],
        )

    def _picture(self, name: str, x: Tensor) -> tuple[int, int, int]:
        if len(x.shape) != 4 or x.shape[0] != 1:
            raise ModelError(f"{self._description}: layer {name!r} needs a picture, not {list(x.shape)}")
        return x.shape[3], x.shape[1], x.shape[2]

    def _slide(self, name: str, sides: tuple[int, int], window: Window) -> tuple[int, int]:
        (top, left, bottom, right) = window.pads
        room = (sides[0] + top + bottom, sides[1] + left + right)
        for side, kernel, stride in zip(room, window.kernel, window.strides, strict=True):
            if not (1 <= kernel <= side and 1 <= stride <= side):
                raise ModelError(
                    f"{self._description}: layer {name!r} slides a kernel of {window.kernel} by "
                    f"{window.strides} over {room}"
                )
        down, across = window.strides
        high, wide = window.kernel
        return (room[0] - high) // down + 1, (room[1] - wide) // across + 1

    def _pad_for(self, name: str, x: Tensor, window: Window) -> tuple[int, Tensor]:
        """TFLite's own SAME padding where it is the same, else zeros put there by an operator."""
        if min(window.pads) < 0 or max(window.pads) > max(window.kernel):
            raise ModelError(f"{self._description}: layer {name!r} has the padding {window.pads}")
        if not any(window.pads):
            return schema.Padding.VALID, x
        (rows, columns), (top, left, bottom, right) = window.kernel, window.pads
        centred = (top, bottom, left, right) == (rows // 2, rows // 2, columns // 2, columns // 2)
        if window.strides == (1, 1) and centred and rows % 2 and columns % 2:
            return schema.Padding.SAME, x
        return schema.Padding.VALID, self.pad(
            name + "/pad", x, ((0, 0), (top, bottom), (left, right), (0, 0))
        )

    def _bias(self, name: str, bias: Floats | None, outputs: int) -> Tensor:
        values = np.zeros(outputs, np.float32) if bias is None else bias.reshape(-1)
        if values.shape != (outputs,):
            raise self._misfit(name, (outputs,), values.shape)
        return self._writer.constant(name + "/bias", values)

    def _broadcast(self, name: str, x: Tensor, y: Tensor) -> tuple[int, ...]:
        try:
            return np.broadcast_shapes(x.shape, y.shape)
        except ValueError as error:
            raise self._misfit(name, x.shape, y.shape) from error

    def _misfit(self, name: str, left: tuple[int, ...], right: tuple[int, ...]) -> ModelError:
        return ModelError(
            f"{self._description}: layer {name!r} combines the shapes {list(left)} and {list(right)}, "
            "which do not fit"
        )
