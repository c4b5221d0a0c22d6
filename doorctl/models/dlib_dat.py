"""dlib's ResNet for faces (``dlib_face_recognition_resnet_model_v1.dat``) as TFLite.

The file is dlib's own serialisation, read from the loss inwards: first one version
number for every layer, from output to input, where 2 stands for a layer that computes
and 1 for a tag or a skip; then the computing layers themselves, from input to output,
each as its name, its parameters and what training left behind. An integer is a byte
that holds its length and sign, then its digits; a tensor is four sizes and raw
little-endian float32. The layout follows dlib's ``serialize`` functions (dlib/dnn).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from doorctl.errors import ModelError
from doorctl.models.graph import Graph, Window
from doorctl.models.tflite import Floats, Tensor

_NAME = "dlib's ResNet"
_COMPUTES, _MARKS, _FIRST = 2, 1, 3
_MOST_LAYERS = 1000


def convert(content: bytes) -> bytes:
    """Turn the ``.dat`` file's bytes into a TFLite file.

    The graph takes 1 x 150 x 150 x 3 float32, RGB, (pixel - mean) / 256, and gives the
    128-number embedding, not normalised, as dlib does.

    Raises:
        ModelError: the file is truncated, damaged, or holds a layer that is not known.
    """
    reader = _Reader(content)
    marks = _read_header(reader)
    rows, columns = _read_input(reader)
    net = _Net(rows, columns)
    for number, marked in enumerate(marks):
        net.mark(marked)
        net.layer(reader.text("a layer's name"), reader)
        _skip_training_state(reader, first=number == 0)
    if reader.left:
        raise ModelError(f"{_NAME}: {reader.left} bytes follow the last layer")
    return net.finish()


class _Reader:
    """Reads dlib's serialisation; every short or odd value is a ``ModelError``."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def take(self, count: int, what: str) -> bytes:
        if count > self.left:
            raise ModelError(f"{_NAME}: the file ends within {what} (byte {self._at}): truncated?")
        self._at += count
        return self._content[self._at - count : self._at]

    def integer(self, what: str) -> int:
        control = self.take(1, what)[0]
        size = control & 0x0F
        if control & 0x70 or not 1 <= size <= 8:
            raise ModelError(f"{_NAME}: byte {self._at - 1} should start {what}, and does not: damaged?")
        value = int.from_bytes(self.take(size, what), "little")
        return -value if control & 0x80 else value

    def skip_number(self, what: str) -> None:
        """A float: an integer, and the power of two to multiply it with."""
        self.integer(what)
        self.integer(what)

    def text(self, what: str) -> str:
        size = self.integer(what)
        if not 0 < size <= 64:
            raise ModelError(f"{_NAME}: {what} has {size} characters: damaged?")
        return self.take(size, what).decode("latin-1")

    def expect(self, value: int, what: str) -> None:
        found = self.integer(what)
        if found != value:
            raise ModelError(f"{_NAME}: {what} is {found}, where only {value} is known")

    def tensor(self, what: str) -> Floats:
        self.expect(2, f"the version of {what}")
        sizes = [self.integer(what) for _ in range(4)]
        elements = 1
        for size in sizes:
            if size < 0:
                raise ModelError(f"{_NAME}: {what} has the shape {sizes}")
            elements *= size
        values = np.frombuffer(self.take(4 * elements, what), "<f4").astype(np.float32)
        return values.reshape(sizes) if elements else values

    def skip_alias(self, what: str) -> None:
        """The shape of a part of a tensor; it follows from the layer's sizes."""
        self.expect(1, f"the version of {what}")
        for _ in range(4):
            self.integer(what)


def _read_header(reader: _Reader) -> list[int]:
    """For each computing layer, from input to output, how many marks stand right before it."""
    reader.expect(1, "the file's version")
    loss = reader.text("the loss layer's name")
    if loss != "loss_metric_2":
        raise ModelError(f"{_NAME}: the file starts with {loss!r}, not 'loss_metric_2': another kind of net")
    for what in ("the loss's margin", "the loss's distance"):
        reader.skip_number(what)
    kinds: list[int] = []
    while len(kinds) < _MOST_LAYERS:
        kind = reader.integer("a layer's version")
        if kind == _FIRST:
            break
        if kind not in (_COMPUTES, _MARKS):
            raise ModelError(f"{_NAME}: a layer has version {kind}, where only 1, 2 and 3 are known")
        kinds.append(kind)
    else:
        raise ModelError(f"{_NAME}: more than {_MOST_LAYERS} layers: damaged?")
    marks = [0]
    waiting = 0
    for kind in reversed(kinds):
        if kind == _MARKS:
            waiting += 1
        else:
            marks.append(waiting)
            waiting = 0
    return marks


def _read_input(reader: _Reader) -> tuple[int, int]:
    name = reader.text("the input layer's name")
    if name != "input_rgb_image_sized":
        raise ModelError(f"{_NAME}: the input layer is {name!r}, where only 'input_rgb_image_sized' is known")
    for colour in ("red", "green", "blue"):
        reader.skip_number(f"the mean of {colour}")
    return reader.integer("the input's height"), reader.integer("the input's width")


def _skip_training_state(reader: _Reader, *, first: bool) -> None:
    if set(reader.take(3, "a layer's state")) - {0x30, 0x31}:
        raise ModelError(f"{_NAME}: a layer's state is not of 0 and 1: damaged?")
    for _ in range(3):
        reader.tensor("a layer's gradient")
    if first:
        reader.expect(1, "the input's expansion")


@dataclass(frozen=True, slots=True)
class _Convolution:
    """A convolution that is not in the graph yet, for an affine layer may follow."""

    name: str
    weights: Floats
    bias: Floats
    window: Window


class _Net:
    """The graph as far as it has been read."""

    def __init__(self, rows: int, columns: int) -> None:
        self._graph = Graph("dlib_resnet")
        self._last = self._graph.input(rows, columns, 3)
        self._waiting: _Convolution | None = None
        self._kept: Tensor | None = None
        self._branch: Tensor | None = None
        self._count = 0

    def mark(self, marks: int) -> None:
        """One mark keeps the value for a later sum; two keep a branch and go back to the kept value."""
        if marks == 1:
            self._kept, self._branch = self._x, None
        elif marks == 2 and self._kept is not None:
            self._branch, self._last = self._x, self._kept
        elif marks:
            raise ModelError(f"{_NAME}: {marks} tags in a row, which no residual block has")

    def layer(self, kind: str, reader: _Reader) -> None:
        """Read one layer's parameters and add it to the graph."""
        self._count += 1
        name = f"{self._count}_{kind.rstrip('_')}"
        readers: dict[str, Callable[[str, _Reader], Tensor | None]] = {
            "con_4": self._convolution,
            "affine_": self._affine,
            "relu_": lambda name, _: self._graph.relu(name, self._x),
            "max_pool_2": self._max_pool,
            "avg_pool_2": self._average_pool,
            "add_prev_": self._sum,
            "fc_2": self._dense,
        }
        if kind not in readers:
            raise ModelError(
                f"{_NAME}: layer {self._count} is {kind!r}, an op that the converter does not know"
            )
        if (value := readers[kind](name, reader)) is not None:
            self._last = value

    @property
    def _x(self) -> Tensor:
        """The value as far as the graph goes. Asking for it ends the wait for an affine layer."""
        if self._waiting is not None:
            held, self._waiting = self._waiting, None
            self._last = self._graph.convolution(held.name, self._last, held.weights, held.bias, held.window)
        return self._last

    def finish(self) -> bytes:
        return self._graph.finish(self._x)

    def _convolution(self, name: str, reader: _Reader) -> None:
        values = reader.tensor(name).reshape(-1)
        filters = reader.integer(name)
        window = _read_window(name, reader)
        for _ in range(2):
            reader.skip_alias(name)
        for _ in range(4):
            reader.skip_number(name)
        shape = (filters, self._x.channels, *window.kernel)
        self._waiting = _Convolution(name, *_split(name, values, shape, (filters,)), window)

    def _affine(self, name: str, reader: _Reader) -> None:
        """A gain and an offset a channel; they go into the convolution before them."""
        values = reader.tensor(name).reshape(-1)
        for _ in range(2):
            reader.skip_alias(name)
        reader.expect(0, f"{name}'s mode")
        held = self._waiting
        if held is None:
            raise ModelError(f"{_NAME}: {name} follows no convolution, where only that is known")
        gain, offset = _split(name, values, held.bias.shape, held.bias.shape)
        # What overflows is told by the graph, which takes finite numbers only.
        with np.errstate(over="ignore", invalid="ignore"):
            weights = held.weights * gain[:, np.newaxis, np.newaxis, np.newaxis]
            bias = held.bias * gain + offset
        self._waiting = _Convolution(name, weights, bias, held.window)

    def _max_pool(self, name: str, reader: _Reader) -> Tensor:
        return self._graph.max_pool(name, self._x, _read_window(name, reader))

    def _average_pool(self, name: str, reader: _Reader) -> Tensor:
        window = _read_window(name, reader)
        # A kernel of no size is dlib's way to say: the whole picture.
        if window.kernel == (0, 0):
            return self._graph.mean(name, self._x)
        return self._graph.average_pool(name, self._x, window)

    def _sum(self, name: str, _: _Reader) -> Tensor:
        """dlib adds tensors of unequal sizes by padding the smaller with zeros at its ends."""
        other = self._kept if self._branch is None else self._branch
        if other is None or len(other.shape) != len(self._x.shape):
            raise ModelError(f"{_NAME}: {name} sums with a layer that is not there")
        shape = tuple(map(max, self._x.shape, other.shape))
        left, right = (
            self._graph.pad(
                f"{name}/{side}", part, tuple((0, a - b) for a, b in zip(shape, part.shape, strict=True))
            )
            for side, part in (("straight", self._x), ("branch", other))
        )
        return self._graph.add(name, left, right)

    def _dense(self, name: str, reader: _Reader) -> Tensor:
        outputs, inputs = reader.integer(name), reader.integer(name)
        values = reader.tensor(name).reshape(-1)
        for _ in range(2):
            reader.skip_alias(name)
        reader.expect(1, f"{name}'s bias mode")
        for _ in range(4):
            reader.skip_number(name)
        weights, _nothing = _split(name, values, (inputs, outputs), (0,))
        x = self._graph.flatten(name + "/flat", self._x)
        return self._graph.dense(name, x, np.ascontiguousarray(weights.T), None)


def _read_window(name: str, reader: _Reader) -> Window:
    rows, columns, down, right, top, left = (reader.integer(name) for _ in range(6))
    return Window((rows, columns), (down, right), (top, left, top, left))


def _split(
    name: str, values: Floats, first: tuple[int, ...], second: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """The two tensors that dlib keeps end to end in one."""
    if min(*first, *second, 0) < 0 or math.prod(first) + math.prod(second) != values.size:
        raise ModelError(f"{_NAME}: {name} holds {values.size} numbers, not those of {first} and {second}")
    cut = math.prod(first)
    return values[:cut].reshape(first), values[cut:].reshape(second)
